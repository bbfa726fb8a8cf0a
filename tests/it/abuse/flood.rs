//! Floods of new URLs, beside a few documents that all clients request. `just flood` does the same
//! with a million URLs and the real binary.

use super::unknown;
use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::tasks;

/// The size of L1: the documents of the flood would fill it several times.
const SMALL: &str = "0.005";
const L1_BYTES: f64 = 5_368_709.0;
const HOT: usize = 20;
const FLOOD: usize = 1_500;
/// The requests of the flood in one wave. After each wave, every hot document is requested.
const WAVE: usize = 100;

const HIT: &str = "200 HIT upstream=0 svm; hit; ttl=86400";

fn url(path: &str) -> String {
    format!("https://api.github.com{path}")
}

/// Starts a service that does not write to its store, so that the compressor makes the gzip forms.
async fn started(app: TestAppBuilder) -> TestApp {
    app.set("WRITE_BEHIND_FLUSH_INTERVAL", "1h").start().await
}

/// Fetches documents that clients will request again, and waits until their weights are final.
async fn hot(app: &TestApp) -> Vec<String> {
    let body = format!("\"{}\"", "x".repeat(20_000)).into_bytes();
    let mut hot = Vec::new();
    for number in 0..HOT {
        let path = format!("/repos/hot/r{number}");
        app.github.document_bytes(&path, body.clone());
        assert_eq!(app.version(&url(&path)).await.header("x-cache"), "MISS");
        hot.push(url(&path));
    }
    app.reaches("svm_gzip_made_total{result=\"smaller\"}", HOT as f64).await;
    hot
}

/// Requests all documents of the flood, and the hot ones in between, which must be hits in L1.
async fn flood(app: &TestApp, hot: &[String], flood: Vec<String>, expected: impl Fn(&Answer)) {
    for wave in flood.chunks(WAVE) {
        let asked: Vec<_> = wave.iter().map(|url| tasks::spawn(app.ask(url))).collect();
        for url in hot {
            app.version(url).await.assert_summary(HIT);
        }
        for answer in asked {
            expected(&answer.await.expect("an answer"));
        }
    }
    for url in hot {
        app.version(url).await.assert_summary(HIT);
    }
}

#[tokio::test]
async fn missing_names_take_a_tenth_of_l1_and_evict_no_document() {
    let app = started(TestApp::builder().set("CACHE_L1_MAX_GB", SMALL)).await;
    let hot = hot(&app).await;
    let documents = app.metric("svm_l1_bytes").await;
    let names = (0..FLOOD).map(unknown).collect();
    flood(&app, &hot, names, |answer| assert_eq!(answer.status, 404)).await;
    let negatives = app.metric("svm_l1_bytes").await - documents;
    assert!(negatives <= L1_BYTES / 10.0, "{negatives} bytes");
    assert!(negatives > L1_BYTES / 20.0, "{negatives} bytes: the flood has to fill the tenth");
    assert_eq!(app.metric("svm_flights").await, 0.0);
}

#[tokio::test]
async fn documents_that_exist_push_out_none_that_is_in_use() {
    let app = started(TestApp::builder().set("CACHE_L1_MAX_GB", SMALL)).await;
    let hot = hot(&app).await;
    let body = format!("\"{}\"", "x".repeat(5_000)).into_bytes();
    let paths = (0..FLOOD).map(|number| format!("/repos/flood/r{number}"));
    let urls = paths.map(|path| {
        app.github.document_bytes(&path, body.clone());
        url(&path)
    });
    flood(&app, &hot, urls.collect(), |answer| assert_eq!(answer.status, 200)).await;
    let bytes = app.metric("svm_l1_bytes").await;
    assert!(bytes <= L1_BYTES, "{bytes}");
    assert!(bytes > L1_BYTES / 2.0, "{bytes}: the flood has to fill L1");
}

#[tokio::test]
async fn a_url_that_cannot_be_requested_is_not_stored() {
    let app = started(TestApp::builder().set("GITHUB_PATS", "ghp_only")).await;
    let hot = hot(&app).await;
    let documents = app.metric("svm_l1_bytes").await;
    app.github.user("alice").token("ghp_only").exhaust();
    let _ = app.version(&url("/repos/flood/first")).await;
    let urls = (0..FLOOD).map(|number| url(&format!("/repos/flood/r{number}"))).collect();
    flood(&app, &hot, urls, |answer| assert_eq!(answer.status, 503)).await;
    assert_eq!(app.metric("svm_l1_bytes").await, documents);
    assert_eq!(app.metric("svm_flights").await, 0.0);
}
