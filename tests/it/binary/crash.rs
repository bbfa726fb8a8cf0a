//! `kill -9`: all written records survive it.

use std::time::Duration;

use reqwest::Method;
use svm::clock::Stopwatch;

use super::fail;
use crate::support::github::GitHub;
use crate::support::process::{Running, Setup};

const ROUNDS: usize = 4;
/// The documents of a round that are certainly written, and the number of those that may be written
/// at the end.
const DOCUMENTS: usize = 60;

/// Publishes documents of sizes up to some ten pages of the store. Returns their URLs and bodies.
fn publish(github: &GitHub, name: &str) -> Vec<(String, String)> {
    let publish = |number: usize| {
        let target = format!("/repos/octo/app/{name}/{number}");
        let body = format!(r#"{{"name":"{name}","body":"{}"}}"#, "x".repeat(number * 700));
        github.document_bytes(&target, body.clone().into_bytes());
        (format!("https://api.github.com{target}"), body)
    };
    (0..DOCUMENTS).map(publish).collect()
}

/// Requests documents until the service no longer answers.
async fn ask_to_the_end(svm: &Running, documents: &[(String, String)]) {
    for (url, _) in documents {
        let path = format!("/version?url={url}");
        if svm.request(Method::GET, &path).send().await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn every_record_that_was_written_survives() {
    let github = GitHub::start().await;
    // Most batches hold one or two records, so a write is in progress nearly always.
    let setup = Setup::new().behind(&github).set("WRITE_BEHIND_FLUSH_INTERVAL", "1ms");
    let mut written: Vec<(String, String)> = Vec::new();
    for round in 0..=ROUNDS {
        let started = Stopwatch::start();
        let svm = setup.start().await;
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        fail(&github);
        for (url, body) in &written {
            svm.stored(url).await.assert_document(body);
        }
        github.recover();

        let documents = publish(&github, &format!("written-{round}"));
        for (url, _) in &documents {
            assert_eq!(svm.version(url).await.header("x-cache"), "MISS");
        }
        svm.written(documents.len() as u64).await;
        written.extend(documents);

        let in_between = publish(&github, &format!("in-between-{round}"));
        tokio::join!(ask_to_the_end(&svm, &in_between), svm.signal("KILL"));
        let ended = svm.ended().await;
        ended.assert_signal(9);
        assert!(!ended.stdout.contains("damaged"), "{}", ended.stdout);
    }
}
