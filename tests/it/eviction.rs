//! The bound of L1: evicted entries come back from the queue or from L2.

use std::time::Duration;

use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::noise::noise;

/// The size of L1, in GiB: about one MiB.
const SMALL: &str = "0.001";

fn serve(app: &TestApp, count: usize) -> Vec<String> {
    let body = format!("\"{}\"", "x".repeat(50_000));
    (0..count)
        .map(|n| {
            app.github.document_bytes(&format!("/repos/octo/r{n}"), body.clone().into_bytes());
            format!("https://api.github.com/repos/octo/r{n}")
        })
        .collect()
}

#[tokio::test]
async fn l1_keeps_within_its_bound_and_l2_has_the_rest() {
    let app = TestApp::builder().set("CACHE_L1_MAX_GB", SMALL).start().await;
    let urls = serve(&app, 60);
    for url in &urls {
        assert_eq!(app.version(url).await.header("x-cache"), "MISS");
    }
    let bytes = app.metric("svm_l1_bytes").await;
    assert!((800_000.0..=1_073_742.0).contains(&bytes), "{bytes}");
    let [entries, evicted] = ["svm_l1_entries", "svm_l1_evictions_total"];
    assert_eq!(app.metric(entries).await + app.metric(evicted).await, 60.0);
    app.reaches("svm_write_behind_depth", 0.0).await;
    let oldest = app.version(&urls[0]).await;
    assert_eq!(oldest.header("cache-status"), "svm; hit; ttl=86400; detail=l2");
    let newest = app.version(&urls[59]).await;
    assert_eq!(newest.header("cache-status"), "svm; hit; ttl=86400");
    assert_eq!(app.github.total_calls(), 60);
}

#[tokio::test]
async fn a_document_evicted_from_l1_is_found_in_the_queue() {
    let app = TestApp::builder()
        .set("CACHE_L1_MAX_GB", SMALL)
        .set("WRITE_BEHIND_FLUSH_INTERVAL", "1h")
        .start()
        .await;
    let urls = serve(&app, 60);
    for url in &urls {
        let _ = app.version(url).await;
    }
    assert_eq!(app.version(&urls[0]).await.header("cache-status"), "svm; hit; ttl=86400");
    assert_eq!(app.metric("svm_l2_reads_total{result=\"hit\"}").await, 0.0);
    assert_eq!(app.github.total_calls(), 60);
}

#[tokio::test]
async fn the_least_recently_used_goes_first() {
    let app = TestApp::builder().set("CACHE_L1_MAX_GB", SMALL).start().await;
    let urls = serve(&app, 40);
    let _ = app.version(&urls[0]).await;
    for url in &urls[1..] {
        let _ = app.version(url).await;
        assert_eq!(
            app.version(&urls[0]).await.header("cache-status"),
            "svm; hit; ttl=86400",
            "{url}"
        );
    }
}

#[tokio::test]
async fn unknown_names_cannot_push_out_documents() {
    let app = TestApp::builder().set("CACHE_L1_MAX_GB", SMALL).start().await;
    let urls = serve(&app, 10);
    for url in &urls {
        let _ = app.version(url).await;
    }
    for n in 0..400 {
        let url = format!("https://api.github.com/repos/nobody/r{n}");
        assert_eq!(app.version(&url).await.status, 404);
    }
    for url in &urls {
        assert_eq!(app.version(url).await.header("cache-status"), "svm; hit; ttl=86400");
    }
}

/// The smallest `CACHE_L2_MAX_GB`: room for some fifty of the large documents.
const SMALLEST_STORE: &str = "0.0625";

#[tokio::test]
async fn documents_in_use_stay_in_a_full_store_beside_a_scan() {
    let mut app = TestApp::builder().set("CACHE_L2_MAX_GB", SMALLEST_STORE).start().await;
    let hot: Vec<_> = (0..20).map(|n| format!("/repos/octo/hot/{n}")).collect();
    let scan: Vec<_> = (0..120).map(|n| format!("/repos/octo/scan/{n}")).collect();
    for path in &hot {
        app.github.document(path, "{\"in\":\"use\"}");
    }
    for path in &scan {
        app.github.document(path, format!("\"{}\"", noise(300_000)));
    }
    let url = |path: &String| format!("https://api.github.com{path}");
    for part in scan.chunks(20) {
        for path in &hot {
            assert_eq!(app.version(&url(path)).await.status, 200);
        }
        for path in part {
            assert_eq!(app.version(&url(path)).await.header("x-cache"), "MISS");
        }
        app.advance(Duration::from_secs(1));
    }
    let calls = app.github.total_calls();
    app.restart().await;
    for path in &hot {
        let answer = app.version(&url(path)).await;
        assert_eq!(answer.header("cache-status"), "svm; hit; ttl=86394; detail=l2", "{path}");
    }
    assert_eq!(app.github.total_calls(), calls);
    // The scan was too large for the store: its earliest documents are gone.
    assert_eq!(app.version(&url(&scan[0])).await.header("x-cache"), "MISS");
}

#[tokio::test]
async fn an_older_body_in_l2_is_not_fresh_after_a_lost_write() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = TestApp::builder()
        .set("CACHE_L1_MAX_GB", SMALL)
        .set("WRITE_BEHIND_QUEUE_SIZE", "1")
        .store(store.clone())
        .start()
        .await;
    app.github.release("octo/app").tag("v1").serve();
    assert_eq!(app.version(LATEST).await.json()["tag_name"], "v1");
    app.reaches("svm_write_behind_depth", 0.0).await;
    app.advance(Duration::from_secs(60));
    store.be(Mood::FailsWrites);
    app.github.publish("octo/app", "v2");
    assert_eq!(app.refresh(LATEST).await.json()["tag_name"], "v2");
    // Other documents take its place in the queue and in memory.
    for url in &serve(&app, 60) {
        let _ = app.version(url).await;
    }
    assert!(app.held(LATEST).is_none());
    let answer = app.version(LATEST).await;
    assert_eq!(answer.json()["tag_name"], "v2", "{}", answer.head());
    assert_ne!(answer.header("x-cache"), "HIT");
}
