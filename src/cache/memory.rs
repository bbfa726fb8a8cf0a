//! L1: entries in memory, bounded by weight, the least recently used evicted first.
//!
//! moka bounds memory and nothing else: the entry and svm's clock decide freshness. moka evicts in
//! batches and forgets the order of use within one, so each insert, which is as rare as a miss,
//! runs its batch at once.
//!
//! Negative entries have a tenth of the capacity to themselves, so a flood of unknown names evicts
//! no documents.
//!
//! Each entry is stored beside the usage stamp of its document, which a hit marks. Entries are
//! replaced; the stamp of a document stays. A look-up by the background counts as a use too, so
//! documents that it keeps up to date are evicted last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Lru;
use parking_lot::Mutex;

use crate::activity::{Activity, Holding, Repositories, Usage};
use crate::clock::Timestamp;
use crate::entry::{Check, Entry};
use crate::target::Key;

/// The weight of an entry beside its body and texts: the structure itself, its tag, its stamp,
/// moka's nodes and tables, and the rounding of the allocator. The value is measured: a flood of
/// unknown names fills L1 with small entries, and then this is most of its memory.
const BOOKKEEPING: usize = 768;

/// The tier that answers hits.
#[derive(Debug)]
pub struct Memory {
    documents: Lru<Key, Held, RandomState>,
    negatives: Lru<Key, Held, RandomState>,
    activity: Arc<Activity>,
    /// The number of entries that were evicted for lack of room.
    evicted: Arc<AtomicU64>,
    /// Held during a change, so that a re-weighed entry is still the current one.
    changing: Mutex<()>,
}

/// An entry in L1 with its stamp; clones share them.
#[derive(Clone, Debug)]
pub struct Held {
    /// The entry.
    pub entry: Arc<Entry>,
    /// The stamp to mark when the entry is served.
    pub usage: Arc<Usage>,
}

/// The fill level of L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Entries held.
    pub entries: u64,
    /// Their weight in bytes.
    pub bytes: u64,
}

impl Memory {
    /// Creates an empty tier of `capacity` bytes. `activity` holds the stamps of its documents.
    pub fn new(capacity: u64, activity: Arc<Activity>) -> Self {
        let negatives = capacity / 10;
        let evicted = Arc::default();
        let (documents, negatives) =
            (lru(capacity - negatives, &evicted), lru(negatives, &evicted));
        Self { documents, negatives, activity, evicted, changing: Mutex::new(()) }
    }

    /// Returns the entry of `key`, expired or not, with its stamp.
    pub fn get(&self, key: &Key) -> Option<Held> {
        self.documents.get(key).or_else(|| self.negatives.get(key))
    }

    /// Returns the entry of `key` without its stamp, for a caller that does not serve it.
    pub fn entry(&self, key: &Key) -> Option<Arc<Entry>> {
        self.get(key).map(|held| held.entry)
    }

    /// Iterates over the documents, with a flag that is true if the document was ever served.
    pub(super) fn walk(&self) -> impl Iterator<Item = (Key, Arc<Entry>, bool)> {
        self.documents.iter().map(|(key, held)| (*key, held.entry, held.usage.is_used()))
    }

    /// Drops the negative entries for which `is_named` is true.
    pub(super) fn forget_absent(&self, is_named: impl Fn(&Entry) -> bool) {
        for (key, held) in &self.negatives {
            if is_named(&held.entry) {
                self.negatives.invalidate(&*key);
            }
        }
    }

    /// Drops the negative entry of `key`.
    pub(super) fn forget_negative(&self, key: &Key) {
        self.negatives.invalidate(key);
    }

    /// Inserts `entry` at `now`, in place of the entry that its key had.
    pub fn insert(&self, key: Key, entry: Arc<Entry>, now: Timestamp) {
        let (home, other) = if entry.is_negative() {
            (&self.negatives, &self.documents)
        } else {
            (&self.documents, &self.negatives)
        };
        let usage = self.usage(key, &entry, now);
        {
            let _alone = self.changing.lock();
            // In this order a reader finds the old entry or the new one, never neither.
            home.insert(key, Held { entry, usage });
            other.invalidate(&key);
        }
        self.tend();
    }

