//! L1 is bounded; what it gives up comes back from the queue or from L2.

use crate::support::app::TestApp;

/// A thousandth of a GiB.
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
    app.reaches("svm_write_behind_depth", 0.0).await;
    let oldest = app.version(&urls[0]).await;
    assert_eq!(oldest.header("cache-status"), "svm; hit; ttl=86400; detail=l2");
    let newest = app.version(&urls[59]).await;
    assert_eq!(newest.header("cache-status"), "svm; hit; ttl=86400");
    assert_eq!(app.github.total_calls(), 60);
}

#[tokio::test]
async fn what_l1_has_given_up_is_found_in_the_queue() {
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
