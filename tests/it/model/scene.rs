//! A scene: a real service, its world and the model. Operations are applied to all of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::Method;
use svm::cache::{ExchangeResult, FlightResult};
use svm::clock::Clock;

use super::observed::{held, stored};
use super::op::{DOCUMENTS, Op, TOKENS, Way, Wish};
use super::reference::{Copy, Document, Held, NEGATIVE_TTL, STALE_IF_ERROR, Step, TTL};
use super::verdict::Case;
use crate::support::app::{Answer, TestApp, encode};
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::{Counts, Failure};

/// `REVALIDATE_INTERVAL` in seconds, so long that only the test starts checks.
pub(super) const CLIENT_LIFETIME: u64 = 86_400;
/// The documents of a flood, which fills L1 four times in five.
const FLOOD: usize = 4;
const FLOOD_BODY: usize = 30_000;
/// The length of GitHub's rate-limit window.
const WINDOW: u64 = 3_600;
/// The most calls of one exchange: each token once, each with a retry, once more for a policy, and
/// once without a token.
const MOST_CALLS: u64 = 6;
/// The failed reads in a row that open the breaker of L2.
const READS_TO_OPEN: usize = 5;

/// The URL of a document.
pub(super) fn url(document: usize) -> String {
    format!("https://api.github.com{}", path(document))
}

/// Returns the body of a document in this version.
pub(super) fn body(document: usize, version: u64) -> Bytes {
    format!("{{\"document\":{document},\"version\":{version}}}").into()
}

fn path(document: usize) -> String {
    format!("/repos/{}/document", repository(document))
}

fn repository(document: usize) -> String {
    format!("octo/d{document}")
}

/// The service, the world around it, and the model.
pub(super) struct Scene {
    app: TestApp,
    store: Arc<FaultyStore>,
    documents: Vec<Document>,
    versions: u64,
    floods: usize,
    /// The time until which each token may have no quota.
    limited_until: [u64; TOKENS],
    /// True if an answer may have started a cooldown of tokens or hosts since the start.
    may_cool_down: bool,
    /// True if a current failure may start such a cooldown.
    cools_down_more: bool,
    mood: Mood,
    /// The failed reads since the start and before the current mood, and all reads before that
    /// mood.
    failed_reads: usize,
    reads_before: usize,
}

/// A document before a step, and the counts of its requests.
struct Before {
    document: Document,
    counts: Counts,
    healthy: bool,
    /// True if no call can fail.
    clear: bool,
    /// True if svm certainly finds the content that the model knows.
    l2_is_whole: bool,
}

