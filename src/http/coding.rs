//! The content coding that a client's `Accept-Encoding` asks for (RFC 9110, 12.5.3).
//!
//! There is one coding, gzip. A client that accepts neither gzip nor the plain bytes gets the plain
//! bytes, never a `406`. An element that svm cannot parse counts as absent, since plain bytes are
//! never wrong. The parser allocates nothing.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use crate::entry::Coding;

/// Returns the coding that the client prefers. The body may lack a form in this coding.
pub(super) fn preferred(headers: &HeaderMap) -> Coding {
    let mut weights = Weights::default();
    for line in headers.get_all(ACCEPT_ENCODING) {
        line.as_bytes().split(|byte| *byte == b',').for_each(|element| weights.read(element));
    }
    weights.choose()
}

/// The weights that the client gave, in thousandths. A coding that occurs twice has the lower
/// weight.
#[derive(Default)]
struct Weights {
    gzip: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
}

impl Weights {
    /// Returns gzip if it is acceptable and the client does not explicitly prefer the plain bytes.
    fn choose(&self) -> Coding {
        let gzip = self.gzip.or(self.others).unwrap_or(0);
        if gzip > 0 && gzip >= self.identity.unwrap_or(0) { Coding::Gzip } else { Coding::Identity }
    }

    fn read(&mut self, element: &[u8]) {
        let mut parts = element.splitn(2, |byte| *byte == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let Some(weight) = parts.next().map_or(Some(1000), weight) else { return };
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        let wish = match () {
            () if is(b"gzip") || is(b"x-gzip") => &mut self.gzip,
            () if is(b"identity") => &mut self.identity,
            () if is(b"*") => &mut self.others,
            () => return,
        };
        *wish = Some(wish.map_or(weight, |before| before.min(weight)));
    }
}

/// Parses `q=` and a number from 0 to 1 with at most three decimals. Returns thousandths.
fn weight(parameter: &[u8]) -> Option<u16> {
    let number = match parameter.trim_ascii() {
        [b'q' | b'Q', b'=', number @ ..] => number,
        _ => return None,
    };
    let (whole, digits) = match number {
        [whole @ (b'0' | b'1')] => (*whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] if digits.len() <= 3 => (*whole, digits),
        _ => return None,
    };
    let mut thousandths = u16::from(whole - b'0');
    for place in 0..3 {
        let digit = *digits.get(place).unwrap_or(&b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths = thousandths * 10 + u16::from(digit - b'0');
    }
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn choice(lines: &[&str]) -> Coding {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::try_from(*line).unwrap());
        }
        preferred(&headers)
    }

    #[test]
    fn clients_that_accept_gzip_get_it() {
        let gets_gzip = |lines: &[&str]| assert_eq!(choice(lines), Coding::Gzip, "{lines:?}");
        gets_gzip(&["gzip"]);
        gets_gzip(&["GZip"]);
        gets_gzip(&["x-gzip"]);
        gets_gzip(&["deflate, gzip, br, zstd"]);
        gets_gzip(&["deflate", "br", "gzip"]);
        gets_gzip(&[" gzip ; q=0.5 "]);
        gets_gzip(&["\tgzip\t;\tQ=0.001"]);
        gets_gzip(&["gzip;q=1.000"]);
        gets_gzip(&["gzip;q=1."]);
        gets_gzip(&[",, gzip,,"]);
        gets_gzip(&["*"]);
        gets_gzip(&["*;q=0.1"]);
        gets_gzip(&["br;q=1, *;q=0.5"]);
        gets_gzip(&["gzip, *;q=0"]);
        gets_gzip(&["gzip, identity"]);
        gets_gzip(&["gzip;q=0.5, identity;q=0.5"]);
        gets_gzip(&["gzip;q=0.1, identity;q=0"]);
        gets_gzip(&["gzip;q=0.5, *;q=1"]);
    }

