//! Many requests in one write: each gets its own answer.

use crate::support::app::TestApp;
use crate::support::raw::{Raw, talk};

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: svm\r\n\r\n")
}

#[tokio::test]
async fn ten_requests_in_one_write_get_their_answers_in_their_order() {
    let app = TestApp::start().await;
    let document = |n: usize| format!("/repos/octo/n{n}");
    // The first answers are the slowest, so a service that answers out of order fails the test.
    let gate = app.github.hold(&document(0));
    for n in 0..10 {
        app.github.document(&document(n), format!(r#"{{"n":{n}}}"#));
    }
    let ten: String = (0..10)
        .map(|n| request(&format!("/version?url=https://api.github.com{}", document(n))))
        .collect();
    let mut raw = Raw::connect(app.address()).await;
    raw.send(ten).await;
    gate.arrived(1).await;
    assert_eq!(app.version("https://api.github.com/repos/octo/n5").await.json()["n"], 5);
    gate.open();
    for n in 0..10 {
        let answer = raw.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.json()["n"].as_u64()), (200, Some(n)));
    }
    assert_eq!(app.github.total_calls(), 10);
}

#[tokio::test]
async fn a_refused_request_among_others_spoils_none_of_them() {
    let app = TestApp::start().await;
    let paths = ["/ping", "/version?url=x", "/nowhere", "/ping", "/version", "/ping"];
    let mut requests: String = paths.iter().map(|path| request(path)).collect();
    requests.push_str("POST /ping HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n");
    let answers = talk(app.address(), requests).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 400, 404, 200, 400, 200, 405]);
}

#[tokio::test]
async fn bytes_after_a_refused_head_are_never_read() {
    let app = TestApp::start().await;
    let hidden = request("/version?url=https://api.github.com/repos/hidden/x");
    let bytes = format!("{}nonsense\r\n\r\n{hidden}", request("/ping"));
    let answers = talk(app.address(), bytes).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(app.github.accepted(), 0);
}
