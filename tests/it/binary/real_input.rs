//! The main job with real documents: GitHub's bytes for every URL, both after the fetch and after a
//! restart without GitHub.
//!
//! `tests/real-input.sh` does the same with any documents and URLs.

use std::fs;
use std::path::{Path, PathBuf};

use super::fail;
use crate::simulated_github::plain;
use crate::support::github::GitHub;
use crate::support::process::Setup;

const DOCUMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/github");

/// Returns the path and the query of each document, and the document as its file has it.
fn documents(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
    {
        if path.is_dir() {
            found.extend(documents(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push((target(&path), fs::read_to_string(&path).expect("a document")));
        }
    }
    found
}

fn target(path: &Path) -> String {
    let below: PathBuf = path.strip_prefix(DOCUMENTS).expect("a path below it").with_extension("");
    format!("/{}", below.display()).replace('@', "?")
}

#[tokio::test]
async fn clients_get_githubs_bytes_encoded_or_not_and_after_a_restart() {
    let github = GitHub::start().await;
    let documents = documents(DOCUMENTS.as_ref());
    assert!(documents.len() > 5 && documents.iter().any(|(target, _)| target.contains('?')));
    for (target, document) in &documents {
        github.document(target, document);
    }
    let setup = Setup::new().behind(&github);
    let svm = setup.start().await;
    let client = plain(&github).build().unwrap();
    let mut bodies = Vec::new();
    for (target, _) in &documents {
        let url = format!("https://api.github.com{target}");
        let raw = svm.get(&format!("/version?url={url}")).await;
        let encoded = svm.version(&url).await;
        assert_eq!([raw.header("x-cache"), encoded.header("x-cache")], ["MISS", "HIT"], "{url}");
        assert_eq!(raw.header("x-cache-key"), encoded.header("x-cache-key"), "{url}");
        let direct = client.get(&url).bearer_auth("ghp_first").send().await.unwrap();
        let direct = direct.bytes().await.unwrap();
        assert!(raw.body == direct && encoded.body == direct, "{url}");
        bodies.push((url, direct));
    }
    svm.written(documents.len() as u64).await;
    svm.terminate().await.assert_code(0);

    fail(&github);
    let svm = setup.start().await;
    for (url, body) in &bodies {
        let answer = svm.stored(url).await;
        let told = answer.header("cache-status");
        assert!(told.starts_with("svm; hit; ttl=") && told.ends_with("; detail=l2"), "{told}");
        assert_eq!(answer.body, body, "{url}");
    }
    let late = svm.metric(r#"svm_l2_reads_total{result="timeout"}"#).await;
    assert!(late > 0.0 || svm.metric("svm_upstream_duration_seconds_count").await == 0.0);
}

/// Returns the `curl` lines of the manual that request a document, as a reader pastes them.
fn readme_commands() -> Vec<(String, bool)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = ["README.md", "docs/http-api.md"].map(|path| fs::read_to_string(root.join(path)));
    let text = texts.map(|text| text.expect("a document")).concat();
    let lines = text.lines().filter(|line| line.trim_start_matches("$ ").starts_with("curl "));
    let commands = lines.map(|line| {
        let url = line.split('\'').nth(1).unwrap_or_else(|| panic!("no URL in quotes: {line}"));
        let path = url.strip_prefix("http://localhost:8000").expect("the port of the service");
        (path.to_owned(), line.contains(" --compressed "))
    });
    commands.collect()
}

#[tokio::test]
async fn the_simulated_github_has_what_the_readme_asks_for() {
    let github = GitHub::start().await;
    for (target, document) in documents(DOCUMENTS.as_ref()) {
        github.document(&target, &document);
    }
    let svm = Setup::new().behind(&github).start().await;
    let commands = readme_commands();
    assert!(commands.len() > 1, "{commands:?}");
    for (path, is_compressed) in commands {
        let answer = svm.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.summary());
        if is_compressed {
            // The service sends a document as gzip as soon as its gzip form exists.
            let compressed = svm.sends(
                &path,
                |request| request.header("accept-encoding", "gzip"),
                |answer| answer.headers.contains_key("content-encoding"),
            );
            assert_eq!(compressed.await.header("content-encoding"), "gzip", "{path}");
        }
    }
}
