//! A survey of the documents of interest to an operator, taken from the entries in memory.
//!
//! It serves nothing, makes no call and counts as no use: unlike a look-up, an iteration does not
//! change the order of eviction. It yields to other tasks regularly.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::yield_now;

use crate::activity::{Top, UsedDocument};
use crate::clock::{Stopwatch, Timestamp};
use crate::entry::{Entry, Loss, Validator};
use crate::target::Key;

use super::Cache;

/// The most documents of each kind.
const MOST: usize = 20;
/// The entries between two yields to other tasks.
const AT_ONCE: usize = 1_000;

/// The documents of interest at one time.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The time of the survey.
    pub at: Timestamp,
    /// The duration, including other tasks in between.
    pub took: Duration,
    /// The number of entries in memory.
    pub walked: usize,
    /// The number of documents in use.
    pub in_use: usize,
    /// The number of documents past their lifetime.
    pub stale: usize,
    /// The number of documents whose loss is not confirmed.
    pub unconfirmed: usize,
    /// The most used documents.
    pub most_used: Vec<Surveyed>,
    /// The documents that may change at any time and whose last check is oldest.
    pub oldest_check: Vec<Surveyed>,
    /// The documents past their lifetime, the longest expired first.
    pub longest_stale: Vec<Surveyed>,
    /// The documents whose loss the upstream claims and nothing confirms.
    pub doubted: Vec<Surveyed>,
}

/// A document of a survey.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// Its key.
    pub key: Key,
    /// Its use, if that is known.
    pub in_use: Option<UsedDocument>,
    /// Its entry, if memory holds it.
    pub held: Option<HeldState>,
}

/// The state of an entry in memory.
#[derive(Clone, Debug)]
pub struct HeldState {
    /// The name of the document.
    pub name: Box<str>,
    /// The time at which the body arrived.
    pub fetched_at: Timestamp,
    /// The time of the last check.
    pub checked_at: Timestamp,
    /// The end of the lifetime.
    pub expires_at: Timestamp,
    /// The validator of its next check.
    pub validator: Validator,
    /// The loss that the upstream claims.
    pub doubt: Option<Loss>,
}

impl HeldState {
    fn of(entry: &Entry) -> Self {
        let times = entry.times;
        Self {
            name: entry.url.clone(),
            fetched_at: times.fetched_at,
            checked_at: times.checked_at,
            expires_at: times.expires_at,
            validator: entry.validators.kind(),
            doubt: entry.extras.doubt().map(|doubt| doubt.claim.loss),
        }
    }
}

impl Cache {
    /// Surveys the documents.
    pub async fn survey(&self) -> Survey {
        let stopwatch = Stopwatch::start();
        let parts = &self.0;
        let now = parts.clock.now();
        let standouts = parts.activity.standouts(MOST, now).await;
        let named = standouts.most_used.iter().chain(&standouts.oldest_check);
        let mut held: HashMap<Key, Option<HeldState>> =
            named.map(|in_use| (in_use.key, None)).collect();
        let (mut walked, mut stale, mut unconfirmed) = (0_usize, 0, 0);
        let (mut longest_stale, mut doubted) = (Top::of(MOST), Top::of(MOST));
        for (key, entry, is_used) in parts.memory.walk() {
            walked += 1;
            if walked.is_multiple_of(AT_ONCE) {
                yield_now().await;
            }
            if let Some(state) = held.get_mut(&key) {
                *state = Some(HeldState::of(&entry));
            }
            let found = || {
                let in_use = parts.activity.used(key);
                Surveyed { key, in_use, held: Some(HeldState::of(&entry)) }
            };
            if is_used && !entry.is_fresh(now) {
                stale += 1;
                longest_stale.offer(millis(now.since(entry.times.expires_at)), found);
            }
            if entry.extras.doubt().is_some() {
                unconfirmed += 1;
                doubted.offer(millis(now.since(entry.times.checked_at)), found);
            }
        }
        let surveyed = |found: Vec<UsedDocument>| {
            let with_state = |in_use: UsedDocument| {
                let held = held.get(&in_use.key).cloned().flatten();
                Surveyed { key: in_use.key, in_use: Some(in_use), held }
            };
            found.into_iter().map(with_state).collect()
        };
        Survey {
            at: now,
            took: stopwatch.elapsed(),
            walked,
            in_use: standouts.in_use,
            stale,
            unconfirmed,
            most_used: surveyed(standouts.most_used),
            oldest_check: surveyed(standouts.oldest_check),
            longest_stale: longest_stale.into_items(),
            doubted: doubted.into_items(),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
