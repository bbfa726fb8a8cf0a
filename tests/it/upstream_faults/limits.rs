//! Limits with absurd numbers: no endless cooldown, and no panic.

use std::time::Duration;

use super::app;
use crate::LATEST;
use crate::support::github::{Failure, Wire};

/// A time longer than any cooldown.
const LATER: Duration = Duration::from_secs(3 * 60 * 60);
const LONGEST_SECS: u64 = 2 * 60 * 60;

/// Values that an implementation without the specification might send.
const NONSENSE: [&str; 15] = [
    "",
    "soon",
    "-1",
    "-9223372036854775808",
    "0",
    "00000000000000000000000000007",
    "1.5",
    "1e9",
    "0x10",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "\u{e9}",
];

/// Asserts that a limit with these headers is passed on with a reasonable wait, and that the
/// service answers again later.
async fn is_bounded(status: &str, headers: &str) {
    let name = format!("{status}, {headers}");
    let app = app().await;
    let limit = Wire::whole(status, headers, r#"{"message":"API rate limit exceeded"}"#);
    app.github.fail_all(Failure::Wire(limit));
    let answer = app.version(LATEST).await;
    assert!([403, 429].contains(&answer.status.as_u16()), "{name}: {}", answer.summary());
    let wait_secs = answer.retry_after();
    assert!((1..=LONGEST_SECS).contains(&wait_secs), "{name}: {wait_secs}");
    for page in ["/healthz", "/metrics"] {
        assert_eq!(app.get(page).await.status, 200, "{name}: {page}");
    }
    app.github.recover();
    app.advance(LATER);
    assert_eq!(app.version(LATEST).await.status, 200, "{name}");
}

#[tokio::test]
async fn an_absurd_wait_stops_no_token_for_ever() {
    for number in NONSENSE {
        for status in ["403 Forbidden", "429 Too Many Requests"] {
            is_bounded(status, &format!("retry-after: {number}")).await;
        }
    }
}

#[tokio::test]
async fn an_absurd_window_stops_no_token_for_ever() {
    for number in NONSENSE {
        let spent = format!("x-ratelimit-remaining: 0\nx-ratelimit-reset: {number}");
        is_bounded("403 Forbidden", &spent).await;
        is_bounded("429 Too Many Requests", &format!("{spent}\nx-ratelimit-resource: search"))
            .await;
    }
}

#[tokio::test]
async fn numbers_beside_a_document_never_make_the_next_one_fail() {
    for name in ["limit", "remaining", "reset", "used", "resource"] {
        for number in NONSENSE {
            let headers = ["limit: 5000", "remaining: 4000", "reset: 1780316000", "used: 1000"];
            let others = headers.iter().filter(|header| !header.starts_with(name));
            let lines: String = others.map(|header| format!("x-ratelimit-{header}\n")).collect();
            let odd = super::with(&format!("{lines}x-ratelimit-{name}: {number}"), "{}");
            let app = app().await;
            app.github.fail_all(odd).times(2);
            app.version(LATEST).await.assert_document("{}");
            app.refresh(LATEST).await.assert_document("{}");
            assert_eq!(app.refresh(LATEST).await.status, 200, "{name}: {number}");
            assert_eq!(app.get("/metrics").await.status, 200, "{name}: {number}");
        }
    }
}
