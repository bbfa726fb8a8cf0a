//! Slow upstreams: the deadline of the exchange covers every part of an answer.

use std::time::Duration;

use futures_util::future::join_all;

use super::{DOCUMENT, JSON, Verdict, builder, refuses};
use crate::LATEST;
use crate::support::github::{Failure, Wire};

/// The timeout: far longer than any fast answer takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(3);
/// The pause between pieces: there are so many pieces that the answer takes longer than the
/// timeout.
const PAUSE: Duration = Duration::from_millis(100);

const TIMED_OUT: Verdict = Verdict {
    status: 504,
    error: "Upstream timed out",
    detail: "no complete answer within 3 seconds",
    forward_status: None,
    reason: "timeout",
};

/// Asserts that svm gives up at the time limit.
async fn times_out((name, failure): (&str, Failure)) {
    let app = builder(LIMIT).start().await;
    app.github.release("octo/app").serve();
    refuses(&app, LIMIT, name, &failure, TIMED_OUT).await;
}

#[tokio::test]
async fn an_upstream_that_stalls_is_not_waited_for_beyond_the_limit() {
    let start = "HTTP/1.1 200 OK\r\n";
    let rows = [
        ("no answer", Failure::Hang),
        ("a slow body", Failure::Drip(PAUSE)),
        ("a slow status line", Failure::Wire(Wire::new("").then_slowly(start, PAUSE))),
        ("slow headers", Failure::Wire(Wire::new(start).then_slowly(JSON, PAUSE))),
        ("half a head", Failure::Wire(Wire::new(start))),
        ("half a body", {
            let headers = format!("{JSON}\ncontent-length: 100");
            Failure::Wire(Wire::head("200 OK", &headers).then(DOCUMENT))
        }),
        ("a slow body in chunks", {
            let headers = format!("{JSON}\ntransfer-encoding: chunked");
            let chunks = "1\r\n \r\n".repeat(20);
            Failure::Wire(Wire::head("200 OK", &headers).then_slowly(chunks, PAUSE))
        }),
    ];
    // The cases run concurrently, since each of them mostly waits.
    join_all(rows.map(times_out)).await;
}

#[tokio::test]
async fn interim_answers_are_no_reason_to_wait_longer() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let failure = Failure::Wire(Wire::new("").then_in_pieces(interim, PAUSE));
    times_out(("interim answers for ever", failure)).await;
}

#[tokio::test]
async fn a_request_without_an_answer_in_time_is_counted() {
    let app = builder(LIMIT).start().await;
    app.github.fail_all(Failure::Hang);
    assert_eq!(app.version(LATEST).await.status, 504);
    let calls = app.github.total_calls();
    assert_eq!(app.metric("svm_upstream_requests_total").await, calls as f64);
    let none =
        "svm_upstream_quota_total{priority=\"foreground\",quota=\"none\",validator=\"none\"}";
    assert_eq!(app.metric(none).await, calls as f64);
}
