//! The requirements during an outage of Redis, and after its recovery.

use std::time::Duration;

use serde_json::json;
use svm::clock::Stopwatch;
use tokio::time::{sleep, timeout};

use super::Scene;
use crate::support::app::Answer;
use crate::support::process::{Ended, lines};

/// The errors in `/healthz` for a server that does not answer, for one that is absent or refuses,
/// and for one that accepts no writes.
pub(super) const SILENT: &str = "the store does not answer";
pub(super) const REFUSES: &str = "the store cannot be read";
const TAKES_NO_WRITES: &str = "the last write to the store failed";

/// The time limit of a hit. A hit takes milliseconds; a connection attempt takes up to half a
/// second, and a write up to four.
const HIT_LIMIT: Duration = Duration::from_secs(1);
/// The time from the start of an outage until `/healthz` reports it: two seconds, and a margin for
/// a busy machine.
const NOTICED: Duration = Duration::from_secs(5);
/// The time from its end until L2 is used again: 4.2 s, and as much again if one of the three
/// probes fails on a busy machine.
const USED_AGAIN: Duration = Duration::from_secs(9);

/// The time that the server has to answer a probe.
const LOOK_BUDGET: Duration = Duration::from_millis(25);

/// The failed reads that open the breaker, and a larger number of misses.
const FAILURES: f64 = 5.0;
const MISSES: u32 = 10;

/// The longest read, in seconds. The budget is 25 ms, to which a busy machine adds; a read without
/// a budget would take a second.
const LONGEST_READ: f64 = 0.9;

const UP: &str = "svm_l2_up";
const OPEN: &str = "svm_l2_breaker_open";
const OPENED: &str = "svm_l2_breaker_opened_total";

/// The lines of the log about the store, in pairs of a beginning and an end.
const OUTAGE: [&str; 2] =
    ["the persistent store is in trouble; serving without it", "the persistent store works again"];
const NO_WRITES: [&str; 2] =
    ["writes to the store fail; they wait and are tried again", "writes to the store work again"];

/// The reads of L2 so far.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reads {
    answered: f64,
    failed: f64,
    skipped: f64,
    /// The sum of the durations of all reads.
    seconds: f64,
}

impl Scene {
    /// Asserts the reaction to a server that cannot be read: five misses detect the outage, the log
    /// reports `error` to the operator, and no client notices.
    pub(super) async fn goes_without(&self, error: &str) {
        self.hits_go_on().await;
        let before = self.reads().await;
        self.misses(MISSES).await;
        let after = self.reads().await;
        let failed = after.failed - before.failed;
        assert!((1.0..=FAILURES).contains(&failed), "{before:?} {after:?}");
        assert_eq!(after.skipped - before.skipped, f64::from(MISSES) - failed, "{after:?}");
        assert!(after.seconds - before.seconds < failed * LONGEST_READ, "{before:?} {after:?}");
        assert_eq!(self.svm.metric(OPEN).await, 1.0);
        self.tells(error).await;
        assert_eq!(self.svm.metric(UP).await, 0.0);
        self.hits_go_on().await;
    }

    /// Asserts the recovery: L2 is used again soon, and holds the documents that were fetched
    /// meanwhile.
    pub(super) async fn recovers(self) {
        let closed = format!("\n{OPEN} 0\n");
        let _ =
            self.shows_within(USED_AGAIN, "/metrics", |page| page.text().contains(&closed)).await;
        self.is_served_from_redis().await;
        self.is_well().await;
        assert_eq!(self.svm.metric(OPENED).await, 1.0);
        let told = self.svm.terminate().await;
        assert_eq!(pairs(&told, OUTAGE), [1, 1]);
        let [failed, worked] = pairs(&told, NO_WRITES);
        // Each cause has a line: the connection ends, and the next one is refused.
        assert_eq!(worked, failed.min(1), "{failed} failed");
        assert_eq!(warnings(&told), 1 + failed, "{}", told.stdout);
    }

