//! Go's own test vectors, and two models that are independent of the parser.

use std::time::Duration;

use proptest::prelude::*;

use super::{Error, parse};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
    ("d", 24 * HOUR),
];

#[track_caller]
fn check(text: &str, expected: Result<u64, Error>) {
    assert_eq!(parse(text), expected.map(Duration::from_nanos), "{text:?}");
}

/// The vectors of Go's own `TestParseDuration`, without the negative ones. Go computes a third of
/// an hour in floating point, and rounds it to 20 minutes.
#[test]
fn go_accepts() {
    for (text, nanos) in [
        ("0", 0),
        ("5s", 5 * SECOND),
        ("30s", 30 * SECOND),
        ("1478s", 1_478 * SECOND),
        ("+5s", 5 * SECOND),
        ("-0", 0),
        ("+0", 0),
        ("5.0s", 5 * SECOND),
        ("5.6s", 5_600_000_000),
        ("5.s", 5 * SECOND),
        (".5s", 500_000_000),
        ("1.0s", SECOND),
        ("1.00s", SECOND),
        ("1.004s", 1_004_000_000),
        ("1.0040s", 1_004_000_000),
        ("100.00100s", 100_001_000_000),
        ("10ns", 10),
        ("11us", 11_000),
        ("12\u{b5}s", 12_000),
        ("12\u{3bc}s", 12_000),
        ("13ms", 13_000_000),
        ("14s", 14 * SECOND),
        ("15m", 15 * MINUTE),
        ("16h", 16 * HOUR),
        ("3h30m", 3 * HOUR + 30 * MINUTE),
        ("10.5s4m", 4 * MINUTE + 10_500_000_000),
        ("1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * SECOND + 4_005_006),
        ("39h9m14.425s", 39 * HOUR + 9 * MINUTE + 14_425_000_000),
        ("52763797000ns", 52_763_797_000),
        ("0.3333333333333333333h", 20 * MINUTE - 1),
        ("9007199254740993ns", (1 << 53) + 1),
        ("9223372036854775807ns", (1 << 63) - 1),
        ("9223372036854775.807us", (1 << 63) - 1),
        ("9223372036s854ms775us807ns", (1 << 63) - 1),
        ("0.100000000000000000000h", 6 * MINUTE),
        ("0.830103483285477580700h", 49 * MINUTE + 48_372_539_827),
        ("0.9223372036854775807h", 55 * MINUTE + 20 * SECOND + 413_933_267),
    ] {
        check(text, Ok(nanos));
    }
}

#[test]
fn days_and_mixtures() {
    for (text, nanos) in [
        ("7d", 168 * HOUR),
        ("1.5d", 36 * HOUR),
        ("1d12h", 36 * HOUR),
        ("12h1d", 36 * HOUR),
        (".25d", 6 * HOUR),
        ("1s1s1s", 3 * SECOND),
        ("1m.5s", 60_500_000_000),
        ("106751d", 106_751 * 24 * HOUR),
        ("00000000000000000000000000001s", SECOND),
        ("-0s", 0),
        ("-0.0h0d", 0),
    ] {
        check(text, Ok(nanos));
    }
}

#[test]
fn refusals() {
    for malformed in
        ["", "-", "+", "s", ".", "-.", ".s", "+.s", "++1s", "--1s", " 1s", "1s ", "1s-1s"]
    {
        let error = if malformed.starts_with('1') { Error::UnknownUnit } else { Error::Malformed };
        check(malformed, Err(error));
    }
    for bare in ["3", "00", "1.5", "1h30", "5.", "0.0", "1s0"] {
        check(bare, Err(Error::NoUnit));
    }
    for unknown in
        ["1S", "1M", "1D", "1w", "1y", "1e3s", "1 s", "1sec", "1,5s", "1\u{663}s", "\\x85s1"]
    {
        assert!(parse(unknown).is_err(), "{unknown}");
    }
    for long in [
        "9223372036854775808ns",
        "9223372036854775.808us",
        "9223372036854ms775us808ns",
        "9223372036854775808ns9223372036854775808ns",
        "9223372036854775808ns1ns",
        "106752d",
        "2562048h",
        "99999999999999999999999999999s",
    ] {
        check(long, Err(Error::TooLong));
    }
    for negative in ["-1s", "-1.5h", "-.5s", "-1ns", "-9223372036854775808ns"] {
        check(negative, Err(Error::Negative));
    }
}

#[test]
fn long_inputs_take_linear_time() {
    for hostile in ["0.", "", "1"].map(|start| start.to_owned() + &"1".repeat(1 << 20) + "s") {
        let _verdict = parse(&hostile);
    }
    check(&format!("0.{}s", "0".repeat(1 << 20)), Ok(0));
    check(&"1ns".repeat(1 << 20), Ok(1 << 20));
}

/// One component of a duration as text, and its value in exact arithmetic.
#[derive(Clone, Debug)]
struct Component {
    whole: String,
    decimals: Option<String>,
    unit: usize,
}

impl Component {
    fn text(&self) -> String {
        let decimals = self.decimals.as_ref().map(|decimals| format!(".{decimals}"));
        format!("{}{}{}", self.whole, decimals.unwrap_or_default(), UNITS[self.unit].0)
    }

    fn exact_nanos(&self) -> u128 {
        let unit = u128::from(UNITS[self.unit].1);
        let number = |digits: &str| digits.parse::<u128>().unwrap_or(0);
        let decimals = self.decimals.as_deref().unwrap_or_default();
        number(&self.whole) * unit
            + number(decimals) * unit / 10_u128.pow(decimals.len().try_into().unwrap())
    }
}

fn component() -> impl Strategy<Value = Component> {
    let whole = prop_oneof![4 => "[0-9]{0,3}", 1 => "[0-9]{0,20}"];
    let decimals = prop::option::of(prop_oneof![4 => "[0-9]{0,4}", 1 => "[0-9]{0,24}"]);
    (whole, decimals, 0..UNITS.len())
        .prop_map(|(whole, decimals, unit)| Component { whole, decimals, unit })
        .prop_filter("a number has a digit", |component| {
            component.text().contains(|character: char| character.is_ascii_digit())
        })
}

/// Recognises the grammar by trying every way to cut the text into components.
fn recognises(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "0" {
        return true;
    }
    let cuts: Vec<_> = (0..=unsigned.len()).filter(|&at| unsigned.is_char_boundary(at)).collect();
    let mut reached = vec![0];
    for &end in &cuts[1..] {
        if reached.iter().any(|&start| is_component(&unsigned[start..end])) {
            reached.push(end);
        }
    }
    !unsigned.is_empty() && reached.contains(&unsigned.len())
}

fn is_component(text: &str) -> bool {
    UNITS.iter().filter_map(|(unit, _)| text.strip_suffix(unit)).any(|number| {
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{decimals}");
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn agrees_with_exact_arithmetic(
        sign in "[+-]?", components in prop::collection::vec(component(), 1..6)
    ) {
        let text: String = components.iter().map(Component::text).collect();
        let exact: u128 = components.iter().map(Component::exact_nanos).sum();
        match parse(&format!("{sign}{text}")) {
            Ok(duration) => {
                prop_assert!(duration.as_nanos() == exact, "{} {:?}", text, duration);
                prop_assert!(sign != "-" || duration.is_zero());
                prop_assert!(duration.as_nanos() < 1 << 63);
            }
            Err(Error::Negative) => prop_assert!(sign == "-" && exact > 0),
            Err(Error::TooLong) => prop_assert!(exact >= 1 << 63, "{}", text),
            Err(error) => prop_assert!(false, "{}: {:?}", text, error),
        }
    }

    #[test]
    fn the_parser_accepts_exactly_the_grammar(text in "[+-]?([0-9.]{1,2}|[nu\u{b5}\u{3bc}mshd]|ms|.){0,9}") {
        let verdict = parse(&text);
        if recognises(&text) {
            prop_assert!(matches!(verdict, Ok(_) | Err(Error::TooLong | Error::Negative)), "{}", text);
        } else {
            prop_assert!(verdict.is_err(), "{}", text);
        }
    }
}
