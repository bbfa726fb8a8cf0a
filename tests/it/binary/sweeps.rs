//! The background revalidation of the real process, on real time.

use crate::support::github::GitHub;
use crate::support::process::Setup;
use crate::{LATEST, LATEST_PATH};

const DONE: &str = "svm_revalidate_done_total{result=\"unchanged\"}";

#[tokio::test]
async fn a_sweep_with_due_documents_is_one_log_line() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let svm = Setup::new().behind(&github).set("REVALIDATE_INTERVAL", "200ms").start().await;
    let _ = svm.version(LATEST).await;
    let page = svm.shows("/metrics", |page| page.text().contains(&format!("{DONE} 1"))).await;
    let _ = svm.says("sweep").await;
    let ended = svm.terminate().await;
    let sweeps = ended.said("sweep");
    assert!(sweeps.iter().all(|line| line["due"] == 1 && line["adopted"] == 0), "{sweeps:?}");
    assert!(sweeps.iter().any(|line| line["outcomes"] == "unchanged=1"), "{sweeps:?}");
    assert!(sweeps.len() as f64 <= runs(&page.text()) + 2.0, "{sweeps:?}");
}

#[tokio::test]
async fn a_document_is_checked_once_in_an_interval() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let svm = Setup::new().behind(&github).set("REVALIDATE_INTERVAL", "200ms").start().await;
    let _ = svm.version(LATEST).await;
    let first = svm.shows("/metrics", |page| !page.text().contains(&format!("{DONE} 0"))).await;
    let before = runs(&first.text());
    let sixth = svm.shows("/metrics", |page| runs(&page.text()) >= before + 5.0).await;
    let checks = github.calls(LATEST_PATH) - 1;
    let sweeps = runs(&sixth.text()) - before;
    assert!(checks >= 3 && checks as f64 <= sweeps + 2.0, "{checks} checks in {sweeps} sweeps");
}

fn runs(metrics: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix("svm_revalidate_runs_total "));
    line.expect("the metric").parse().expect("a number")
}
