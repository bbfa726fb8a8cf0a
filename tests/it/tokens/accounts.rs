//! The users of the tokens, and their shared limits.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{document, used};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::{Failure, GitHub};
use crate::support::process::Setup;
use crate::{LATEST, LATEST_PATH};

const ASKED: &str =
    "svm_upstream_quota_total{priority=\"background\",quota=\"charged\",validator=\"none\"}";

/// Starts a service that asks for the accounts of `a`, `b` and `c`: the first and the last share
/// one.
async fn identifying(github: GitHub) -> TestApp {
    github.user("alice").token("a").token("c");
    github.user("bob").token("b");
    TestApp::builder().set("GITHUB_PATS", "a,b,c").identifying().start_with(github).await
}

async fn identified() -> TestApp {
    let app = identifying(GitHub::start().await).await;
    app.reaches("svm_token_account{token=\"2\"}", 0.0).await;
    app
}

/// Returns the tokens of the requests for documents.
fn used_for_documents(app: &TestApp) -> Vec<String> {
    let whose = app.github.calls("/user") as usize;
    used(app).split_off(whose)
}

#[tokio::test]
async fn each_token_is_asked_about_once() {
    let app = identified().await;
    let asked = app.github.requests_for("/user");
    assert_eq!(used(&app), ["a", "b", "c"]);
    for request in asked {
        assert_eq!(request.header("accept"), Some("application/vnd.github+json"));
        assert_eq!(request.header("x-github-api-version"), Some("2022-11-28"));
    }
    assert_eq!(app.metric(ASKED).await, 3.0);
    assert_eq!(app.metric("svm_token_remaining{token=\"1\"}").await, 4999.0, "it is charged");
    assert_eq!(app.metric("svm_token_account{token=\"1\"}").await, 1.0);
}

#[tokio::test]
async fn the_log_tells_whose_the_tokens_are() {
    let github = GitHub::start().await;
    github.user("alice").token("ghp_a").token("ghp_c");
    github.revoke("ghp_b");
    let setup = Setup::new().behind(&github).set("GITHUB_PATS", "ghp_a,ghp_b,ghp_c");
    let svm = setup.start().await;
    let shared = "a token shares its account: a second token of one account adds no quota";
    let told = svm.says(shared).await;
    assert_eq!(
        (&told["level"], &told["token"], &told["account"]),
        (&json!("WARN"), &json!(2), &json!(0))
    );
    let ended = svm.terminate().await;
    let known = ended.said("a token's account is known");
    assert_eq!((&known[0]["token"], &known[0]["login"]), (&json!(0), &json!("alice")));
    let refused = ended.said("GitHub refused a token; it is put aside until it works again");
    assert_eq!((known.len(), refused.len()), (1, 1));
    assert_eq!(refused[0]["token"], 1);
}

#[tokio::test]
async fn tokens_of_one_account_are_one_budget() {
    let app = identified().await;
    let remaining = ["0", "2"].map(|token| format!("svm_token_remaining{{token=\"{token}\"}}"));
    for metric in &remaining {
        assert_eq!(app.metric(metric).await, 4998.0);
    }
    app.github.user("alice").exhaust();
    for n in 0..4 {
        let answer = app.version(&document(&app, &format!("octo/r{n}"))).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert_eq!(used_for_documents(&app), ["a", "b", "b", "b", "b"], "the third cools down as well");
    for (token, cools_down) in [("0", 1.0), ("1", 0.0), ("2", 1.0)] {
        assert_eq!(
            app.metric(&format!("svm_token_resting{{token=\"{token}\"}}")).await,
            cools_down
        );
    }
}

#[tokio::test]
async fn a_policy_is_not_tried_with_another_token_of_the_same_account() {
    let app = identified().await;
    app.github.fail(LATEST_PATH).with(Failure::IpAllowList);
    assert_eq!(app.version(LATEST).await.status, 403);
    assert_eq!(used_for_documents(&app), ["a", "b"]);

    let github = GitHub::start().await;
    github.user("alice").token("a").token("b");
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").identifying().start_with(github).await;
    app.reaches("svm_token_account{token=\"1\"}", 0.0).await;
    app.github.fail(LATEST_PATH).with(Failure::IpAllowList);
    assert_eq!(app.version(LATEST).await.status, 403);
    assert_eq!(used_for_documents(&app), ["a"]);
}

#[tokio::test]
async fn until_github_answers_each_token_is_an_account_of_its_own() {
    for (failure, pause) in
        [(Failure::ServerError502, 5), (Failure::Unicorn503, 5), (Failure::HtmlWith200, 60)]
    {
        let github = GitHub::start().await;
        github.fail("/user").with(failure.clone()).for_token("c").times(1);
        let app = identifying(github).await;
        eventually(|| app.github.calls("/user") == 3).await;
        assert_eq!(app.metric("svm_token_account{token=\"2\"}").await, 2.0, "{failure:?}");
        assert_eq!(app.version(&document(&app, "octo/app")).await.status, 200, "{failure:?}");
        app.advance(Duration::from_secs(pause));
        app.reaches("svm_token_account{token=\"2\"}", 0.0).await;
        assert_eq!(app.github.calls("/user"), 4, "{failure:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let github = GitHub::start().await;
    github.fail("/user").with(Failure::Hang).times(1);
    let app = TestApp::builder()
        .set("GITHUB_PATS", "a,b")
        .set("UPSTREAM_TIMEOUT", "200ms")
        .identifying()
        .start_with(github)
        .await;
    assert_eq!(app.version(&document(&app, "octo/app")).await.status, 200);
    eventually(|| app.github.calls("/user") == 2).await;
    let asked = app.github.requests_for("/user");
    assert_eq!(
        asked.iter().map(|request| request.token()).collect::<Vec<_>>(),
        [Some("a"), Some("b")]
    );
}

#[tokio::test]
async fn a_refused_token_is_known_before_a_client_meets_it() {
    let github = GitHub::start().await;
    github.revoke("a");
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").identifying().start_with(github).await;
    app.reaches("svm_token_rejected{token=\"0\"}", 1.0).await;
    assert_eq!(app.version(&document(&app, "octo/app")).await.status, 200);
    assert_eq!(app.github.requests_for(LATEST_PATH)[0].token(), Some("b"));
}
