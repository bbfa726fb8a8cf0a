//! Tokens go to GitHub and nowhere else.

use std::fs;

use crate::support::github::{Echo, Failure, GitHub, Spelling};
use crate::support::process::Setup;
use crate::{LATEST, LATEST_PATH};

const CANARIES: [&str; 3] = ["ghp_CanaryOne", "ghp_CanaryTwo", "github_pat_CanaryThree"];
/// In all of the above.
const CANARY: &str = "Canary";

#[tokio::test]
async fn no_token_is_in_anything_that_leaves_the_process() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    // All that any library would say is said.
    let setup = Setup::new()
        .behind(&github)
        .set("GITHUB_PATS", &CANARIES.join(","))
        .set("RUST_LOG", "trace");
    let svm = setup.start().await;

    let mut told = Vec::new();
    told.push(svm.version(LATEST).await);
    told.push(svm.refresh(LATEST).await);
    told.push(svm.version("https://api.github.com/repos/octo/none").await);
    let failures = [
        Failure::BadCredentials,
        Failure::Saml,
        Failure::CutBody,
        Failure::ServerError502,
        Failure::Echo(Echo::Document(Spelling::Plain)),
        Failure::Echo(Echo::Document(Spelling::Unicode)),
        Failure::Echo(Echo::Error(404, Spelling::Plain)),
        Failure::Echo(Echo::Page(500)),
        Failure::Echo(Echo::Header("etag")),
        Failure::Echo(Echo::Header("x-oauth-scopes")),
        Failure::Echo(Echo::Redirect(Spelling::Plain)),
    ];
    for failure in failures {
        let _ = github.fail_all(failure);
        told.push(svm.refresh(LATEST).await);
        github.recover();
    }
    github.go_down().await;
    told.push(svm.refresh(LATEST).await);
    for path in ["/healthz", "/metrics", "/ping", "/nowhere"] {
        told.push(svm.get(path).await);
    }
    svm.written(1).await;
    let ended = svm.terminate().await;
    ended.assert_code(0);

    let asked = github.requests_for(LATEST_PATH);
    let sent = asked.iter().filter_map(|request| request.header("authorization"));
    assert!(sent.into_iter().any(|value| value.contains(CANARY)), "{asked:?}");
    for answer in told {
        assert!(!format!("{:?}{}", answer.headers, answer.text()).contains(CANARY), "{answer:?}");
    }
    for text in [&ended.stdout, &ended.stderr] {
        let line = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None);
    }
    let bytes = fs::read(setup.folder().join("data/svm.redb")).unwrap();
    assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    // The record itself is there, readable.
    assert!(bytes.windows(LATEST.len()).any(|window| window == LATEST.as_bytes()));
}
