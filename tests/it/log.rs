//! The fields of access lines, for the diagnosis of a request.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Answer, TestApp};
use crate::support::process::lines;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Returns the access lines so far.
fn requests(app: &TestApp) -> Vec<Value> {
    lines(&app.log())
}

#[tokio::test]
async fn an_answer_and_its_line_have_the_same_id() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let mut answers = vec![app.version(LATEST).await, app.version(LATEST).await];
    answers.push(app.get("/repos/octo/app/releases/latest").await);
    answers.push(app.get("/version").await);
    answers.push(app.get("/nowhere").await);
    let etag = answers[0].header("etag").to_owned();
    let request = app.request(Method::GET, "/repos/octo/app/releases/latest");
    answers.push(Answer::of(request.header("if-none-match", etag)).await);
    let sent: Vec<_> = answers.iter().map(|answer| answer.header("x-request-id")).collect();
    let logged = requests(&app);
    let logged: Vec<_> = logged.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    assert_eq!(sent, logged);
    for id in &sent {
        assert!(id.len() == 16 && u64::from_str_radix(id, 16).is_ok(), "{id}");
        assert_eq!(sent.iter().filter(|other| *other == id).count(), 1, "{sent:?}");
    }
}

#[tokio::test]
async fn the_id_of_a_trusted_proxy_is_taken() {
    let id = async |app: &TestApp, sent: &str| {
        let request = app.request(Method::GET, "/nowhere").header("x-request-id", sent);
        let answer = Answer::of(request).await;
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(requests(app).last().unwrap()["request_id"], json!(id));
        id
    };
    let trusting = TestApp::builder().set("FORWARDED_ALLOW_IPS", "127.0.0.1").start().await;
    assert_eq!(id(&trusting, "7f3a-11").await, "7f3a-11");
    for refused in ["", "a b", "a\"b", &"x".repeat(129)] {
        assert_eq!(id(&trusting, refused).await.len(), 16, "{refused}");
    }
    let wary = TestApp::start().await;
    assert_eq!(id(&wary, "7f3a-11").await.len(), 16);
}

#[tokio::test]
async fn a_line_names_the_entry_and_the_time_of_each_step() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let miss = app.version(LATEST).await;
    app.advance(std::time::Duration::from_secs(90));
    let _ = app.version(LATEST).await;
    let [first, second] = &requests(&app)[..] else { panic!("two lines") };
    let key = miss.header("x-cache-key").strip_prefix("v1:").unwrap();
    for line in [first, second] {
        assert_eq!(line["key"], json!(key[..12]));
    }
    assert_eq!((&first["age"], &second["age"]), (&json!(0), &json!(90)));
    let ttl = |line: &Value| line["ttl"].as_i64().unwrap();
    assert_eq!(ttl(first) - ttl(second), 90);
    let micros = |name: &str| first[name].as_u64().unwrap_or_else(|| panic!("{name} in {first}"));
    assert!(micros("upstream_micros") <= micros("waited_micros"), "{first}");
    assert!(micros("store_micros") <= micros("waited_micros"), "{first}");
    assert!(micros("waited_micros") <= micros("micros"), "{first}");
    assert!(second.get("waited_micros").is_none(), "{second}");
}

