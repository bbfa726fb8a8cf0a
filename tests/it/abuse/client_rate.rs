//! `CLIENT_MISS_RATE`: the calls to the upstream that one client may cause.

use std::time::Duration;

use reqwest::Method;
use svm::cache::Payload;

use super::{ask_as, unknown};
use crate::support::app::{Answer, TestApp, TestAppBuilder, encode};
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const LIMITED: &str = "429 MISS upstream=0 svm; detail=client-rate";

/// Allows one request in ten seconds, and one at once.
fn strict() -> TestAppBuilder {
    TestApp::builder().set("CLIENT_MISS_RATE", "0.1")
}

/// Spends the one request of the client.
async fn spend(app: &TestApp) {
    assert_eq!(app.version(&unknown(0)).await.header("x-cache"), "MISS");
    app.version(&unknown(1)).await.assert_summary(LIMITED);
}

#[tokio::test]
async fn a_client_may_cause_ten_misses_at_once_and_then_its_rate() {
    let app = TestApp::builder().set("CLIENT_MISS_RATE", "1").start().await;
    for number in 0..10 {
        assert_eq!(app.version(&unknown(number)).await.status, 404);
    }
    app.version(&unknown(10)).await.assert_summary(LIMITED);
    app.advance(Duration::from_secs(2));
    assert_eq!(app.version(&unknown(10)).await.status, 404);
    assert_eq!(app.version(&unknown(11)).await.status, 404);
    app.version(&unknown(12)).await.assert_summary(LIMITED);
    assert_eq!(app.github.total_calls(), 12);
}

#[tokio::test]
async fn the_answer_says_when_to_come_back() {
    let app = strict().start().await;
    spend(&app).await;
    app.advance(Duration::from_millis(4_100));
    let answer = app.version(LATEST).await;
    insta::assert_snapshot!(answer.head(), @r#"
    429
    cache-control: no-store
    cache-status: svm; detail=client-rate
    content-type: application/json
    retry-after: 6
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 0
    "#);
    let detail = "this client requests uncached documents too often; wait another 6 seconds";
    answer.assert_error(429, "Too many requests", detail);
    app.advance(Duration::from_secs(answer.retry_after()));
    assert_eq!(app.version(LATEST).await.status, 404);
}

#[tokio::test]
async fn without_a_rate_nobody_is_limited() {
    let app = TestApp::start().await;
    for number in 0..50 {
        assert_eq!(app.version(&unknown(number)).await.status, 404);
    }
    assert_eq!(app.metric("svm_client_limited_total").await, 0.0);
}

#[tokio::test]
async fn hits_are_never_limited() {
    let app = strict().start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    app.version(&unknown(0)).await.assert_summary(LIMITED);
    for _ in 0..100 {
        app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
    }
}

#[tokio::test]
async fn a_document_in_the_store_costs_a_client_nothing() {
    let mut app = strict().start().await;
    app.github.release("octo/app").serve();
    app.github.release("octo/other").serve();
    let other = LATEST.replace("octo/app", "octo/other");
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(10));
    let _ = app.version(&other).await;
    app.restart().await;

    let from_l2 = "200 HIT upstream=0 svm; hit; ttl=86390; detail=l2";
    app.version(LATEST).await.assert_summary(from_l2);
    app.version(&other).await.assert_summary(&from_l2.replace("86390", "86400"));
    spend(&app).await;
    assert_eq!(app.metric("svm_client_limited_total").await, 1.0);
}

#[tokio::test]
async fn a_client_over_its_rate_costs_the_store_no_read() {
    let mut app = strict().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    spend(&app).await;
    let reads = app.metric("svm_l2_read_duration_seconds_count").await;
    for number in 2..12 {
        app.version(LATEST).await.assert_summary(LIMITED);
        app.version(&unknown(number)).await.assert_summary(LIMITED);
    }
    assert_eq!(app.metric("svm_l2_read_duration_seconds_count").await, reads);
}

