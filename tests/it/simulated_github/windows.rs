//! Two rate-limit windows that answers to one token show in alternation.

use super::{Fixture, LATEST, header};

#[tokio::test]
async fn two_windows_are_shown_and_spent_in_turn() {
    let fixture = Fixture::with_release().await;
    let github = &fixture.github;
    github.set_now(1_780_000_000);
    github.user("alice").token("a").used(129).resets_in(1_320).second_window(45, 2_580);
    let shown = async || {
        let answer = fixture.get_as("a", LATEST).await;
        let of = |name| header(&answer, &format!("x-ratelimit-{name}"));
        (of("used"), of("reset"))
    };
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(shown().await);
    }
    let pair = |used: &str, reset: &str| (used.to_owned(), reset.to_owned());
    let [first, second] = ["1780001320", "1780002580"];
    assert_eq!(
        seen,
        [pair("46", second), pair("130", first), pair("47", second), pair("131", first)]
    );
    github.set_now(1_780_001_320);
    assert_eq!(shown().await, pair("48", second));
    assert_eq!(shown().await, pair("1", "1780004920"), "the one that has ended begins again");
}
