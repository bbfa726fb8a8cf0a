//! The requirements while Redis is in trouble, and after its recovery.

use std::time::Duration;

use serde_json::json;
use svm::clock::Stopwatch;
use tokio::time::{sleep, timeout};

use super::Scene;
use crate::support::app::Answer;
use crate::support::process::{Ended, lines};

/// The texts of `/healthz` for a server that does not answer, for one that is absent or refuses,
/// and for one that takes no writes.
pub(super) const SILENT: &str = "the store does not answer";
pub(super) const REFUSES: &str = "the store cannot be read";
const TAKES_NO_WRITES: &str = "the last write to the store failed";

/// A hit takes milliseconds; to connect takes up to half a second and a write up to four.
const HIT_LIMIT: Duration = Duration::from_secs(1);
/// From the beginning of an outage until `/healthz` tells of it: two seconds, and what a busy
/// machine adds.
const NOTICED: Duration = Duration::from_secs(5);
/// From its end until L2 is used again: 4.2 s, and as much again where a busy machine fails one of
/// the three looks.
const USED_AGAIN: Duration = Duration::from_secs(9);

/// The time that the server has to answer a look.
const LOOK_BUDGET: Duration = Duration::from_millis(25);

/// Reads that fail until the breaker opens, and more misses than that.
const FAILURES: f64 = 5.0;
const MISSES: u32 = 10;

/// Seconds. The budget is 25 ms, to which a busy machine adds; a read without one would take a
/// second.
const LONGEST_READ: f64 = 0.9;

const UP: &str = "svm_l2_up";
const OPEN: &str = "svm_l2_breaker_open";
const OPENED: &str = "svm_l2_breaker_opened_total";

/// The lines of the log that are about the store, in pairs of a beginning and an end.
const OUTAGE: [&str; 2] =
    ["the persistent store is in trouble; serving without it", "the persistent store works again"];
const NO_WRITES: [&str; 2] =
    ["writes to the store fail; they wait and are tried again", "writes to the store work again"];

/// Reads of L2 so far.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reads {
    answered: f64,
    failed: f64,
    skipped: f64,
    /// The sum of the times of all reads.
    seconds: f64,
}

impl Scene {
    /// The server cannot be read. Five misses find out. The log tells the operator `error`, and no
    /// client notices.
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

    /// The outage is over: L2 is soon used again, and has what was fetched meanwhile.
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

    /// The server takes no writes: it goes on to be read, and what is fetched waits.
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

    /// The server takes writes again, or another one does: what waited is written there.
    pub(super) async fn writes_again(self) {
        self.is_well().await;
        self.is_served_from_redis().await;
        let told = self.svm.terminate().await;
        assert_eq!((pairs(&told, OUTAGE), pairs(&told, NO_WRITES)), ([0, 0], [1, 1]));
        assert_eq!(warnings(&told), 1, "{}", told.stdout);
    }

    /// The whole is healthy, and nothing waits to be written.
    async fn is_well(&self) {
        self.svm.written(u64::from(self.asked())).await;
        self.assert_stored();
        let _ = self.svm.shows("/healthz", |page| page.json()["status"] == "healthy").await;
        assert_eq!((self.svm.metric(UP).await, self.svm.metric(OPEN).await), (1.0, 0.0));
    }

    /// Documents in memory are served from there, and no read of L2 is made or thought of.
    async fn hits_go_on(&self) {
        let before = self.reads().await;
        for number in (0..self.asked()).cycle().take(20) {
            let answer = timeout(HIT_LIMIT, self.ask(number)).await;
            let answer = answer.expect("a hit that waits for nothing");
            assert_eq!(answer.header("x-cache"), "HIT", "{}", answer.summary());
        }
        assert_eq!(self.reads().await, before);
    }

    /// `/healthz` tells of the outage in time, in these words, and of nothing else.
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

    /// Waits until a page of the service satisfies `condition`. Of the time only that counts in
    /// which the service answers as soon as the server has to answer a look: on a machine that is
    /// busier than that looks fail, whatever the server does.
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
