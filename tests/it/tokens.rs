//! The choice of the token for a request.

mod accounts;
mod echoes;
mod hidden;
mod inquiries;
mod limits;
mod policies;
mod refused;
mod retry_after;
mod rights;
mod sign_on;
mod unauthorized;
mod windows;

use std::time::Duration;

use reqwest::StatusCode;

use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::support::tasks;

fn document(app: &TestApp, name: &str) -> String {
    app.github.release(name).serve();
    format!("https://api.github.com/repos/{name}/releases/latest")
}

fn used(app: &TestApp) -> Vec<String> {
    let requests = app.github.requests();
    requests.iter().map(|request| request.token().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn documents_are_spread_and_revalidated_with_their_own_token() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b,c").start().await;
    let urls: Vec<_> = (0..6).map(|n| document(&app, &format!("octo/r{n}"))).collect();
    for url in &urls {
        let _ = app.version(url).await;
    }
    assert_eq!(used(&app), ["a", "b", "c", "a", "b", "c"]);
    for _ in 0..3 {
        for url in urls.iter().rev() {
            assert_eq!(app.refresh(url).await.header("x-cache"), "REVALIDATED");
        }
    }
    assert_eq!((app.github.charged(), app.github.free()), (6, 18));
    let quota = |kind: &str, by: &str| {
        format!(
            "svm_upstream_quota_total{{priority=\"foreground\",quota=\"{kind}\",validator=\"{by}\"}}"
        )
    };
    assert_eq!(app.metric(&quota("charged", "none")).await, 6.0);
    assert_eq!(app.metric(&quota("free", "etag")).await, 18.0);
}

#[tokio::test]
async fn another_token_revalidates_with_its_own_computed_etag() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    let url = document(&app, "octo/app");
    let _ = app.version(&url).await;
    app.github.fail_all(Failure::SecondaryLimit(Some(60))).for_token("a");
    assert_eq!(app.refresh(&url).await.header("x-cache"), "REVALIDATED");
    assert_eq!(used(&app), ["a", "a", "b"]);
    let sent = app.github.requests();
    let tags = [1, 2].map(|at| sent[at].header("if-none-match").unwrap_or_default());
    assert_ne!(tags[0], tags[1], "the stored ETag was made for the other token");
    app.advance(Duration::from_secs(60));
    app.github.recover();
    assert_eq!(app.refresh(&url).await.header("x-cache"), "REVALIDATED");
    assert_eq!(used(&app)[3], "a", "the document is still that one's");
}

#[tokio::test]
async fn a_token_below_the_threshold_is_used_last() {
    let app = TestApp::builder()
        .set("GITHUB_PATS", "a,b")
        .set("API_USAGE_THRESHOLD", "4998")
        .start()
        .await;
    for n in 0..8 {
        let url = document(&app, &format!("octo/r{n}"));
        let _ = app.version(&url).await;
    }
    // The accounts show 4999, 4998, 4997 in turn; when both are below the threshold, they take
    // turns again.
    assert_eq!(used(&app), ["a", "b", "a", "b", "a", "b", "a", "b"]);
    app.github.user("third").token("b").used(0).limit(5000);
    assert_eq!(app.metric("svm_token_remaining{token=\"0\"}").await, 4996.0);
}

#[tokio::test]
async fn a_burst_does_not_run_a_token_below_the_threshold() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.user("alice").token("a").limit(104);
    app.github.user("bob").token("b");
    for n in 0..2 {
        let _ = app.version(&document(&app, &format!("octo/first{n}"))).await;
    }
    // The first account has 103 requests left, and no answer arrives before the whole burst is in
    // flight.
    let urls: Vec<_> = (0..20).map(|n| document(&app, &format!("octo/r{n}"))).collect();
    let paths = urls.iter().map(|url| url.replace("https://api.github.com", ""));
    let gates: Vec<_> = paths.map(|path| app.github.hold(&path)).collect();
    let asked: Vec<_> = urls.iter().map(|url| tasks::spawn(app.ask(url))).collect();
    for gate in &gates {
        gate.arrived(1).await;
    }
    drop(gates);
    for asked in asked {
        assert_eq!(asked.await.unwrap().status, StatusCode::OK);
    }
    // Each request of the burst saw at least 100.
    assert_eq!(app.github.user("alice").remaining(), 99);
}

#[tokio::test]
async fn no_token_leaves_the_hosts_that_may_see_it() {
    let app = TestApp::start().await;
    app.github.raw_document("/octo/app/main/v.json", "{}");
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    assert_eq!(app.version(raw).await.status, 200);
    app.github.redirect("/repos/octo/app/moved", 302, raw);
    assert_eq!(app.version("https://api.github.com/repos/octo/app/moved").await.status, 200);
    for request in app.github.requests() {
        let may_see = request.host == "api.github.com";
        assert_eq!(request.token().is_some(), may_see, "{} {}", request.host, request.target);
    }
}