    #[test]
    fn other_clients_get_the_plain_bytes() {
        let gets_bytes = |lines: &[&str]| assert_eq!(choice(lines), Coding::Identity, "{lines:?}");
        gets_bytes(&[]);
        gets_bytes(&[""]);
        gets_bytes(&["identity"]);
        gets_bytes(&["br, deflate"]);
        gets_bytes(&["gzipp", "gzi", "x-gzi", "gzip2", "g zip", "\"gzip\""]);
        gets_bytes(&["gzip;q=0"]);
        gets_bytes(&["gzip;q=0.000"]);
        gets_bytes(&["x-gzip;q=0, *"]);
        gets_bytes(&["gzip;q=0", "gzip"]);
        gets_bytes(&["gzip, x-gzip;q=0"]);
        gets_bytes(&["*;q=0"]);
        gets_bytes(&["*;q=0, identity;q=0"]);
        gets_bytes(&["identity, gzip;q=0.9"]);
        gets_bytes(&["identity;q=0.501, *;q=0.5"]);
        gets_bytes(&["identity;q=0"]);
    }

    #[test]
    fn a_weight_that_cannot_be_read_takes_its_coding_along() {
        let weights = ["q", "q=", "q=2", "q=1.001", "q=0.0001", "q=-1", "q=.5", "q=0.5x", "q = 1"];
        for weight in weights {
            assert_eq!(choice(&[&format!("gzip;{weight}")]), Coding::Identity, "{weight}");
            assert_eq!(choice(&[&format!("gzip;{weight}, *")]), Coding::Gzip, "{weight}");
        }
        for more in ["level=9", "q=1;q=1", "q=1;level=9", "", ";q=1"] {
            assert_eq!(choice(&[&format!("gzip;{more}")]), Coding::Identity, "{more}");
        }
    }

    /// A slow reference implementation by other means: strings, decimal fractions, and all elements
    /// in one step.
    fn read_slowly(lines: &[String]) -> Coding {
        let elements = lines.join(",").to_ascii_lowercase();
        let elements: Vec<_> = elements.split(',').filter_map(slow_element).collect();
        let least = |names: &[&str]| {
            let named = elements.iter().filter(|(name, _)| names.contains(&name.as_str()));
            named.map(|(_, weight)| *weight).min_by(f64::total_cmp)
        };
        let gzip = least(&["gzip", "x-gzip"]).or_else(|| least(&["*"]));
        match (gzip, least(&["identity"])) {
            (Some(gzip), identity) if gzip > 0.0 && identity.is_none_or(|it| gzip >= it) => {
                Coding::Gzip
            }
            _ => Coding::Identity,
        }
    }

    fn slow_element(element: &str) -> Option<(String, f64)> {
        let trim = |text: &str| text.trim_matches([' ', '\t']).to_owned();
        let Some((name, weight)) = element.split_once(';') else {
            return Some((trim(element), 1.0));
        };
        let weight = trim(weight);
        let number = weight.strip_prefix("q=")?;
        let is_short = number.len() <= 5 && number.starts_with(['0', '1']);
        let is_plain = number.chars().all(|c| c == '.' || c.is_ascii_digit());
        let is_spelt = number.len() == 1 || number.get(1..2) == Some(".");
        let value: f64 = number.parse().ok()?;
        (is_short && is_plain && is_spelt && value <= 1.0).then(|| (trim(name), value))
    }

    fn elements() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            3 => Just("gzip"), 1 => Just("x-gzip"), 1 => Just("GZIP"), 2 => Just("identity"), 2 => Just("*"),
            1 => Just("br"), 1 => Just(""), 1 => Just("gz ip"),
        ];
        let weight = prop_oneof![
            3 => Just(String::new()),
            2 => "; ?[qQ]=[01](\\.[0-9]{0,4})?",
            1 => "; ?q=(0|0\\.5|0\\.50|1|1\\.0|0\\.499)",
            1 => " ?; ?[qQx]?=?[-0-9.]{0,6}",
        ];
        (name, weight, "[ \t]{0,2}", "[ \t]{0,2}")
            .prop_map(|(name, weight, before, after)| format!("{before}{name}{weight}{after}"))
    }

    proptest! {
        #[test]
        fn it_is_read_as_by_the_book(
            lines in prop::collection::vec(prop::collection::vec(elements(), 0..4), 0..3)
        ) {
            let lines: Vec<_> = lines.iter().map(|elements| elements.join(",")).collect();
            let texts: Vec<_> = lines.iter().map(String::as_str).collect();
            prop_assert_eq!(choice(&texts), read_slowly(&lines));
        }

        #[test]
        fn arbitrary_lines_are_read_as_by_the_book(lines in prop::collection::vec("[ -~\t]{0,30}", 0..3)) {
            let texts: Vec<_> = lines.iter().map(String::as_str).collect();
            prop_assert_eq!(choice(&texts), read_slowly(&lines));
        }
    }
}