    /// Weighs the document of `key` again after its body may have got a gzip form. moka weighs an
    /// entry on insertion only, so the same entry is inserted again. moka's own locks would admit a
    /// newer insert in between, which would then be lost.
    pub(super) fn weigh_again(&self, key: &Key) {
        {
            let _alone = self.changing.lock();
            let Some(held) = self.documents.get(key) else { return };
            if !held.entry.is_persistable() {
                // The body turned out too large for the store.
                self.activity.mark_private(*key);
            }
            self.documents.insert(*key, held);
        }
        self.tend();
    }

    fn usage(&self, key: Key, entry: &Entry, now: Timestamp) -> Arc<Usage> {
        if entry.is_negative() {
            self.activity.mark_bodiless(key);
            // The use of a negative entry is not recorded.
            return Arc::default();
        }
        let check = Check { at: entry.times.checked_at, fetched_at: entry.times.fetched_at };
        let repositories = Repositories::of(entry);
        let holding = Holding { check, is_shared: entry.is_persistable(), repositories };
        self.activity.hold(key, holding, now)
    }

    /// Runs moka's pending evictions and updates its counts.
    pub fn tend(&self) {
        self.documents.run_pending_tasks();
        self.negatives.run_pending_tasks();
    }

    /// Returns how many entries were evicted for lack of room.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Returns how full the tier is, documents and negative entries together.
    pub fn level(&self) -> Level {
        Level {
            entries: self.documents.entry_count() + self.negatives.entry_count(),
            bytes: self.documents.weighted_size() + self.negatives.weighted_size(),
        }
    }
}

fn lru(capacity: u64, evicted: &Arc<AtomicU64>) -> Lru<Key, Held, RandomState> {
    let evicted = Arc::clone(evicted);
    Lru::builder()
        .max_capacity(capacity)
        .eviction_policy(EvictionPolicy::lru())
        .eviction_listener(move |_, _, cause| {
            if cause == RemovalCause::Size {
                evicted.fetch_add(1, Ordering::Relaxed);
            }
        })
        .weigher(|_, held: &Held| u32::try_from(weight(&held.entry)).unwrap_or(u32::MAX))
        .build_with_hasher(RandomState::default())
}

fn weight(entry: &Entry) -> usize {
    let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
    let validators = text(&entry.validators.etag) + text(&entry.validators.last_modified);
    let extras = entry.extras.text_bytes();
    entry.body.weight() + entry.url.len() + validators + extras + BOOKKEEPING
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::entry::Times;

    const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);
    const ENTRIES: u32 = 20_000;
    /// Locked by each test with many entries: a thread that inserts also frees entries that another
    /// thread has evicted, and would count them as its own.
    static ALONE: Mutex<()> = Mutex::new(());

    fn negative(number: u32) -> Entry {
        let body = bytes::Bytes::from(format!("{{\"message\":\"Not Found {number}\"}}"));
        let url = format!("https://raw.githubusercontent.com/nobody/n{number}/main");
        let times = Times::starting(NOW, std::time::Duration::ZERO);
        Entry::new(url, http::StatusCode::NOT_FOUND, body, times)
    }

    #[test]
    fn small_entries_weigh_what_they_take() {
        let _alone = ALONE.lock();
        let memory = Memory::new(1 << 30, Arc::default());
        let taken = allocation_counter::measure(|| {
            for number in 0..ENTRIES {
                let entry = negative(number);
                memory.insert(entry.key(), Arc::new(entry), NOW);
            }
        });
        let taken = u64::try_from(taken.bytes_current).unwrap();
        let Level { entries, bytes } = memory.level();
        assert_eq!(entries, u64::from(ENTRIES));
        assert!((taken..2 * taken).contains(&bytes), "{taken} bytes are said to be {bytes}");
    }

    #[test]
    fn a_reweighed_entry_never_replaces_a_newer_one() {
        const ROUNDS: u32 = 10_000;
        let _alone = ALONE.lock();
        let memory = Memory::new(1 << 30, Arc::default());
        let document = |number| Entry { status: http::StatusCode::OK, ..negative(number) };
        let first = document(0);
        let key = first.key();
        memory.insert(key, Arc::new(first), NOW);
        let has_ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !has_ended.load(Ordering::Relaxed) {
                    memory.weigh_again(&key);
                }
            });
            let lost = (0..ROUNDS).find(|number| {
                let newer = Arc::new(document(*number));
                memory.insert(key, Arc::clone(&newer), NOW);
                memory.entry(&key).is_none_or(|held| !Arc::ptr_eq(&held, &newer))
            });
            has_ended.store(true, Ordering::Relaxed);
            assert_eq!(lost, None);
        });
    }
}
