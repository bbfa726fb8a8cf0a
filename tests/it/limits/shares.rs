//! Hanging hosts, and the slots that they leave to other hosts.

use tokio::task::JoinHandle;

use super::{ask_all, assert_all, documents};
use crate::LATEST;
use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::github::Failure;
use crate::support::tasks;

const API_HOST: &str = "api.github.com";
const RAW_HOST: &str = "raw.githubusercontent.com";
const CODELOAD: &str = "codeload.github.com";
const FLIGHTS: &str = "svm_flights";

/// Makes the timeout so long that no hanging request ends before its test.
fn patient() -> TestAppBuilder {
    TestApp::builder().set("UPSTREAM_TIMEOUT", "120s")
}

/// Requests this number of documents of a host, and returns while the requests are in flight.
async fn ask_for(app: &TestApp, host: &str, count: usize) -> Vec<JoinHandle<Answer>> {
    let flights = app.metric(FLIGHTS).await;
    let urls = (0..count).map(|n| format!("https://{host}/repos/octo/hung-{n}/releases/latest"));
    let asked = urls.map(|url| tasks::spawn(app.ask(&url))).collect();
    app.reaches(FLIGHTS, flights + count as f64).await;
    asked
}

/// Returns the number of requests that this host has received.
fn received(app: &TestApp, host: &str) -> usize {
    app.github.requests().iter().filter(|request| request.host == host).count()
}

/// Makes the host hang, and requests more documents than it has slots.
async fn hang(app: &TestApp, host: &str, want: usize) -> Vec<JoinHandle<Answer>> {
    app.github.fail_host(host).with(Failure::Hang);
    let hung = ask_for(app, host, 80).await;
    eventually(|| received(app, host) == want).await;
    hung
}

/// Asserts that none of these requests has ended, so no other request has waited for them.
#[track_caller]
fn assert_hanging(hung: &[JoinHandle<Answer>]) {
    assert!(hung.iter().all(|hung| !hung.is_finished()), "something waited for what hangs");
}

#[tokio::test]
async fn a_host_that_hangs_leaves_others_a_quarter_of_the_slots() {
    let app = patient().start().await;
    let hung = hang(&app, RAW_HOST, 48).await;
    assert_all(&ask_all(&app, &documents(&app, "new", 40)).await, 200, "new");
    assert_eq!(received(&app, RAW_HOST), 48);
    assert_hanging(&hung);
}

#[tokio::test]
async fn a_host_with_tokens_leaves_them_too() {
    let app = patient().start().await;
    app.github.raw_document("/octo/app/v.json", "{}");
    let hung = hang(&app, API_HOST, 48).await;
    let url = format!("https://{RAW_HOST}/octo/app/v.json");
    assert_eq!(app.version(&url).await.status, 200);
    assert_hanging(&hung);
}

#[tokio::test]
async fn a_host_with_tokens_leaves_another_one_a_part_of_the_window() {
    let app = patient()
        .set("ALLOWED_UPSTREAM_HOSTS", "api.github.com,uploads.github.com")
        .set("GITHUB_TOKEN_HOSTS", "api.github.com,uploads.github.com")
        .start()
        .await;
    let hung = hang(&app, API_HOST, 48).await;
    // The answer of a host of files to a request with a token.
    assert_eq!(app.version("https://uploads.github.com/repos/octo/app").await.status, 404);
    assert_eq!(received(&app, "uploads.github.com"), 1);
    assert_hanging(&hung);
}

#[tokio::test]
async fn several_hosts_that_hang_leave_a_slot_to_one_that_does_not() {
    let app = patient().start().await;
    let mut hung = hang(&app, RAW_HOST, 48).await;
    hung.extend(hang(&app, CODELOAD, 12).await);
    hung.extend(hang(&app, "objects.githubusercontent.com", 3).await);
    assert_all(&ask_all(&app, &documents(&app, "new", 8)).await, 200, "new");
    assert_hanging(&hung);
}

#[tokio::test]
async fn an_exchange_counts_for_the_host_to_which_it_is_redirected() {
    let app = patient().start().await;
    app.github.fail_host(CODELOAD).with(Failure::Hang);
    let urls: Vec<_> = (0..80)
        .map(|n| {
            let path = format!("/repos/octo/moved-{n}");
            app.github.redirect(&path, 302, &format!("https://{CODELOAD}/octo/{n}"));
            format!("https://{API_HOST}{path}")
        })
        .collect();
    let hung: Vec<_> = urls.iter().map(|url| tasks::spawn(app.ask(url))).collect();
    // All requests have met their redirect: those that wait at the second host hold no slot of the
    // first.
    eventually(|| received(&app, API_HOST) == 80 && received(&app, CODELOAD) == 48).await;
    assert_all(&ask_all(&app, &documents(&app, "new", 40)).await, 200, "new");
    assert_eq!(received(&app, CODELOAD), 48);
    assert_hanging(&hung);
}

#[tokio::test]
async fn requests_to_a_hanging_host_time_out_and_others_go_on() {
    // The timeout lets a busy machine answer the requests that do not hang.
    let app = TestApp::builder().set("UPSTREAM_TIMEOUT", "4s").start().await;
    let path = |n: usize| format!("/repos/octo/hung-{n}/releases/latest");
    (0..80).for_each(|n| app.github.raw_document(&path(n), "{}"));
    let urls: Vec<_> = (0..80).map(|n| format!("https://{RAW_HOST}{}", path(n))).collect();
    app.github.fail_host(RAW_HOST).with(Failure::Hang);
    assert_all(&ask_all(&app, &urls).await, 504, "hung");
    app.github.recover();
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_all(&ask_all(&app, &urls).await, 200, "mended");
}

#[tokio::test]
async fn with_few_slots_a_slow_host_holds_up_others_until_it_answers() {
    for (slots, most) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4)] {
        let app = patient().set("UPSTREAM_MAX_CONCURRENCY", &slots.to_string()).start().await;
        let path = |n: usize| format!("/repos/octo/hung-{n}/releases/latest");
        (0..8).for_each(|n| app.github.raw_document(&path(n), "{}"));
        let gates: Vec<_> = (0..8).map(|n| app.github.hold(&path(n))).collect();
        let slow = ask_for(&app, RAW_HOST, 8).await;
        eventually(|| received(&app, RAW_HOST) == most).await;
        let urls = documents(&app, "new", 3);
        if slots > most {
            assert_all(&ask_all(&app, &urls).await, 200, &format!("{slots} slots"));
            assert_hanging(&slow);
        }
        drop(gates);
        assert_all(&ask_all(&app, &urls).await, 200, &format!("{slots} slots, later"));
        for answer in slow {
            assert_eq!(answer.await.expect("an answer").status, 200);
        }
    }
}
