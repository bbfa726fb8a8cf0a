//! Upstreams that lie, stall or break: the client gets an error, nothing of the answer is stored,
//! and the earlier copy is kept, served and revalidated.
//!
//! A row is a name, the upstream's behavior, and the verdict. The name states the fault.

mod bodies;
mod codings;
mod connections;
mod errors;
mod floods;
mod framing;
mod heads;
mod lengths;
mod limits;
mod outages;
mod pool;
mod redirects;
mod slow;
mod validators;

use std::time::Duration;

use svm::clock::Stopwatch;

use crate::LATEST;
use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::github::{Failure, Wire};

/// The header of every answer that is not a test of this header.
const JSON: &str = "content-type: application/json; charset=utf-8";
/// The answer of a healthy upstream.
const DOCUMENT: &str = r#"{"tag_name":"v9"}"#;

/// The timeout: far longer than any answer that must not time out takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The margin for a busy machine.
const GRACE: Duration = Duration::from_secs(5);
const MAX_BODY_BYTES: usize = 200_000;
/// A time after which a copy is no longer fresh, but may still be served stale.
const EXPIRY: Duration = Duration::from_secs(25 * 60 * 60);

/// The longest time for which a refusal is remembered.
const LONGEST_REFUSAL: Duration = Duration::from_secs(60 * 60);

/// The answer that a client gets for a failure.
#[derive(Clone, Copy)]
struct Verdict {
    status: u16,
    error: &'static str,
    detail: &'static str,
    /// The status that the upstream sent, if it sent one.
    forward_status: Option<u16>,
    /// The reason in `Cache-Status`.
    reason: &'static str,
}

const NOT_JSON: Verdict = bad(200, "not-json", "the upstream's answer is not JSON");
const CUT_SHORT: Verdict = bad(200, "cut-short", "the upstream's answer ended early");
const TOO_LARGE: Verdict = bad(200, "too-large", "the upstream's answer is too large");
const UNREACHABLE: Verdict = Verdict {
    error: "Upstream unreachable",
    forward_status: None,
    ..bad(0, "unreachable", "the upstream could not be reached")
};

/// Returns the verdict on an answer with this status that is not usable.
const fn bad(status: u16, reason: &'static str, detail: &'static str) -> Verdict {
    let forward_status = Some(status);
    Verdict { status: 502, error: "Bad upstream response", detail, forward_status, reason }
}

impl Verdict {
    #[track_caller]
    fn assert(self, answer: &Answer, forward: &str, name: &str) {
        let summary = format!("{name}: {}", answer.summary());
        assert_eq!(answer.status, self.status, "{summary}");
        let want = serde_json::json!({ "error": self.error, "detail": self.detail });
        assert_eq!(answer.json(), want, "{summary}");
        assert_eq!(answer.header("cache-status"), self.told(forward, self.reason), "{summary}");
    }

    fn told(self, forward: &str, detail: &str) -> String {
        let status = self.forward_status.map(|status| format!("; fwd-status={status}"));
        format!("svm; fwd={forward}{}; detail={detail}", status.unwrap_or_default())
    }
}

/// Returns a complete `200` with this body.
fn ok(body: impl AsRef<[u8]>) -> Failure {
    Failure::Wire(Wire::whole("200 OK", JSON, body))
}

/// Returns a complete `200` with these additional headers.
fn with(headers: &str, body: impl AsRef<[u8]>) -> Failure {
    Failure::Wire(Wire::whole("200 OK", &format!("{JSON}\n{headers}"), body))
}

fn builder(timeout: Duration) -> TestAppBuilder {
    TestApp::builder()
        .set("UPSTREAM_TIMEOUT", &format!("{}ms", timeout.as_millis()))
        .set("MAX_UPSTREAM_RESPONSE_BYTES", &MAX_BODY_BYTES.to_string())
        // A busy machine may be slow with long bodies; the copy must report the failure.
        .set("STALE_AFTER", "0s")
}

async fn app() -> TestApp {
    let app = builder(TIMEOUT).start().await;
    app.github.release("octo/app").serve();
    app
}

/// Returns the answer to a request. Asserts that it comes within the time limit of an exchange.
async fn timely(asking: impl Future<Output = Answer>, limit: Duration, name: &str) -> Answer {
    let stopwatch = Stopwatch::start();
    let answer = asking.await;
    assert!(stopwatch.elapsed() < limit + GRACE, "{name}: took {:?}", stopwatch.elapsed());
    answer
}

/// Asserts that each of these failures gets this verdict, and harms nothing.
async fn refused<const N: usize>(verdict: Verdict, rows: [(&str, Failure); N]) {
    for (name, failure) in rows {
        refuses(&app().await, TIMEOUT, name, &failure, verdict).await;
    }
}

/// Asserts that a failure gets this verdict, leaves nothing behind, and harms no earlier copy.
async fn refuses(app: &TestApp, limit: Duration, name: &str, failure: &Failure, verdict: Verdict) {
    let fail = || _ = app.github.fail_all(failure.clone());
    fail();
    let cold = timely(app.version(LATEST), limit, name).await;
    verdict.assert(&cold, "uri-miss", name);

    // No tier has the failure. By then, no refusal is remembered any more.
    app.github.recover();
    app.advance(LONGEST_REFUSAL);
    let copy = app.version(LATEST).await;
    assert_eq!((copy.status.as_u16(), copy.header("x-cache")), (200, "MISS"), "{name}");

    // A `304` cannot hide a failure, since the document has changed.
    app.github.publish("octo/app", "v2.0.0");
    fail();
    let refresh = timely(app.refresh(LATEST), limit, name).await;
    verdict.assert(&refresh, "request", name);
    let fresh = app.version(LATEST).await;
    assert_eq!((&fresh.body, fresh.header("x-cache")), (&copy.body, "HIT"), "{name}");

    app.advance(EXPIRY);
    let stale = timely(app.version(LATEST), limit, name).await;
    assert_eq!((stale.status.as_u16(), &stale.body), (200, &copy.body), "{name}");
    assert_eq!(stale.header("cache-status"), verdict.told("stale", "stale-if-error"), "{name}");

    app.github.recover();
    let mended = app.refresh(LATEST).await;
    assert_eq!(mended.json()["tag_name"], "v2.0.0", "{name}: {}", mended.summary());
    assert_eq!(app.version(LATEST).await.header("cache-status"), "svm; hit; ttl=86400", "{name}");
}

/// Asserts that each of these answers is accepted: it is stored, served byte for byte, and replaced
/// by a later one.
async fn taken<const N: usize>(rows: [(&str, Failure, &[u8]); N]) {
    for (name, failure, body) in rows {
        let app = app().await;
        app.github.fail_all(failure);
        let answer = timely(app.version(LATEST), TIMEOUT, name).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.summary());
        assert!(answer.body == body, "{name}: {}", answer.text());
        let again = app.version(LATEST).await;
        assert!(again.header("x-cache") == "HIT" && again.body == body, "{name}");
        app.github.recover();
        assert_eq!(app.refresh(LATEST).await.json()["tag_name"], "v1.0.0", "{name}");
    }
}