    /// Asserts the reaction to a server that accepts no writes: it is still read, and fetched
    /// documents wait.
    pub(super) async fn goes_on_reading(&self) {
        self.hits_go_on().await;
        let before = self.reads().await;
        self.misses(MISSES).await;
        self.is_served_from_redis().await;
        let after = self.reads().await;
        assert_eq!(after.skipped, before.skipped, "{before:?} {after:?}");
        self.tells(TAKES_NO_WRITES).await;
        let state = [self.svm.metric(UP).await, self.svm.metric(OPENED).await];
        assert_eq!(state, [1.0, 0.0]);
        self.hits_go_on().await;
    }

    /// Asserts that the server, or another one, accepts writes again: the waiting documents are
    /// written there.
    pub(super) async fn writes_again(self) {
        self.is_well().await;
        self.is_served_from_redis().await;
        let told = self.svm.terminate().await;
        assert_eq!((pairs(&told, OUTAGE), pairs(&told, NO_WRITES)), ([0, 0], [1, 1]));
        assert_eq!(warnings(&told), 1, "{}", told.stdout);
    }

    /// Asserts that the service is healthy, and that no write waits.
    async fn is_well(&self) {
        self.svm.written(u64::from(self.asked())).await;
        self.assert_stored();
        let _ = self.svm.shows("/healthz", |page| page.json()["status"] == "healthy").await;
        assert_eq!((self.svm.metric(UP).await, self.svm.metric(OPEN).await), (1.0, 0.0));
    }

    /// Asserts that documents in L1 are served from there, without a read of L2.
    async fn hits_go_on(&self) {
        let before = self.reads().await;
        for number in (0..self.asked()).cycle().take(20) {
            let answer = timeout(HIT_LIMIT, self.ask(number)).await;
            let answer = answer.expect("a hit that waits for nothing");
            assert_eq!(answer.header("x-cache"), "HIT", "{}", answer.summary());
        }
        assert_eq!(self.reads().await, before);
    }

    /// Asserts that `/healthz` reports this outage in time, and no other.
    async fn tells(&self, error: &str) {
        let up = json!({ "status": "up" });
        let down = json!({ "status": "down", "error": error });
        let want = json!({
            "status": "degraded",
            "dependencies":
                { "request_path": up, "redis": down, "github_tokens": up, "github": up },
        });
        let page = self.shows_within(NOTICED, "/healthz", |page| page.json() == want).await;
        assert_eq!(page.status, 200);
    }

    /// Waits until a page of the service satisfies `condition`. Only the time in which the service
    /// answers within the budget of a probe counts: on a busier machine, probes fail even with a
    /// good server.
    async fn shows_within(
        &self,
        limit: Duration,
        path: &str,
        condition: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let mut counted = Duration::ZERO;
        loop {
            let took = Stopwatch::start();
            let page = self.svm.get(path).await;
            if condition(&page) {
                return page;
            }
            let is_quick = took.elapsed() < LOOK_BUDGET;
            sleep(LOOK_BUDGET).await;
            counted += if is_quick { took.elapsed() } else { Duration::ZERO };
            assert!(counted < limit, "{path} still is {}", page.text());
        }
    }

    async fn reads(&self) -> Reads {
        let page = self.svm.get("/metrics").await.text();
        let value = |name: &str| -> f64 {
            let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.expect("a metric").parse().expect("a number")
        };
        let count = |result| value(&format!("svm_l2_reads_total{{result=\"{result}\"}}"));
        Reads {
            answered: count("hit") + count("miss"),
            failed: count("error") + count("timeout"),
            skipped: count("skipped"),
            seconds: value("svm_l2_read_duration_seconds_sum"),
        }
    }
}

fn pairs(ended: &Ended, messages: [&str; 2]) -> [usize; 2] {
    messages.map(|message| ended.said(message).len())
}

fn warnings(ended: &Ended) -> usize {
    let lines = lines(&ended.stdout);
    lines.iter().filter(|line| line["level"] == "WARN" || line["level"] == "ERROR").count()
}
