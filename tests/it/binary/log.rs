//! The standard output of the binary, also if no process reads it.

use reqwest::Method;
use serde_json::json;

use crate::support::app::Answer;
use crate::support::github::{GitHub, Lie};
use crate::support::process::{Setup, lines};
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn every_line_is_json_and_every_request_has_one() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let svm = Setup::new().behind(&github).start().await;
    let _ = svm.version(LATEST).await;
    let _ = svm.version(LATEST).await;
    let _ = svm.get("/version?url=ftp://example.org").await;
    let _ = svm.get("/nowhere?secret=1").await;
    let ended = svm.terminate().await;
    for line in lines(&ended.stdout) {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        assert!(line["target"].is_string() && line["message"].is_string(), "{line}");
    }
    let requests = ended.said("request");
    let seen: Vec<_> = requests
        .iter()
        .map(|line| json!([line["client"], line["path"], line["status"], line["cache"]]))
        .collect();
    let want = [
        json!(["127.0.0.1", "/version", 200, "MISS"]),
        json!(["127.0.0.1", "/version", 200, "HIT"]),
        json!(["127.0.0.1", "/version", 400, "BYPASS"]),
        json!(["127.0.0.1", "/nowhere", 404, null]),
    ];
    assert_eq!(seen, want);
}

#[tokio::test]
async fn lines_are_text_where_text_is_asked_for() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let setup = Setup::new().behind(&github).set("WRITE_BEHIND_FLUSH_INTERVAL", "1h");
    let svm = setup.set("LOG_FORMAT", "text").start().await;
    let _ = svm.version(LATEST).await;
    let ended = svm.terminate().await;
    assert!(ended.stdout.lines().all(|line| !line.starts_with('{')), "{}", ended.stdout);
    assert!(!ended.stdout.contains('\x1b'), "{}", ended.stdout);
    let request = "svm::access: 127.0.0.1 GET /version api.github.com/repos/octo/app/releases/latest \
                   status=200 cache=MISS detail=- bytes=";
    assert!(ended.stdout.contains(request), "{}", ended.stdout);
    assert!(ended.stdout.contains("stopped flushed=1 lost=0 abandoned=0"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_loss_that_is_not_confirmed_has_a_line_with_both_states() {
    let github = GitHub::start().await;
    github.release("octo/app").tag("v1.2.3").serve();
    let svm = Setup::new().behind(&github).start().await;
    let _ = svm.version(LATEST).await;
    github.lie(LATEST_PATH, Lie::Missing, 600);
    for _ in 0..2 {
        let _ = svm.get(&format!("/version?refresh=true&url={LATEST}")).await;
    }
    let ended = svm.terminate().await;
    let lines = ended.said("a loss is not confirmed yet");
    assert_eq!(lines.len(), 1, "one line a case");
    let requests = ended.said("request");
    let second = &requests[1];
    assert_eq!(second["detail"], "unconfirmed", "{second}");
    assert_eq!(lines[0]["span"]["request_id"], second["request_id"], "{}", lines[0]);
    assert_eq!(lines[0]["loss"], "latest-missing");
    assert_eq!((&lines[0]["stored"], &lines[0]["claimed"]), (&json!("v1.2.3"), &json!("404")));
}

#[tokio::test]
async fn the_line_of_a_call_belongs_to_the_request_that_made_it() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let svm = Setup::new().behind(&github).start().await;
    let miss = svm.version(LATEST).await;
    let _ = svm.version(LATEST).await;
    let ended = svm.terminate().await;
    let document = json!("api.github.com/repos/octo/app/releases/latest");
    let mut calls = ended.said("upstream answered");
    calls.retain(|call| call["document"] == document);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["span"]["request_id"], json!(miss.header("x-request-id")));
    assert_eq!((&calls[0]["token"], &calls[0]["cost"]), (&json!(0), &json!("charged")));
    assert!(calls[0]["github_request_id"].is_string(), "{}", calls[0]);
    assert!(calls[0]["micros"].is_u64(), "{}", calls[0]);
}

#[tokio::test]
async fn rust_log_silences_what_it_names() {
    let svm = Setup::new().set("RUST_LOG", "info,svm::access=off").start().await;
    let _ = svm.get("/nowhere").await;
    let ended = svm.terminate().await;
    assert!(ended.said("request").is_empty());
    assert_eq!(ended.said("stopped").len(), 1);
}

#[tokio::test]
async fn the_client_behind_a_trusted_proxy_is_the_one_that_is_logged() {
    let client = async |setup: Setup| {
        let svm = setup.start().await;
        let request = svm.request(Method::GET, "/nowhere");
        let request = request
            .header("x-forwarded-for", "192.0.2.1, 198.51.100.7")
            .header("x-forwarded-for", "127.0.0.1");
        assert_eq!(Answer::of(request).await.status, 404);
        let ended = svm.terminate().await;
        let requests = ended.said("request");
        requests.iter().find(|line| line["path"] == "/nowhere").unwrap()["client"].clone()
    };
    let trusting = Setup::new().set("FORWARDED_ALLOW_IPS", "127.0.0.1");
    assert_eq!(client(trusting).await, "198.51.100.7");
    assert_eq!(client(Setup::new()).await, "127.0.0.1");
}

#[tokio::test]
async fn a_stalled_reader_of_the_log_delays_no_request() {
    // With so many lines per request, the pipe and the queue are soon full.
    let svm = Setup::new().set("RUST_LOG", "trace").start_unread().await;
    let mut dropped = 0.0;
    while dropped == 0.0 {
        assert_eq!(svm.get("/ping").await.status, 200);
        dropped = svm.metric("svm_log_lines_dropped_total").await;
    }
    for _ in 0..100 {
        assert_eq!(svm.get("/ping").await.status, 200);
    }
    assert!(svm.metric("svm_log_lines_dropped_total").await > dropped);
    svm.signal("TERM").await;
    svm.ended().await.assert_code(0);
}