#[tokio::test]
async fn a_refusal_names_the_rule_and_the_url() {
    let app = TestApp::start().await;
    let _ = app.get("/version?url=https%3A%2F%2Fme:pw@example.org%2Fa%3Fkey=1").await;
    let _ = app.get("/version").await;
    let _ = app.get("/explain?url=ftp://example.org/a").await;
    let _ = app.get("/repos/octo/%zz").await;
    let _ = app.get("/user").await;
    let _ = app.get("/%ff").await;
    let _ = Answer::of(app.request(Method::POST, "/version")).await;
    let lines = requests(&app);
    let refused: Vec<_> =
        lines.iter().map(|line| json!([line["status"], line["rule"], line["url"]])).collect();
    insta::assert_snapshot!(refused.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"), @r#"
    [400,"url must not carry user information","https://example.org/a"]
    [400,"url parameter is required",null]
    [400,"url must be an absolute https URL","ftp://example.org/a"]
    [400,"url holds a `%` that is not followed by two hexadecimal digits",null]
    [404,"not a path of GitHub's API that is served",null]
    [400,"the path must be UTF-8 once it is percent-decoded",null]
    [405,"use GET or HEAD",null]
    "#);
    let log = app.log();
    assert!(!log.contains("pw") && !log.contains("key=1"), "{log}");
}

#[tokio::test]
async fn a_line_repeats_the_trace_of_its_client() {
    let app = TestApp::start().await;
    for trace in [TRACE, "00-short-01", &TRACE.to_uppercase(), &format!("{TRACE}-")] {
        let request = app.request(Method::GET, "/nowhere").header("traceparent", trace);
        let _ = Answer::of(request).await;
    }
    let traces: Vec<_> = requests(&app).iter().map(|line| line["traceparent"].clone()).collect();
    assert_eq!(traces, [json!(TRACE), json!(null), json!(null), json!(null)]);
}

#[tokio::test]
async fn a_probe_that_succeeds_has_no_line() {
    const PROBES: [&str; 7] =
        ["/ping", "/healthz", "/livez", "/readyz", "/metrics", "/status.json", "/"];
    let app = TestApp::start().await;
    let wordy = TestApp::builder().set("RUST_LOG", "info,svm::access=debug").start().await;
    for path in PROBES {
        for app in [&app, &wordy] {
            let request = app.request(Method::GET, path).header("accept", "text/html");
            assert_eq!(Answer::of(request).await.status, 200);
        }
    }
    assert_eq!(Answer::of(app.request(Method::POST, "/ping")).await.status, 405);
    let paths = |app: &TestApp| {
        let lines = requests(app).into_iter();
        lines.map(|line| line["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&app), ["/ping"], "the one that failed");
    assert_eq!(paths(&wordy), PROBES);
}

#[tokio::test]
async fn a_url_explained_on_the_status_page_has_a_line() {
    let app = TestApp::start().await;
    let refused = "ftp%3A%2F%2Fexample.org%2Fa%3Fkey";
    for query in ["", "?explain=", &format!("?explain={LATEST}"), &format!("?explain={refused}")] {
        let request = app.request(Method::GET, &format!("/{query}")).header("accept", "text/html");
        assert_eq!(Answer::of(request).await.status, 200);
    }
    let lines = requests(&app);
    let [explained, refused] = &lines[..] else { panic!("two lines: {lines:?}") };
    assert_eq!(
        (&explained["path"], &explained["upstream_path"]),
        (&json!("/"), &json!("/repos/octo/app/releases/latest"))
    );
    assert_eq!((&refused["status"], &refused["url"]), (&json!(200), &json!("ftp://example.org/a")));
}

#[tokio::test]
async fn the_answer_to_a_head_counts_no_bytes() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    for path in [format!("/version?url={LATEST}"), LATEST_PATH.to_owned(), "/nowhere".to_owned()] {
        for method in [Method::GET, Method::HEAD] {
            let answer = Answer::of(app.request(method, &path)).await;
            assert_ne!(answer.header("content-length"), "0", "{path}");
            assert_eq!(requests(&app).last().unwrap()["bytes"], answer.body.len(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_has_a_line() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let asked = tasks::spawn(app.ask(LATEST));
    let mirrored = tasks::spawn(app.request(Method::GET, LATEST_PATH).send());
    app.reaches("svm_flight_followers_total", 1.0).await;
    asked.abort();
    mirrored.abort();
    app.until(async || requests(&app).len() == 2).await;
    let mut lines = requests(&app);
    lines.sort_by_key(|line| line["path"].to_string());
    for (line, (path, route)) in
        lines.iter().zip([(LATEST_PATH, "mirror"), ("/version", "/version")])
    {
        assert_eq!(line["path"], path);
        assert_eq!(line["upstream_path"], LATEST_PATH);
        assert_eq!((&line["status"], &line["bytes"]), (&json!(499), &json!(0)));
        assert_eq!((&line["cache"], &line["client"]), (&json!(null), &json!("127.0.0.1")));
        let counter = format!("svm_responses_total{{class=\"4xx\",route=\"{route}\"}}");
        assert_eq!(app.metric(&counter).await, 1.0, "{counter}");
    }
    gate.open();
    app.reaches("svm_flights", 0.0).await;
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    assert_eq!(requests(&app).len(), 3);
}

#[tokio::test]
async fn neither_log_nor_status_shows_a_token_of_a_path() {
    let app = TestApp::start().await;
    let token = format!("ghp_{}", "a1".repeat(18));
    let url = format!("https://api.github.com/repos/o/{token}");
    assert_eq!(app.get(&format!("/{token}")).await.status, 404);
    assert_eq!(app.version(&url).await.status, 404);
    assert_eq!(app.get(&format!("/repos/o/{token}")).await.status, 404);
    let method = Method::from_bytes(token.as_bytes()).unwrap();
    assert_eq!(Answer::of(app.request(method, "/ping")).await.status, 405);
    let status = app.get("/status.json").await.text();
    assert!(status.contains("api.github.com/repos/o/ghp_..."), "{status}");
    assert!(!status.contains("a1a1"), "{status}");
    let log = app.log();
    assert!(log.contains("ghp_...") && !log.contains("a1a1"), "{log}");
}
