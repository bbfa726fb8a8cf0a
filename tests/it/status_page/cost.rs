//! The time to render the page with many documents.

use std::time::Duration;

use svm::clock::{Stopwatch, Timestamp};
use svm::entry::{Entry, Times};

use super::{browse, facts_become};
use crate::support::app::TestApp;

const DOCUMENTS: usize = 100_000;
const BOUND: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_documents_do_not_slow_it_down() {
    let app = TestApp::start().await;
    let now = app.clock.now();
    for number in 0..DOCUMENTS {
        app.hold(entry(number, now));
    }
    app.advance(Duration::from_secs(5));
    let entries = DOCUMENTS as u64;
    let facts = facts_become(&app, |facts| {
        let documents = &facts["documents"];
        documents["in_use"] == entries && documents["entries_in_memory"] == entries
    })
    .await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let stopwatch = Stopwatch::start();
        assert_eq!(browse(&app, "/").await.status, 200);
        times.push(stopwatch.elapsed());
    }
    times.sort();
    let (least, median) = (times[0], times[times.len() / 2]);
    println!("the page with {DOCUMENTS} documents: {least:?} at least, {median:?} in the median");
    println!("a survey of them: {} ms", facts["documents"]["survey_milliseconds"]);
    assert!(least < BOUND, "{times:?}");
}

fn entry(number: usize, now: Timestamp) -> Entry {
    let url = format!("https://api.github.com/repos/octo/app{number}/releases/latest");
    let times = Times::starting(now, Duration::from_secs(86_400));
    Entry::new(url, reqwest::StatusCode::OK, bytes::Bytes::from_static(b"{}"), times)
}
