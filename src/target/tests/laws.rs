//! Properties that hold for every input.

use proptest::prelude::*;
use url::Url;

use crate::target::{Policy, Target};

fn parse(raw: &str) -> Option<Target> {
    Target::parse(raw, &Policy::default()).ok()
}

/// Returns text that resembles a URL often enough to pass the first checks.
fn url_like() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![9 => Just("https://"), 1 => Just("HTTPS://"), 1 => Just("https:")];
    let host = prop_oneof![
        8 => Just("api.github.com".to_owned()),
        2 => Just("Raw.githubusercontent.com".to_owned()),
        2 => "[a-z0-9.:@\\[\\]%-]{0,12}(api\\.github\\.com)?[a-z0-9.:@-]{0,6}",
    ];
    let port = prop_oneof![6 => Just(""), 1 => Just(":"), 1 => Just(":443"), 1 => Just(":8443")];
    let piece = "([a-z]|[A-Z.~_=&+;'@:/?%-]|%[0-9a-fA-F]{2}|%25[0-9a-f]{2}|\\PC){0,24}";
    (scheme, host, port, "(/repos/[a-z]{1,3}/)?", piece, "(\\?[ab=&%12'c]{0,12})?").prop_map(
        |(scheme, host, port, path, piece, query)| {
            format!("{scheme}{host}{port}{path}{piece}{query}")
        },
    )
}

fn well_formed() -> impl Strategy<Value = String> {
    let segment = "[a-z]([a-zA-Z0-9_~-]|%2[fF]x|%7[eE]|%[6][1-9aA]|[!$&'()*+,:=@\\[\\]]){0,8}";
    // Without %25, which with two more digits could be a byte that is not UTF-8.
    let pair = "([a-c]|%6[1-3]){1,2}(=([a-z0-9+/?']|%2[0-46-9a-fA-F]){0,6})?";
    let segments = prop::collection::vec(segment, 0..4);
    (segments, prop::collection::vec(pair, 0..5)).prop_map(|(segments, pairs)| {
        let path: String = segments.iter().map(|segment| format!("/{segment}")).collect();
        format!("https://api.github.com/repos/o{path}?{}", pairs.join("&"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_text_never_panics(raw in "\\PC*|[ -~\\t\\n\\x00]{0,80}") {
        let _verdict = parse(&raw);
        let _verdict = parse(&format!("https://api.github.com/repos/{raw}"));
        let _verdict = parse(&format!("https://{raw}"));
    }

    #[test]
    fn accepted_urls_are_allowed_and_unambiguous(raw in url_like()) {
        if let Some(target) = parse(&raw) {
            prop_assert_eq!(target.port(), 443);
            let policy = Policy::default();
            prop_assert!(policy.hosts.iter().any(|listed| listed.host() == target.host()));
            if target.gets_token() {
                let opened = ["/repos/", "/repositories/"];
                prop_assert!(opened.iter().any(|prefix| target.path().starts_with(prefix)));
            }
            let url = Url::parse(target.as_str()).unwrap();
            prop_assert_eq!(url.as_str(), target.as_str());
            prop_assert_eq!(url.host_str(), Some(target.host()));
            prop_assert_eq!(url.path(), target.path());
            prop_assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None));
            // The crate also reads the client's text as the same host and path.
            let raw = Url::parse(&raw).unwrap();
            prop_assert_eq!(raw.host_str(), Some(target.host()));
            let segments = |url: &Url| url.path_segments().map(Iterator::count);
            prop_assert_eq!(segments(&raw), segments(&url));
        }
    }

    #[test]
    fn a_canonical_url_is_its_own_canonical_form(raw in prop_oneof![url_like(), well_formed()]) {
        if let Some(target) = parse(&raw) {
            let again = parse(target.as_str());
            prop_assert_eq!(again.as_ref(), Some(&target));
            prop_assert_eq!(again.map(|again| again.key()), Some(target.key()));
        }
    }

    #[test]
    fn well_formed_urls_are_accepted(raw in well_formed()) {
        prop_assert!(parse(&raw).is_some(), "{}", raw);
    }

    #[test]
    fn one_key_is_one_canonical_string(one in well_formed(), other in well_formed()) {
        let (one, other) = (parse(&one).unwrap(), parse(&other).unwrap());
        prop_assert_eq!(one.key() == other.key(), one.as_str() == other.as_str());
    }

    #[test]
    fn pairs_with_distinct_names_may_come_in_any_order(
        pairs in Just(["a=1", "b", "c=%2f", "d='", "e="].map(str::to_owned).to_vec()).prop_shuffle()
    ) {
        let url = format!("https://api.github.com/repos/o/r?{}", pairs.join("&"));
        let sorted = "https://api.github.com/repos/o/r?a=1&b&c=%2F&d=%27&e=";
        let target = parse(&url).unwrap();
        prop_assert_eq!(target.as_str(), sorted);
    }

    #[test]
    fn pairs_with_one_name_keep_their_order(values in prop::collection::vec("[a-z]{0,3}", 1..6)) {
        let query: Vec<_> = values.iter().map(|value| format!("a={value}")).collect();
        let url = format!("https://api.github.com/repos/o/r?{}", query.join("&"));
        let target = parse(&url).unwrap();
        prop_assert_eq!(target.as_str(), url);
    }

    #[test]
    fn encoding_unreserved_characters_changes_nothing(
        raw in well_formed(), choices in prop::collection::vec(any::<bool>(), 1..50)
    ) {
        let mut choices = choices.iter().cycle();
        let respelt: String = raw["https://api.github.com/".len()..]
            .split_inclusive(|_| true)
            .scan(0_usize, |in_triplet, piece| {
                let byte = piece.as_bytes()[0];
                let is_free = *in_triplet == 0 && byte.is_ascii_alphanumeric();
                *in_triplet = if piece == "%" { 2 } else { in_triplet.saturating_sub(1) };
                let encode = is_free && choices.next() == Some(&true);
                Some(if encode { format!("%{byte:02x}") } else { piece.to_owned() })
            })
            .collect();
        let respelt = format!("https://api.github.com/{respelt}");
        prop_assert_eq!(parse(&respelt), parse(&raw), "{}", respelt);
    }
}
