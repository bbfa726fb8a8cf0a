//! `kill -9`: all written records survive it.

use std::fs;
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

/// Text by its length.
type Text = fn(usize) -> String;

/// Text of up to some ten pages of the store.
fn short(number: usize) -> String {
    "x".repeat(number * 700)
}

/// Text that hardly compresses: each round fills about a journal of the store.
fn long(number: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    std::iter::repeat_with(|| random.alphanumeric()).take(60_000 + number * 700).collect()
}

/// Publishes documents; their URLs and bodies.
fn publish(github: &GitHub, name: &str, text: Text) -> Vec<(String, String)> {
    let publish = |number: usize| {
        let target = format!("/repos/octo/app/{name}/{number}");
        let body = format!(r#"{{"name":"{name}","body":"{}"}}"#, text(number));
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
    let _folder = assert_survival(short, "4").await;
}

#[tokio::test]
async fn every_record_survives_while_journals_become_segments() {
    let setup = assert_survival(long, "0.125").await;
    let names = fs::read_dir(setup.folder().join("data")).unwrap();
    let names: Vec<_> = names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("svm.redb.segment-")), "{names:?}");
}

/// Kills the service again and again while it writes; returns it.
async fn assert_survival(text: Text, l2_gb: &str) -> Setup {
    let github = GitHub::start().await;
    // Most batches hold one or two records, so a write is in progress nearly always.
    let setup = Setup::new()
        .behind(&github)
        .set("WRITE_BEHIND_FLUSH_INTERVAL", "1ms")
        .set("CACHE_L2_MAX_GB", l2_gb);
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

        let documents = publish(&github, &format!("written-{round}"), text);
        for (url, _) in &documents {
            assert_eq!(svm.version(url).await.header("x-cache"), "MISS");
        }
        svm.written(documents.len() as u64).await;
        written.extend(documents);

        let in_between = publish(&github, &format!("in-between-{round}"), text);
        tokio::join!(ask_to_the_end(&svm, &in_between), svm.signal("KILL"));
        let ended = svm.ended().await;
        ended.assert_signal(9);
        assert!(!ended.stdout.contains("damaged"), "{}", ended.stdout);
    }
    setup
}
