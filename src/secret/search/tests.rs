//! Tokens in every form that the search covers, and texts that only resemble one.

use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

const TOKEN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
const OTHER: &str = "github_pat_11AAAAAAA0>?>?>?~~~~/\"\\x";

fn search() -> TokenSearch {
    TokenSearch::new(&[TOKEN, OTHER].map(|token| Secret::new(token).unwrap()))
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn json_escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\u{byte:04X}")).collect()
}

#[track_caller]
fn found(text: &str) {
    for text in [text.to_owned(), format!("{{\"a\":\"\\n{text}\\n\"}}"), format!("%{text}%4")] {
        assert!(search().is_in(text.as_bytes()), "{text}");
    }
}

#[test]
fn a_token_is_found_as_it_is() {
    for token in [TOKEN, OTHER] {
        found(token);
        found(&format!("Authorization: Bearer {token}"));
        found(&format!("https://x:{token}@example.com/"));
    }
}

#[test]
fn a_token_is_found_in_base64_wherever_it_begins() {
    for token in [TOKEN, OTHER] {
        for user in ["", "x:", "me:", "Bearer ", "x-access-token:"] {
            let text = format!("{user}{token}");
            found(&STANDARD.encode(&text));
            found(&URL_SAFE.encode(format!("{text}\n")));
        }
    }
}

#[test]
fn a_token_is_found_behind_escapes() {
    for token in [TOKEN, OTHER] {
        found(&percent(token));
        found(&json_escaped(token));
        found(&token.replace('_', "%5F"));
        found(&token.replace('_', "\\u005f"));
        found(&percent(&percent(&percent(token))));
        found(&json_escaped(&percent(token)));
        found(&percent(&STANDARD.encode(token)));
        found(&serde_json::to_string(token).unwrap());
    }
    assert!(!search().is_in(percent(&percent(&percent(&percent(TOKEN)))).as_bytes()), "a limit");
}

#[test]
fn a_text_that_only_looks_like_a_token_is_none() {
    let cut = &TOKEN[..TOKEN.len() - 1];
    for text in
        ["", "%", "\\", "\\u", "\\u00", "%zz", "ghp_", cut, &TOKEN[1..], &TOKEN.to_lowercase()]
    {
        assert!(!search().is_in(text.as_bytes()), "{text}");
    }
    assert!(!search().is_in(STANDARD.encode(cut).as_bytes()));
}

#[test]
fn a_short_token_is_not_searched_for() {
    let secrets = ["a", "ghp_abc", ""].map(Secret::new);
    let search = TokenSearch::new(&secrets.into_iter().flatten().collect::<Vec<_>>());
    assert!(!search.is_in(b"a ghp_abc"));
    assert!(!TokenSearch::new(&[]).is_in(b"anything"));
}

#[test]
fn the_search_shows_no_token() {
    let shown = format!("{:?}{:#?}", search(), search());
    assert!(!shown.contains("ghp") && !shown.contains("pat"), "{shown}");
}

#[test]
fn escapes_cost_one_copy_of_the_text() {
    let text = "%20".repeat(1 << 20) + &"x".repeat(1 << 20);
    let search = search();
    let taken = allocation_counter::measure(|| assert!(!search.is_in(text.as_bytes())));
    assert!(taken.bytes_max <= text.len() as u64 + 4096, "{} bytes", taken.bytes_max);
}

proptest! {
    #[test]
    fn a_token_is_found_in_any_text(
        before in ".{0,40}", after in ".{0,40}", escapes in proptest::collection::vec(0..3u8, 40),
    ) {
        let escaped = |(byte, form): (u8, &u8)| match form {
            0 => (byte as char).to_string(),
            1 => format!("%{byte:02X}"),
            _ => format!("\\u{byte:04x}"),
        };
        let token: String = TOKEN.bytes().zip(&escapes).map(escaped).collect();
        // A backslash or a percent sign directly before the token would be read as part of it.
        let text = format!("{before} {token}{after}");
        prop_assert!(search().is_in(text.as_bytes()), "{}", text);
    }

    #[test]
    fn any_bytes_are_searched_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = search().is_in(&bytes);
    }

    #[test]
    fn undoing_escapes_ends(text in "[%\\\\u0-9a-f]{0,60}") {
        let mut text = text.into_bytes();
        let before = text.len();
        let changed = unescape(&mut text);
        prop_assert_eq!(changed, text.len() < before);
    }
}