impl Scene {
    /// Starts a service in front of documents without requests.
    pub(super) async fn open() -> Self {
        let store = FaultyStore::in_mood(Mood::Works);
        let app = TestApp::builder()
            .production_read_budget()
            .set("CACHE_HARD_TTL", &format!("{TTL}s"))
            .set("CACHE_NEGATIVE_TTL", &format!("{NEGATIVE_TTL}s"))
            .set("CACHE_STALE_IF_ERROR", &format!("{STALE_IF_ERROR}s"))
            .set("CACHE_L1_MAX_GB", "0.0001")
            .set("REVALIDATE_INTERVAL", &format!("{CLIENT_LIFETIME}s"))
            .set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "20ms")
            .set("WRITE_BEHIND_RETRY_MAX_AGE", "240h")
            .set("WRITE_BEHIND_QUEUE_SIZE", "4096")
            .set("SHUTDOWN_DRAIN_TIMEOUT", "5ms")
            .store(store.clone())
            .start()
            .await;
        for (token, secret) in ["ghp_first", "ghp_second"].into_iter().enumerate() {
            let _ = app.github.user(&login(token)).token(secret);
        }
        let mut scene = Self {
            app,
            store,
            documents: (0..DOCUMENTS).map(|_| Document::new(0)).collect(),
            versions: 0,
            floods: 0,
            limited_until: [0; TOKENS],
            may_cool_down: false,
            cools_down_more: false,
            mood: Mood::Works,
            failed_reads: 0,
            reads_before: 0,
        };
        (0..DOCUMENTS).for_each(|document| scene.publish(document));
        scene
    }

    /// Applies one operation.
    pub(super) async fn play(&mut self, op: Op) {
        match op {
            Op::Ask(wishes) => self.ask(&wishes).await,
            Op::Sweep(document) => self.sweep(document).await,
            Op::Advance(secs) => self.app.advance(Duration::from_secs(secs)),
            Op::Publish(document) => self.publish(document),
            Op::Delete(document, status) => {
                self.app.github.remove(&repository(document), status);
                self.documents[document].live = None;
            }
            Op::FailUpstream(document, failure) => self.fail(document, failure),
            Op::MendUpstream => {
                self.app.github.recover();
                self.documents.iter_mut().for_each(|document| document.failing = false);
                self.cools_down_more = false;
            }
            Op::LimitToken(token) => {
                let _ = self.app.github.user(&login(token)).exhaust();
                self.limited_until[token] = self.now() + WINDOW;
            }
            Op::BreakL2(mood) => self.be(mood),
            Op::MendL2 => self.be(Mood::Works),
            Op::Flush => self.flush().await,
            Op::Flood => self.flood().await,
            Op::Restart => self.restart().await,
            Op::Kill => self.kill().await,
        }
        self.look_at_l2().await;
    }

    /// Repairs everything, and asserts that the written documents are served again.
    pub(super) async fn close(mut self) {
        let all =
            (0..DOCUMENTS).map(|document| Wish { document, refresh: false, way: Way::Version });
        let end = [Op::MendL2, Op::MendUpstream, Op::Flush, Op::Restart, Op::Ask(all.collect())];
        for op in end {
            self.play(op).await;
        }
        let _ = self.app.stop().await;
    }

    async fn ask(&mut self, wishes: &[Wish]) {
        let before = self.before();
        let asked = wishes.iter().map(|wish| {
            let url = url(wish.document);
            let answer = self.app.ask(&url);
            let refreshed = self.app.ask_refresh(&url);
            let whole = format!("/version?url={}&pointer=", encode(&url));
            let path = if wish.way == Way::Mirror { path(wish.document) } else { whole };
            let otherwise = Answer::of(self.app.request(Method::GET, &path));
            async move {
                match wish {
                    Wish { refresh: true, .. } => refreshed.await,
                    Wish { way: Way::Version, .. } => answer.await,
                    _ => otherwise.await,
                }
            }
        });
        let answers: Vec<Answer> = join_all(asked).await;
        // A request that its client did not wait for may still be in progress.
        self.app.reaches("svm_flights", 0.0).await;
        let steps = self.steps(&before);
        for (wish, answer) in wishes.iter().zip(&answers) {
            let before = &before[wish.document];
            let (step, l2_is_whole) = (steps[wish.document], before.l2_is_whole);
            let document = &before.document;
            let case = Case { before: document, step, l2_is_whole, wish: *wish, answer };
            if let Some(version) = case.judge() {
                let floor = &mut self.documents[wish.document].floor;
                *floor = version.max(*floor);
            }
        }
        for (document, before) in before.iter().enumerate() {
            let wishes = wishes.iter().filter(|wish| wish.document == document);
            let refreshes = wishes.clone().filter(|wish| wish.refresh).count();
            let plain = wishes.count() - refreshes;
            let may_ask = plain > 0 && !before.is_known(steps[document].now);
            let exchanges = match before.healthy {
                true => refreshes + usize::from(may_ask),
                false if may_ask || refreshes > 0 => refreshes + plain + 1,
                false => 0,
            };
            self.settle(document, before, steps[document], exchanges as u64);
        }
    }

    async fn sweep(&mut self, document: usize) {
        let before = self.before();
        let result = self.app.try_to_revalidate(&url(document)).await;
        let failed = matches!(
            &*result,
            FlightResult::Exchange { exchanged: ExchangeResult::NotStored(_), .. }
        );
        assert!(!failed || !before[document].healthy, "{result:?}");
        let steps = self.steps(&before);
        for (n, before) in before.iter().enumerate() {
            self.settle(n, before, steps[n], u64::from(n == document));
        }
    }

    /// Updates a document after a step in which this number of exchanges was lawful.
    fn settle(&mut self, document: usize, before: &Before, step: Step, exchanges: u64) {
        let counts = self.app.github.counts(&path(document));
        let told =
            || format!("{step:?}, {counts:?}, before {:?} {:#?}", before.counts, before.document);
        let most_calls = exchanges * if before.clear { 1 } else { MOST_CALLS };
        assert!(step.calls <= most_calls, "more than {most_calls} calls: {}", told());
        let charged = counts.charged - before.counts.charged;
        let most_charged = if before.clear { before.most_charged(exchanges) } else { most_calls };
        assert!(charged <= most_charged, "more than {most_charged} charged calls: {}", told());
        assert!(self.app.github.peak_of(&path(document)) <= 1, "two calls at once: {}", told());
        let held = held(self.app.held(&url(document)).as_deref());
        self.documents[document].observe(held, &step, before.l2_is_whole);
    }

    fn publish(&mut self, document: usize) {
        self.versions += 1;
        let body = body(document, self.versions).to_vec();
        self.app.github.document_bytes(&path(document), body);
        self.documents[document].live = Some(self.versions);
    }

    fn fail(&mut self, document: usize, failure: Failure) {
        use Failure::{BadCredentials, PrimaryLimit, SecondaryLimit, Throttled429};
        self.cools_down_more |=
            matches!(failure, BadCredentials | PrimaryLimit | SecondaryLimit(_) | Throttled429);
        self.may_cool_down |= self.cools_down_more;
        let _ = self.app.github.fail(&path(document)).with(failure);
        self.documents[document].failing = true;
    }

    fn be(&mut self, mood: Mood) {
        self.failed_reads = self.failed_reads();
        self.reads_before = self.store.reads();
        self.mood = mood;
        self.store.be(mood);
    }

    async fn flush(&mut self) {
        if !matches!(self.mood, Mood::Works | Mood::GarblesRecords) {
            return;
        }
        self.app.reaches("svm_write_behind_depth", 0.0).await;
        for (n, document) in self.documents.iter_mut().enumerate() {
            document.observe_flushed(stored(&self.store, n).await);
        }
    }

    async fn flood(&mut self) {
        for _ in 0..FLOOD {
            self.floods += 1;
            let path = format!("/octo/flood/main/{}.json", self.floods);
            self.app.github.raw_document(&path, &format!("\"{}\"", "x".repeat(FLOOD_BODY)));
            let answer =
                self.app.version(&format!("https://raw.githubusercontent.com{path}")).await;
            assert_eq!(answer.status, 200, "{}", answer.summary());
        }
        for (n, document) in self.documents.iter_mut().enumerate() {
            if let Held::Copy(_) = document.l1 {
                document.l1 = Held::Nothing;
            }
            assert_eq!(held(self.app.held(&url(n)).as_deref()), document.l1, "a flood evicts");
        }
    }

    async fn restart(&mut self) {
        let report = self.app.stop().await;
        if matches!(self.mood, Mood::Works | Mood::GarblesRecords) {
            assert_eq!(report.lost, 0);
            for (n, document) in self.documents.iter_mut().enumerate() {
                document.observe_flushed(stored(&self.store, n).await);
            }
        }
        self.begin_again().await;
    }

    /// Kills the service: a store that accepts nothing any more sees the same as after the death of
    /// the process.
    async fn kill(&mut self) {
        self.store.be(Mood::Fails);
        let _ = self.app.stop().await;
        self.store.be(self.mood);
        self.begin_again().await;
    }

    async fn begin_again(&mut self) {
        for (n, document) in self.documents.iter_mut().enumerate() {
            document.restarted(stored(&self.store, n).await);
        }
        self.may_cool_down = self.cools_down_more;
        (self.failed_reads, self.reads_before) = (0, self.store.reads());
        self.app.start_again().await;
    }

    async fn look_at_l2(&mut self) {
        for (n, document) in self.documents.iter_mut().enumerate() {
            document.observe_l2(stored(&self.store, n).await);
        }
    }

    fn before(&self) -> Vec<Before> {
        let now = self.now();
        let limited = self.limited_until.iter().filter(|until| now < **until).count();
        let is_well = |document: &Document| !document.failing && !self.may_cool_down;
        let l2_is_whole = matches!(self.mood, Mood::Works | Mood::FailsWrites)
            && self.failed_reads() < READS_TO_OPEN;
        // A copy, also one that only L2 has, stays while a token in its cooldown may see more.
        let may_be_hidden = |document: &Document| {
            let has_copy = !l2_is_whole || !document.copies().is_empty();
            document.live.is_none() && limited > 0 && has_copy
        };
        let documents = self.documents.iter().enumerate();
        let before = documents.map(|(n, document)| Before {
            document: document.clone(),
            counts: self.app.github.counts(&path(n)),
            healthy: is_well(document) && limited < TOKENS && !may_be_hidden(document),
            clear: is_well(document) && limited == 0,
            l2_is_whole,
        });
        before.collect()
    }

    fn steps(&self, before: &[Before]) -> Vec<Step> {
        let now = self.now();
        let steps = before.iter().enumerate().map(|(n, before)| {
            let calls = self.app.github.calls(&path(n)) - before.counts.requests;
            Step { now, calls, healthy: before.healthy }
        });
        steps.collect()
    }

    fn failed_reads(&self) -> usize {
        let fails = self.mood == Mood::Fails;
        self.failed_reads + if fails { self.store.reads() - self.reads_before } else { 0 }
    }

    fn now(&self) -> u64 {
        Clock::Manual(self.app.clock.clone()).now().as_secs()
    }
}

impl Before {
    /// Returns true if a plain request must be answered without a call.
    fn is_known(&self, now: u64) -> bool {
        let is_fresh =
            |copies: Vec<Copy>| !copies.is_empty() && copies.iter().all(|copy| copy.is_fresh(now));
        match self.document.l1 {
            Held::Gone { since } => now < since + NEGATIVE_TTL,
            Held::Refused { until, .. } => now < until,
            Held::Copy(copy) => copy.is_fresh(now),
            Held::Nothing => self.l2_is_whole && is_fresh(self.document.copies()),
        }
    }

    /// Returns the most charged calls: an unchanged body costs none, a new body costs one, and an
    /// absence costs one each time.
    fn most_charged(&self, exchanges: u64) -> u64 {
        let Some(live) = self.document.live else { return exchanges };
        let is_certain = self.l2_is_whole || self.document.l1 != Held::Nothing;
        let copies = self.document.copies();
        let is_same = !copies.is_empty() && copies.iter().all(|copy| copy.version == live);
        exchanges.min(if is_certain && is_same { 0 } else { 1 })
    }
}

fn login(token: usize) -> String {
    format!("user-{token}")
}
