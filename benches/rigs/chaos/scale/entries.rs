//! Many entries: what each takes, and whether a hit among them is dearer.
//!
//! Two processes, one of which has a single entry throughout. Both are asked in turns.

use crate::say;
use crate::upstream::ETAG_BYTES;
use crate::verdict::Verdict;

use super::series::Series;
use super::stage::{Running, Stage};
use super::subject::{Subject, in_turns, judge};

const BODY_BYTES: usize = 200;
/// The bound of L1: more than the weight of all entries.
const L1_MIB: usize = 2_560;
const CONNECTIONS: usize = 32;
/// The most memory of an entry beside its body, in bytes.
const BOOKKEEPING: f64 = 600.0;
/// The throughput that has to be left of that with one entry.
const RATE_RATIO: f64 = 0.9;

/// The memory of a process.
#[derive(Clone, Copy)]
struct Level {
    entries: f64,
    memory: f64,
    weight: f64,
}

pub(super) async fn run(stage: &Stage<'_>, verdict: &mut Verdict) {
    let series = Series::of_bytes(BODY_BYTES);
    let (one, many) = (stage.start(L1_MIB).await, stage.start(L1_MIB).await);
    let mut steps = stage.plan.entries.clone();
    steps.sort_unstable();
    let mut levels: Vec<Level> = Vec::new();
    let mut filled = 0;
    for entries in steps {
        let took = many.fill(&series, filled, entries - filled, verdict).await.as_secs_f64();
        say(&format!("  {entries} entries; {} more in {took:.1} s", entries - filled));
        filled = entries;
        let level = step(stage, &one, &many, &series, entries, verdict).await;
        verdict.exactly("  entries held", level.entries, entries as f64);
        if let (Some(first), Some(before)) = (levels.first(), levels.last()) {
            level.report("since the step before", before);
            level.report("since the first step", first);
        }
        levels.push(level);
    }
    // The first steps also bring what is needed once: connections, threads, the store's own cache.
    if let [.., before, last] = &levels[..] {
        verdict.at_most(
            "  bookkeeping of an entry, with its URL and ETag",
            last.taken(before) - BODY_BYTES as f64,
            BOOKKEEPING,
            " B",
        );
        let texts = series.url_bytes() + ETAG_BYTES;
        say(&format!("  of which URL and ETag of the upstream: {texts} B"));
    }
    one.stop().await;
    many.stop().await;
}

/// Asks both in turns; returns what the one with many entries holds.
async fn step(
    stage: &Stage<'_>,
    one: &Running,
    many: &Running,
    series: &Series,
    entries: usize,
    verdict: &mut Verdict,
) -> Level {
    let mut alone = Subject::new(&one.service, CONNECTIONS, series, 1).await;
    let mut among = Subject::new(&many.service, CONNECTIONS, series, entries).await;
    let (rounds, requests) = (stage.plan.rounds, stage.plan.requests);
    alone.warm_up(requests / 10).await;
    among.warm_up(requests / 10).await;
    let level = Level::of(many).await;

    in_turns(&mut [&mut alone, &mut among], rounds, requests).await;
    say(&format!(
        "  a hit: {:.2} us of CPU, {:.0} a second, {}; with one entry {:.2} us, {:.0} a second, {}",
        among.cpu_micros(),
        among.rate(),
        among.busy(),
        alone.cpu_micros(),
        alone.rate(),
        alone.busy(),
    ));
    say(&format!(
        "  CPU of a hit, in that with one: {:.3}",
        among.cpu_micros() / alone.cpu_micros()
    ));
    verdict.at_least(
        "  hits a second, in that with one",
        among.rate_against(&alone),
        RATE_RATIO,
        "",
    );
    judge(&[&alone, &among], verdict);
    level
}

impl Level {
    async fn of(running: &Running) -> Self {
        let memory = running.quiet().await;
        let metric = |name: &str| running.service.metric(name);
        Self { entries: metric("svm_l1_entries"), memory, weight: metric("svm_l1_bytes") }
    }

    /// Returns the memory that each entry has taken since then, in bytes.
    fn taken(&self, since: &Self) -> f64 {
        (self.memory - since.memory) / (self.entries - since.entries)
    }

    fn report(&self, since_when: &str, since: &Self) {
        let weight = (self.weight - since.weight) / (self.entries - since.entries);
        let taken = self.taken(since);
        say(&format!(
            "  an entry, {since_when}: {taken:.0} B, without its body {:.0} B; L1 weighs it {weight:.0} B",
            taken - BODY_BYTES as f64,
        ));
    }
}
