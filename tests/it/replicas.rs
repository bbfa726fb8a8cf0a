//! Several services on one Redis: they share background checks and their results.

mod lost;

use std::time::Duration;

use svm::clock::Stopwatch;
use svm::target::Key;

use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::{Failure, GitHub, Lie};
use crate::support::process::{Running, Setup};
use crate::support::redis_server::{RedisServer, Reply};

const INTERVAL: Duration = Duration::from_secs(1);
const ADOPTED: &str = "svm_revalidate_adopted_total";

/// Starts two services, each with a GitHub of its own, which shows the requests of that service.
async fn two(server: &RedisServer) -> [TestApp; 2] {
    let replica = || {
        let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
        let app = app.set("REVALIDATE_INTERVAL", "1s");
        app.set("REVALIDATE_PER_WORKER_RPS", "1000").start()
    };
    let replicas = [replica().await, replica().await];
    for replica in &replicas {
        replica.github.release("octo/app").tag("v1.0.0").serve();
        replica.reaches("svm_l2_up", 1.0).await;
    }
    replicas
}

#[tokio::test]
async fn a_body_that_one_has_fetched_reaches_the_other() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = two(&server).await;
    let _ = one.version(LATEST).await;
    one.reaches("svm_l2_writes_total", 1.0).await;
    assert_eq!(
        other.version(LATEST).await.header("cache-status"),
        "svm; hit; ttl=86400; detail=l2"
    );

    one.github.publish("octo/app", "v2.0.0");
    for replica in [&one, &other] {
        replica.advance(Duration::from_millis(10));
    }
    let _ = one.refresh(LATEST).await;
    other.reaches(ADOPTED, 1.0).await;
    let answer = other.version(LATEST).await;
    assert_eq!(answer.json()["tag_name"], "v2.0.0");
    assert_eq!((answer.header("x-cache"), other.github.total_calls()), ("HIT", 0));
}

#[tokio::test]
async fn a_body_that_one_has_fetched_ends_a_404_of_the_other() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = two(&server).await;
    assert_eq!(other.version(&url(1)).await.status, 404);
    one.github.release("octo/app1").serve();
    // Until its clock has moved too, the other replica believes no such check.
    one.advance(Duration::from_secs(10));
    assert_eq!(one.version(&url(1)).await.status, 200);
    one.reaches("svm_l2_writes_total", 1.0).await;
    other.advance(Duration::from_secs(10));
    other.until(async || other.version(&url(1)).await.status == 200).await;
    assert_eq!(other.github.total_calls(), 1);
}

