//! A day of popular releases: each is downloaded every minute, so its ETag changes every minute.

use std::time::Duration;

use futures_util::future::join_all;

use super::url;
use crate::support::app::TestApp;

const TOKENS: [&str; 5] = ["a", "b", "c", "d", "e"];
const RELEASES: usize = 50;
const MINUTE: Duration = Duration::from_secs(60);
const DAY: usize = 24 * 60;
const NOON: usize = 12 * 60;
/// The default of `VALIDATOR_AUDIT_INTERVAL`, in minutes.
const AUDIT: usize = 10;

/// A day with its documents.
struct Day {
    app: TestApp,
    names: Vec<String>,
}

impl Day {
    /// Begins the day: all documents are stored. The last one is of the repository that publishes a
    /// release at noon.
    async fn dawn() -> Self {
        let app = TestApp::builder().set("GITHUB_PATS", &TOKENS.join(",")).start().await;
        let numbered = (0..RELEASES).map(|n| n.to_string());
        let names: Vec<_> = numbered.chain(["news".to_owned()]).collect();
        for name in &names {
            app.github.release(&format!("octo/{name}")).serve();
        }
        app.advance(2 * 60 * MINUTE);
        for name in &names {
            assert_eq!(app.version(&url(name)).await.status, 200);
        }
        Self { app, names }
    }

    /// Plays one minute: downloads, and a revalidation of every document.
    async fn minute(&self, minute: usize) {
        if minute.is_multiple_of(60) {
            // Another client also spends the quota of these accounts.
            for token in TOKENS {
                let _ = self.app.github.user(token).token(token).used(2600);
            }
        }
        for name in &self.names {
            self.app.github.bump_downloads(&format!("octo/{name}"));
        }
        join_all(self.names.iter().map(|name| self.app.revalidate(&url(name)))).await;
        self.app.advance(MINUTE);
    }

    /// Returns the tag and the number of assets of that repository's release, as a client sees
    /// them.
    async fn news(&self) -> (String, usize) {
        let release = self.app.version(&url("news")).await.json();
        let assets = release["assets"].as_array().map_or(0, Vec::len);
        (release["tag_name"].as_str().unwrap_or_default().to_owned(), assets)
    }

    fn charged(&self, name: &str) -> u64 {
        // The first charged call stored the document.
        self.app.github.counts(&format!("/repos/octo/{name}/releases/latest")).charged - 1
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settled_release_costs_one_call_for_each_full_check() {
    let day = Day::dawn().await;
    for minute in 0..DAY {
        if minute == NOON {
            day.app.github.publish("octo/news", "v2.0.0");
        }
        if minute == NOON + 10 {
            day.app.github.grow_asset("octo/news");
        }
        day.minute(minute).await;
        if minute == NOON {
            assert_eq!(day.news().await, ("v2.0.0".to_owned(), 1));
        }
        if minute == NOON + 10 {
            assert_eq!(day.news().await, ("v2.0.0".to_owned(), 2));
        }
    }
    let audits = (DAY / AUDIT) as u64;
    let charged: Vec<_> = day.names.iter().map(|name| day.charged(name)).collect();
    let (news, settled) = charged.split_last().expect("the last one has the news");
    let most = settled.iter().max().copied().unwrap_or_default();
    println!(
        "charged: {} in all, at most {most} for a settled release, {news} for the one with news",
        day.app.github.charged()
    );
    assert!(most <= audits, "{most} of {audits}");
    assert!(*news <= audits + 60, "{news}: while it may grow, each download costs a call");
    let free = day.app.metric(
        "svm_upstream_quota_total{priority=\"background\",quota=\"free\",validator=\"date\"}",
    );
    assert!(free.await > 0.85 * (RELEASES * DAY) as f64);
}