#[tokio::test]
async fn an_explanation_over_the_rate_costs_the_store_no_read() {
    let mut app = strict().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    let url = encode(LATEST);
    let tier = async || app.get(&format!("/explain?url={url}")).await.json()["tier"].clone();
    assert_eq!(tier().await, "l2", "within its rate, and it spends nothing");
    spend(&app).await;
    let reads = app.metric("svm_l2_read_duration_seconds_count").await;
    assert_eq!(tier().await, "unread");
    let page = app.request(Method::GET, &format!("/?explain={url}")).header("accept", "text/html");
    let page = Answer::of(page).await.text();
    assert!(page.contains("does not read the store"), "{page}");
    assert!(page.contains("it gets a 429, and may ask again in 10 s."), "{page}");
    assert_eq!(app.metric("svm_l2_read_duration_seconds_count").await, reads);
    app.advance(Duration::from_secs(10));
    assert_eq!(tier().await, "l2");
}

#[tokio::test]
async fn a_document_checked_after_it_was_stored_costs_no_call() {
    let mut app = strict().set("REVALIDATE_INTERVAL", "30d").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(3600));
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    app.restart().await;

    // L2 did not get that check, so its copy counts as expired.
    app.reaches("svm_active_keys", 1.0).await;
    app.advance(Duration::from_secs(23 * 3600 + 1800));
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=1800; detail=l2");
}

#[tokio::test]
async fn a_document_that_reached_l1_meanwhile_is_not_limited() {
    let app = TestApp::start().await;
    assert!(app.look(&unknown(0)).await.is_none());
    assert_eq!(app.version(&unknown(0)).await.status, 404);
    let given = app.look(&unknown(0)).await.expect("what L1 alone holds");
    assert!(matches!(given, Payload::Passed { status, .. } if status == 404), "{given:?}");
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn a_queued_document_is_served_to_a_limited_client_too() {
    let app = strict()
        .set("CACHE_L1_MAX_GB", "0.000001")
        .set("WRITE_BEHIND_FLUSH_INTERVAL", "1h")
        .start()
        .await;
    app.github.document_bytes(LATEST_PATH, format!("\"{}\"", "x".repeat(5_000)).into_bytes());
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
    assert_eq!(app.metric("svm_l1_entries").await, 0.0, "it is too large for this L1");
    app.version(&unknown(1)).await.assert_summary(LIMITED);
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
}

#[tokio::test]
async fn an_expired_document_is_not_a_hit() {
    let app = strict().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(24 * 3600));
    spend(&app).await;
    app.version(LATEST).await.assert_summary(LIMITED);
}

#[tokio::test]
async fn sharing_a_call_spends_nothing() {
    let app = strict().set("FORWARDED_ALLOW_IPS", "127.0.0.1").start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let leader = tasks::spawn(app.ask(LATEST));
    gate.arrived(1).await;
    // All requests are from one client, and exceed its rate by far.
    let path = format!("/version?url={}", encode(LATEST));
    let follow = || app.request(Method::GET, &path).header("x-forwarded-for", "192.0.2.7");
    let followers: Vec<_> = (0..30).map(|_| tasks::spawn(Answer::of(follow()))).collect();
    app.reaches("svm_flight_followers_total", 30.0).await;
    gate.open();
    assert_eq!(leader.await.unwrap().status, 200);
    for follower in followers {
        assert!(follower.await.unwrap().header("cache-status").ends_with("; collapsed"));
    }
    assert_eq!(ask_as(&app, "192.0.2.7", &unknown(0)).await.status, 404);
    ask_as(&app, "192.0.2.7", &unknown(1)).await.assert_summary(LIMITED);
}

#[tokio::test]
async fn where_no_call_is_possible_nothing_is_spent() {
    let app = strict().set("GITHUB_PATS", "ghp_only").start().await;
    app.github.user("alice").token("ghp_only").exhaust();
    assert_eq!(app.version(LATEST).await.status, 403, "it took a call to learn of that");
    app.advance(Duration::from_secs(10));
    for _ in 0..3 {
        app.version(LATEST).await.assert_summary("503 MISS upstream=0 svm; detail=no-token");
    }
    assert_eq!(app.version(&unknown(0)).await.status, 404, "the token is still there");
}