#[tokio::test]
async fn a_later_check_brings_the_newer_body_along() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = two(&server).await;
    let _ = one.version(LATEST).await;
    one.reaches("svm_l2_writes_total", 1.0).await;
    let _ = other.version(LATEST).await;

    // The other replica confirms the first body after the time at which one fetches the second.
    other.advance(Duration::from_millis(20));
    assert_eq!(other.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    one.github.publish("octo/app", "v2.0.0");
    one.advance(Duration::from_millis(10));
    let _ = one.refresh(LATEST).await;
    one.reaches("svm_l2_writes_total", 2.0).await;

    // A later check of the second body is not worth a write of the record.
    for replica in [&one, &other] {
        replica.advance(Duration::from_millis(20));
    }
    assert_eq!(one.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    other.reaches(ADOPTED, 1.0).await;
    let answer = other.version(LATEST).await;
    assert_eq!(answer.json()["tag_name"], "v2.0.0");
    assert_eq!((answer.header("x-cache"), other.github.total_calls()), ("HIT", 1));
    assert_eq!(one.metric("svm_l2_writes_total").await, 2.0);
}

#[tokio::test]
async fn a_check_by_date_brings_no_older_body_back() {
    let Some(server) = RedisServer::start() else { return };
    let replica = || {
        let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
        // The lifetime is so short that each check is worth a write.
        let app = app.set("REVALIDATE_BY_DATE", "always").set("CACHE_HARD_TTL", "10m");
        app.set("REVALIDATE_INTERVAL", "1m").start()
    };
    let [one, other] = [replica().await, replica().await];
    for replica in [&one, &other] {
        replica.github.release("octo/app").serve();
        replica.advance(2 * Duration::from_secs(3600));
        replica.reaches("svm_l2_up", 1.0).await;
    }
    let _ = one.version(LATEST).await;
    one.reaches("svm_l2_writes_total", 1.0).await;
    let _ = other.version(LATEST).await;

    for replica in [&one, &other] {
        replica.github.grow_asset("octo/app");
        replica.advance(Duration::from_secs(120));
    }
    let newer = other.refresh(LATEST).await;
    other.reaches("svm_l2_writes_total", 1.0).await;
    one.advance(Duration::from_secs(1));
    one.revalidate(LATEST).await;
    // A later write shows that the queue has handled the document.
    one.github.release("octo/app1").serve();
    let _ = one.version(&url(1)).await;
    one.github.release("octo/app2").serve();
    let _ = one.version(&url(2)).await;
    one.reaches("svm_l2_writes_total", 3.0).await;
    let third = replica().await;
    third.advance(2 * Duration::from_secs(3600) + Duration::from_secs(121));
    third.reaches("svm_l2_up", 1.0).await;
    third.version(LATEST).await.assert_document(&newer.body);
}

#[tokio::test]
async fn an_unconfirmed_loss_of_one_replica_is_not_adopted() {
    const LIST_PATH: &str = "/repos/octo/app/releases";
    let list = format!("https://api.github.com{LIST_PATH}");
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = two(&server).await;
    let _ = one.version(&list).await;
    let _ = one.version(LATEST).await;
    one.reaches("svm_l2_writes_total", 2.0).await;
    let _ = other.version(LATEST).await;
    let digits = Key::of(&list).to_string().replace("v1:", "");
    server.command(&["DEL", &format!("svm:v1:entry:{digits}")]);

    other.github.lie(LIST_PATH, Lie::Empty, 600);
    for replica in [&one, &other] {
        replica.advance(Duration::from_millis(10));
    }
    assert_eq!(other.version(&list).await.text(), "[]", "it has no copy");
    other.reaches("svm_l2_writes_total", 1.0).await;
    // The second adoption of another document comes after the sweep that saw the empty list.
    for tag in ["v2.0.0", "v3.0.0"] {
        other.github.publish("octo/app", tag);
        for replica in [&one, &other] {
            replica.advance(Duration::from_millis(10));
        }
        let _ = other.refresh(LATEST).await;
        one.until(async || one.version(LATEST).await.json()["tag_name"] == tag).await;
    }
    assert_eq!(one.version(&list).await.json().as_array().map(Vec::len), Some(1));
}

/// The first page of a list, and the second one as the links of GitHub name it.
const PAGE: &str = "https://api.github.com/repos/octo/app/releases?per_page=1";

async fn second_page(app: &TestApp) -> String {
    let page = app.version(PAGE).await;
    let link = page.header("link").to_owned();
    let url = link.strip_prefix('<').and_then(|link| link.split_once('>'));
    url.expect("a link").0.to_owned()
}

/// Publishes a release that is the same for all replicas.
fn publish(replicas: &[TestApp], tag: &str, after: Duration) {
    for replica in replicas {
        replica.github.publish("octo/app", tag);
        replica.advance(after);
    }
}

#[tokio::test]
async fn an_adopted_page_outdates_the_others_of_its_list() {
    let Some(server) = RedisServer::start() else { return };
    let replicas = two(&server).await;
    publish(&replicas, "v2.0.0", Duration::ZERO);
    let [one, other] = &replicas;
    let second = second_page(one).await;
    let _ = one.version(&second).await;
    one.reaches("svm_l2_writes_total", 2.0).await;
    for url in [PAGE, &second] {
        assert_eq!(other.version(url).await.header("x-cache"), "HIT");
    }
    publish(&replicas, "v3.0.0", Duration::from_millis(10));
    let _ = one.refresh(PAGE).await;
    other.reaches(ADOPTED, 1.0).await;
    assert_eq!(other.version(PAGE).await.json()[0]["tag_name"], "v3.0.0");
    let moved = other.version(&second).await;
    assert_eq!((&moved.json()[0]["tag_name"], moved.header("x-cache")), (&"v2.0.0".into(), "MISS"));
    assert_eq!(other.version(&second).await.header("x-cache"), "HIT");
    assert_eq!(other.github.total_calls(), 1);
}

#[tokio::test]
async fn a_page_that_another_has_fetched_outdates_older_ones() {
    let Some(server) = RedisServer::start() else { return };
    let replica = || {
        let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
        // No replica adopts anything during the test.
        app.set("REVALIDATE_INTERVAL", "1h").start()
    };
    let replicas = [replica().await, replica().await];
    for replica in &replicas {
        replica.github.release("octo/app").tag("v1.0.0").serve();
        replica.reaches("svm_l2_up", 1.0).await;
    }
    publish(&replicas, "v2.0.0", Duration::ZERO);
    let [one, other] = &replicas;
    let second = PAGE.replace("per_page=1", "page=2&per_page=1");
    let _ = other.version(&second).await;
    publish(&replicas, "v3.0.0", Duration::from_secs(6));
    let _ = one.version(PAGE).await;
    one.reaches("svm_l2_writes_total", 1.0).await;
    let first = other.version(PAGE).await;
    assert!(first.header("cache-status").ends_with("detail=l2"), "{}", first.head());
    assert_eq!(first.json()[0]["tag_name"], "v3.0.0");
    let moved = other.version(&second).await;
    assert_eq!((&moved.json()[0]["tag_name"], moved.header("x-cache")), (&"v2.0.0".into(), "MISS"));
    assert_eq!(other.github.total_calls(), 2);
}

#[tokio::test]
async fn a_check_by_one_replica_extends_the_copy_of_the_other() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = two(&server).await;
    let _ = one.version(LATEST).await;
    one.reaches("svm_l2_writes_total", 1.0).await;
    let _ = other.version(LATEST).await;

    // The step is too short for a write of the record, and for the document to become due.
    for replica in [&one, &other] {
        replica.advance(INTERVAL / 2);
    }
    let _ = one.refresh(LATEST).await;
    other.reaches(ADOPTED, 1.0).await;
    assert_eq!(one.metric("svm_l2_writes_total").await, 1.0);
    assert_eq!(other.github.total_calls(), 0);
}

