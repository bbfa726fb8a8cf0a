//! The cost of revalidations: GitHub's ETags depend on the token, and popular releases change with
//! each download.

mod charged;
mod day;

use crate::support::app::TestApp;
use crate::support::github::{Failure, Wire};

const TOKENS: &str = "a,b,c,d,e";
const DOCUMENTS: usize = 100;
const ROUNDS: usize = 20;

fn url(name: &str) -> String {
    format!("https://api.github.com/repos/octo/{name}/releases/latest")
}

/// Starts a service with five tokens that has fetched each document once.
async fn app_with_documents() -> (TestApp, Vec<String>) {
    let app = TestApp::builder().set("GITHUB_PATS", TOKENS).start().await;
    let mut urls = Vec::new();
    for n in 0..DOCUMENTS {
        app.github.release(&format!("octo/{n}")).serve();
        urls.push(url(&n.to_string()));
        assert_eq!(app.version(&urls[n]).await.status, 200);
    }
    assert_eq!(app.github.charged(), DOCUMENTS as u64);
    (app, urls)
}

/// Returns twenty revalidations of each document in random order, in two halves.
fn halves(urls: &[String]) -> [Vec<String>; 2] {
    let mut order: Vec<_> = urls.iter().flat_map(|url| vec![url.clone(); ROUNDS]).collect();
    fastrand::Rng::with_seed(4).shuffle(&mut order);
    let second = order.split_off(order.len() / 2);
    [order, second]
}

async fn revalidate(app: &TestApp, urls: &[String]) {
    for url in urls {
        app.revalidate(url).await;
    }
}

/// Returns the numbers of charged and of free calls since the documents were fetched.
fn spent(app: &TestApp) -> (u64, u64) {
    (app.github.charged() - DOCUMENTS as u64, app.github.free())
}

#[tokio::test]
async fn revalidations_of_unchanged_documents_are_free() {
    let (app, urls) = app_with_documents().await;
    for half in halves(&urls) {
        revalidate(&app, &half).await;
    }
    assert_eq!(spent(&app), (0, 2000));
}

#[tokio::test]
async fn they_stay_free_when_a_token_is_refused() {
    let (app, urls) = app_with_documents().await;
    let [first, second] = halves(&urls);
    revalidate(&app, &first).await;
    app.github.revoke("c");
    revalidate(&app, &second).await;
    assert_eq!(spent(&app), (0, 2000));
    let computed = quota("free", "computed-etag");
    assert!(app.metric(&computed).await > 100.0, "those that it had fetched");
}

#[tokio::test]
async fn revalidations_stay_free_when_a_token_is_removed() {
    let (mut app, urls) = app_with_documents().await;
    let [first, second] = halves(&urls);
    revalidate(&app, &first).await;
    let _ = app.restart_with("GITHUB_PATS", "a,b,d,e").await;
    revalidate(&app, &second).await;
    assert_eq!(spent(&app), (0, 2000));
    assert!(app.metric(&quota("free", "computed-etag")).await > 100.0);
}

#[tokio::test]
async fn an_unknown_rule_costs_each_document_one_call_and_no_more() {
    let (app, urls) = app_with_documents().await;
    let [first, second] = halves(&urls);
    revalidate(&app, &first).await;
    app.github.change_etag_rule();
    revalidate(&app, &second).await;
    let (charged, free) = spent(&app);
    assert_eq!(charged, DOCUMENTS as u64, "one for each document, whose ETag is gone");
    assert_eq!(charged + free, 2000);
    let drift = app.metric("svm_upstream_etag_drift_total{validator=\"etag\"}").await;
    assert_eq!(drift, charged as f64, "each is counted");

    // Under the unknown rule, a document belongs to its token; without that token, it costs one
    // more call.
    app.github.revoke("c");
    revalidate(&app, &second).await;
    revalidate(&app, &second).await;
    let (again, _) = spent(&app);
    assert!(again - charged <= DOCUMENTS as u64 / 5 + 5, "{again} - {charged}");
    assert_eq!(app.metric("svm_upstream_etag_drift_total{validator=\"computed-etag\"}").await, 0.0);
}

#[tokio::test]
async fn an_unknown_computed_etag_is_counted_and_ends_its_use() {
    let (app, urls) = app_with_documents().await;
    // The tokens took turns, and `c` is the third one.
    let fetched_by_c: Vec<_> = urls.into_iter().skip(2).step_by(5).collect();
    app.github.revoke("c");
    app.github.change_etag_rule();
    revalidate(&app, &fetched_by_c).await;
    assert_eq!(spent(&app), (20, 0));
    assert_eq!(app.metric("svm_upstream_etag_drift_total{validator=\"computed-etag\"}").await, 1.0);
    assert_eq!(app.metric(&quota("charged", "computed-etag")).await, 1.0);
    assert_eq!(app.metric(&quota("charged", "none")).await, 19.0);
    revalidate(&app, &fetched_by_c).await;
    assert_eq!(spent(&app), (20, 20), "each belongs to another token by now");
}

#[tokio::test]
async fn a_new_body_or_an_etag_outside_the_rule_is_no_drift() {
    let app = TestApp::start().await;
    let drift = async || app.metric("svm_upstream_etag_drift_total{validator=\"etag\"}").await;
    app.github.release("octo/app").serve();
    let _ = app.version(&url("app")).await;
    app.github.bump_downloads("octo/app");
    app.revalidate(&url("app")).await;
    assert_eq!((spent_on(&app), drift().await), (2, 0.0));

    app.github.change_etag_rule();
    app.github.bump_downloads("octo/app");
    app.revalidate(&url("app")).await;
    app.github.change_etag_rule();
    app.revalidate(&url("app")).await;
    assert_eq!((spent_on(&app), drift().await), (4, 0.0), "the ETag was by no rule that we know");
}

#[tokio::test]
async fn a_whole_answer_by_the_rule_is_no_drift() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(&url("app")).await;
    let tag = app.held(&url("app")).unwrap().validators.etag.clone().unwrap();
    let body = app.held(&url("app")).unwrap().body.to_vec();
    // A gateway has dropped `If-None-Match`.
    let headers =
        format!("content-type: application/json\netag: {tag}\ncontent-length: {}", body.len());
    app.github.fail_all(Failure::Wire(Wire::head("200 OK", &headers).then(body))).times(1);
    app.revalidate(&url("app")).await;
    assert_eq!(app.metric("svm_upstream_etag_drift_total{validator=\"etag\"}").await, 0.0);
}

fn spent_on(app: &TestApp) -> u64 {
    app.github.counts("/repos/octo/app/releases/latest").charged
}

fn quota(kind: &str, validator: &str) -> String {
    let labels = format!("priority=\"background\",quota=\"{kind}\",validator=\"{validator}\"");
    format!("svm_upstream_quota_total{{{labels}}}")
}
