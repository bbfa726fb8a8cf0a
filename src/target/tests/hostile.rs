//! The table of hostile URLs and of similar harmless ones, on the pure target. The same table runs
//! through a socket in the integration tests.

use std::collections::BTreeMap;

use crate::target::{Policy, Target};

#[path = "../../../tests/it/hostile/table.rs"]
mod table;

const TABLE: &str = include_str!("../../../testdata/hostile/urls.txt");

#[test]
fn every_url_of_the_table_is_judged_as_it_says() {
    let policy = Policy::default();
    let wrong = table::cases(TABLE).into_iter().filter_map(|case| {
        let (raw, expected, reason) =
            match case.columns.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["ok", raw, "=", reason] => (raw, format!("ok {raw}"), reason),
                ["ok", raw, canonical, reason] => (raw, format!("ok {canonical}"), reason),
                [verdict, raw, reason] => (raw, verdict.to_owned(), reason),
                _ => panic!("line {}: {:?}", case.line, case.columns),
            };
        let found = match Target::parse(raw, &policy) {
            Ok(target) => format!("ok {}", target.as_str()),
            Err(error) => format!("{error:?}"),
        };
        (found != expected).then(|| {
            format!("line {}, {reason}:\n  {raw:?}\n  is {found}, not {expected}", case.line)
        })
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn an_accepted_url_is_its_own_canonical_form() {
    let policy = Policy::default();
    for case in table::cases(TABLE).iter().filter(|case| case.columns[0] == "ok") {
        let target = Target::parse(&case.columns[1], &policy).unwrap();
        assert_eq!(Target::parse(target.as_str(), &policy).as_ref(), Ok(&target));
        assert_eq!(target.gets_token(), target.host() == "api.github.com");
    }
}

#[test]
fn the_table_has_cases_of_every_verdict_and_none_twice() {
    let cases = table::cases(TABLE);
    let mut raws: Vec<_> = cases.iter().map(|case| &case.columns[1]).collect();
    raws.sort();
    let twice: Vec<_> = raws.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(cases.len() >= 400, "{} cases", cases.len());

    let mut counts = BTreeMap::new();
    for case in &cases {
        *counts.entry(case.columns[0].as_str()).or_insert(0) += 1;
    }
    // No disagreement between the url crate and the grammar is known: `Ambiguous` is for future
    // ones.
    let verdicts = [
        "Character",
        "Credential",
        "Encoded",
        "Fragment",
        "Host",
        "HostNotAllowed",
        "NotHttps",
        "PathNotAllowed",
        "Percent",
        "Port",
        "Segment",
        "Semicolon",
        "TooLong",
        "UserInfo",
        "Utf8",
        "ok",
    ];
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), verdicts);
    assert!(counts["ok"] >= 60, "{counts:?}");
}