/// Starts replicas until the first sweep of one has got an answer of the store, which may connect
/// later. Returns that replica; its next sweep begins a minute later.
async fn after_a_sweep(server: &RedisServer, is_reached: bool) -> TestApp {
    loop {
        let github = GitHub::start().await;
        github.release("octo/app").serve();
        if !is_reached {
            github.go_down().await;
        }
        let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
        let app = app.set("UPSTREAM_TIMEOUT", "1s").start_with(github).await;
        app.reaches("svm_revalidate_runs_total", 1.0).await;
        let unread = app.metric("svm_revalidate_skipped_total{reason=\"unread\"}").await;
        if app.metric("svm_revalidate_due_total").await > unread {
            return app;
        }
    }
}

#[tokio::test]
async fn one_that_cannot_reach_github_gives_its_leases_back() {
    let Some(server) = RedisServer::start() else { return };
    let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
    let mut earlier = app.start().await;
    earlier.clock.set_back(Duration::from_secs(120));
    earlier.github.release("octo/app").serve();
    earlier.reaches("svm_l2_up", 1.0).await;
    let _ = earlier.version(LATEST).await;
    earlier.reaches("svm_l2_writes_total", 1.0).await;
    earlier.stop().await;

    let failing = after_a_sweep(&server, false).await;
    assert_eq!(failing.metric("svm_revalidate_done_total{result=\"failed\"}").await, 1.0);
    // The turn of the failed check is over; of so few documents, the next one is far away.
    server.command(&["DEL", "svm:v1:pace"]);
    let other = after_a_sweep(&server, true).await;
    assert_eq!(other.github.total_calls(), 1);
}

#[tokio::test]
async fn one_that_cannot_reach_github_claims_few_documents() {
    let Some(server) = RedisServer::start() else { return };
    let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
    let app = app.set("REVALIDATE_INTERVAL", "1s").set("REVALIDATE_PER_WORKER_RPS", "1000");
    let app = app.set("UPSTREAM_TIMEOUT", "1s").start().await;
    app.reaches("svm_l2_up", 1.0).await;
    for document in 0..20 {
        app.github.release(&format!("octo/app{document}")).serve();
        let _ = app.version(&url(document)).await;
    }
    app.github.go_down().await;
    app.advance(INTERVAL);
    app.exceeds("svm_revalidate_skipped_total{reason=\"rests\"}", 10.0).await;
    // A sweep may have begun before the last request, and ended after its first checks.
    let failed = app.metric("svm_revalidate_done_total{result=\"failed\"}").await;
    assert!((3.0..=6.0).contains(&failed), "{failed} checks in vain");
}

#[tokio::test]
async fn a_host_that_cools_down_takes_no_turn_from_the_others() {
    let Some(server) = RedisServer::start() else { return };
    let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
    let app = app.set("REVALIDATE_INTERVAL", "1s").start().await;
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.reaches("svm_l2_up", 1.0).await;
    let _ = app.version(raw).await;
    app.github.fail_host("raw.githubusercontent.com").with(Failure::RawThrottled429);
    let _ = app.refresh(raw).await;
    app.advance(INTERVAL);
    app.exceeds("svm_revalidate_skipped_total{reason=\"rests\"}", 0.0).await;
    assert_eq!(server.command(&["EXISTS", "svm:v1:pace"]), Reply::Number(0));
}

async fn served(github: &GitHub, server: &RedisServer) -> Running {
    let setup = Setup::new().behind(github).set("REDIS_HOST", &server.address().to_string());
    let setup = setup.set("REVALIDATE_INTERVAL", "1s");
    setup.set("REVALIDATE_PER_WORKER_RPS", "1000").set("REVALIDATE_MAX_RPS", "1000").start().await
}

fn url(document: usize) -> String {
    format!("https://api.github.com/repos/octo/app{document}/releases/latest")
}

#[tokio::test]
async fn three_processes_ask_no_more_often_than_one_would() {
    let Some(server) = RedisServer::start() else { return };
    let github = GitHub::start().await;
    let processes = [
        served(&github, &server).await,
        served(&github, &server).await,
        served(&github, &server).await,
    ];
    for document in 0..30 {
        github.release(&format!("octo/app{document}")).serve();
        let _ = processes[document % 3].version(&url(document)).await;
    }
    let asked = Stopwatch::start();
    let before = github.total_calls();
    eventually(|| github.total_calls() >= before + 6 * 30).await;
    let intervals = asked.elapsed().as_secs_f64() / INTERVAL.as_secs_f64();
    let calls = (github.total_calls() - before) as f64 / 30.0;
    assert!(
        calls <= intervals * 1.05 + 1.0,
        "{calls} calls for a document in {intervals} intervals"
    );
}
