//! The events on the page of the real binary, which has a log of its own.

use serde_json::Value;

use crate::support::github::{Failure, GitHub, Lie};
use crate::support::process::{Running, Setup};
use crate::{LATEST, LATEST_PATH};

async fn facts(svm: &Running) -> Value {
    svm.get("/status.json").await.json()
}

/// Returns the event with this message.
fn event<'a>(facts: &'a Value, message: &str) -> Option<&'a Value> {
    facts["events"].as_array()?.iter().find(|event| event["message"] == message)
}

#[tokio::test]
async fn a_limit_and_a_loss_not_believed_are_events() {
    let github = GitHub::start().await;
    github.release("octo/app").tag("v1.2.3").serve();
    let svm = Setup::new().behind(&github).start().await;
    let _ = svm.version(LATEST).await;
    github.lie(LATEST_PATH, Lie::Missing, 600);
    let _ = svm.refresh(LATEST).await;
    let limited = LATEST.replace("app", "limited");
    github.fail(&LATEST_PATH.replace("app", "limited")).with(Failure::PrimaryLimit);
    let _ = svm.version(&limited).await;

    let facts = facts(&svm).await;
    let loss = event(&facts, "a loss is not confirmed yet").expect("the loss");
    assert_eq!(loss["level"], "WARN");
    let fields = loss["fields"].as_str().expect("fields");
    assert!(fields.contains("loss=latest-missing stored=v1.2.3"), "{fields}");
    let limit = event(&facts, "a rate limit is met").expect("the limit");
    let fields = limit["fields"].as_str().expect("fields");
    assert!(fields.contains("limit=primary token="), "{fields}");
    assert!(fields.contains(" until=20"), "{fields}");
    assert!(event(&facts, "serving").is_some(), "{facts:#}");
    let messages = facts["events"].as_array().expect("events").iter();
    let messages: Vec<_> = messages.filter_map(|event| event["message"].as_str()).collect();
    let limit = "a rate limit is met";
    let want = [limit, limit, "a loss is not confirmed yet", "serving"];
    assert_eq!(messages, want, "a limit for each token, and no line of ordinary work");
    drop(svm.terminate().await);
}

#[tokio::test]
async fn events_are_there_whatever_the_log_shows() {
    let github = GitHub::start().await;
    github.release("octo/app").tag("v1.2.3").serve();
    let svm = Setup::new().behind(&github).set("RUST_LOG", "info,svm::cache=off").start().await;
    let _ = svm.version(LATEST).await;
    github.lie(LATEST_PATH, Lie::Missing, 600);
    let _ = svm.refresh(LATEST).await;
    let facts = facts(&svm).await;
    assert!(event(&facts, "a loss is not confirmed yet").is_some(), "{facts:#}");
    assert!(svm.said("a loss is not confirmed yet").is_empty());
    drop(svm.terminate().await);
}