#[tokio::test]
async fn a_failure_counts_as_what_it_cost() {
    let app = strict().start().await;
    // A 500 is an error, even with a `Location`: svm does not remember it.
    app.github.redirect(LATEST_PATH, 500, "/");
    assert_eq!(app.version(LATEST).await.status, 500);
    app.version(LATEST).await.assert_summary(LIMITED);
}

#[tokio::test]
async fn a_refresh_counts_unless_it_is_answered_from_the_cache() {
    let app = strict().set("REFRESH_MIN_INTERVAL", "5s").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    for _ in 0..3 {
        assert_eq!(app.refresh(LATEST).await.header("x-cache"), "HIT");
    }
    app.advance(Duration::from_secs(5));
    app.refresh(LATEST).await.assert_summary(LIMITED);
    app.advance(Duration::from_secs(5));
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
}

#[tokio::test]
async fn a_request_refused_before_the_cache_does_not_count() {
    let app = strict().start().await;
    for _ in 0..20 {
        assert_eq!(app.get("/version?url=http://example.com").await.status, 400);
    }
    assert_eq!(app.version(LATEST).await.status, 404);
}

#[tokio::test]
async fn a_head_counts_as_a_get() {
    let app = strict().start().await;
    let head =
        |url: &str| Answer::of(app.request(Method::HEAD, &format!("/version?url={}", encode(url))));
    assert_eq!(head(&unknown(0)).await.status, 404);
    let limited = head(&unknown(1)).await;
    limited.assert_summary(LIMITED);
    assert!(limited.body.is_empty() && limited.header("content-length") != "0");
}

#[tokio::test]
async fn each_client_has_its_rate_and_a_forged_header_changes_nothing() {
    let app = strict().set("FORWARDED_ALLOW_IPS", "127.0.0.1").start().await;
    for (client, limited) in [
        ("192.0.2.1", false),
        ("192.0.2.2", false),
        ("192.0.2.1", true),
        ("203.0.113.9, 192.0.2.2", true),
        ("2001:db8::1", false),
        ("2001:db8::2", true),
        ("2001:db8:0:1::1", false),
    ] {
        let answer = ask_as(&app, client, &unknown(fastrand::usize(..))).await;
        assert_eq!(answer.status == 429, limited, "{client}: {}", answer.summary());
    }
}

#[tokio::test]
async fn without_a_trusted_proxy_the_header_is_nothing() {
    let app = strict().start().await;
    assert_eq!(ask_as(&app, "192.0.2.1", &unknown(0)).await.status, 404);
    ask_as(&app, "192.0.2.2", &unknown(1)).await.assert_summary(LIMITED);
}

#[tokio::test]
async fn a_limited_client_gets_429_while_the_store_is_broken() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = strict().store(store.clone()).start().await;
    spend(&app).await;
    store.be(Mood::Fails);
    app.version(&unknown(2)).await.assert_summary(LIMITED);
}

#[tokio::test]
async fn a_limited_client_causes_no_store_read_for_documents_in_l1() {
    let app = strict().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    for _ in 0..10 {
        app.refresh(LATEST).await.assert_summary(LIMITED);
    }
    assert_eq!(app.metric("svm_l2_reads_total{result=\"hit\"}").await, 0.0);
}

#[tokio::test]
async fn it_is_counted_and_logged_as_what_it_is() {
    let app = strict().start().await;
    spend(&app).await;
    assert_eq!(app.metric("svm_client_limited_total").await, 1.0);
    assert_eq!(app.metric("svm_cache_misses_total").await, 2.0);
    assert_eq!(app.metric("svm_answers_total{cache=\"MISS\"}").await, 2.0);
    let log = app.log();
    let line = log.lines().find(|line| line.contains("\"status\":429")).expect("an access line");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["client"], &line["detail"]), (&"127.0.0.1".into(), &"client-rate".into()));
}
