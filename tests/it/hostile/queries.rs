//! Query strings in a request line: repeated and unknown parameters, unreadable values, and the
//! number of decodings.

use std::time::Duration;

use super::table;
use super::urls::assert_is_for;
use crate::support::app::TestApp;
use crate::support::raw::talk;

const TABLE: &str = include_str!("../../../testdata/hostile/queries.txt");

#[tokio::test]
async fn every_query_of_the_table_is_answered_as_it_says() {
    let app = TestApp::start().await;
    let (mut refused, mut accepted) = (0, 0);
    for case in table::cases(TABLE) {
        let [status, query, told, reason] = &case.columns[..] else { panic!("line {}", case.line) };
        let line = format!("line {}: {reason}", case.line);
        // No stored answer to an earlier case serves this one.
        app.advance(Duration::from_secs(3_600));
        let before = app.github.requests().len();
        let head =
            format!("GET /version?{query} HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n");
        let answers = talk(app.address(), head).await;
        let [answer] = &answers[..] else { panic!("{line}: {answers:?}") };
        let asked = app.github.requests().split_off(before);
        if status == "ok" {
            accepted += 1;
            assert_eq!(answer.status, 404, "{line}");
            let [request] = &asked[..] else { panic!("{line}: {asked:?}") };
            assert_is_for(request, told);
            continue;
        }
        refused += 1;
        let expected = match told.as_str() {
            "-" => serde_json::Value::Null,
            told => serde_json::json!({ "error": "Invalid parameter", "detail": told }),
        };
        assert_eq!(
            (answer.status.to_string(), answer.json()),
            (status.clone(), expected),
            "{line}"
        );
        assert_eq!(answer.header("x-cache"), if told == "-" { "" } else { "BYPASS" }, "{line}");
        assert!(asked.is_empty(), "{line}: {asked:?}");
    }
    assert!(refused >= 55 && accepted >= 15, "{refused} refused, {accepted} accepted");
    assert_eq!(app.metric("svm_cache_hits_total").await, 0.0);
}
