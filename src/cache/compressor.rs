//! A compressor of new bodies. It makes their gzip forms after they are in L1, on a blocking
//! thread.
//!
//! Until a form exists, hits are sent uncompressed. The queue holds keys and no bodies, so an entry
//! that is evicted or replaced in the meantime costs nothing. A full queue drops new keys: such a
//! body gets its form when the store writes its record, or with the next check of the document. L1
//! must weigh an entry again once its form exists, whichever part of svm made it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::target::Key;
use crate::tasks;

use super::memory::Memory;
use super::metrics::CacheMetrics;
use crate::entry::Entry;

/// The number of documents that may wait. A typical one takes 0.1 ms, so the wait is about a tenth
/// of a second at most.
const QUEUE_KEYS: usize = 1024;

/// The number of bytes that are compressed in one batch, which takes one or two milliseconds. The
/// last body may exceed it.
const BATCH_BYTES: usize = 256 << 10;

/// The queue of documents whose bodies have no gzip form yet.
pub struct Compressor {
    waiting: Mutex<VecDeque<Key>>,
    arrived: Notify,
    metrics: Arc<CacheMetrics>,
}

impl Compressor {
    /// Creates a compressor with an empty queue.
    pub fn new(metrics: Arc<CacheMetrics>) -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new(), metrics }
    }

    /// Queues a new entry of L1, if its body is to be compressed and has no form yet. Never waits.
    pub(super) fn offer(&self, key: Key, entry: &Entry) {
        if entry.is_negative() || !entry.body.awaits_gzip() {
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() >= QUEUE_KEYS {
            return self.metrics.dropped.inc();
        }
        waiting.push_back(key);
        self.arrived.notify_one();
    }

    /// Returns how many documents wait.
    pub(super) fn depth(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Compresses bodies until it is dropped. A batch that a thread has begun by then is still
    /// finished.
    pub(super) async fn run(&self, memory: &Memory) {
        loop {
            let entries = self.next(memory);
            if entries.is_empty() {
                self.arrived.notified().await;
            } else {
                self.compress(entries, memory).await;
            }
        }
    }

    /// Returns the next batch: several small bodies, since waking a thread takes as long as
    /// compressing one.
    fn next(&self, memory: &Memory) -> Vec<(Key, Arc<Entry>)> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES {
            let Some(key) = self.waiting.lock().pop_front() else { break };
            let Some(entry) = memory.entry(&key) else { continue };
            bytes += entry.body.len();
            entries.push((key, entry));
        }
        entries
    }

    async fn compress(&self, entries: Vec<(Key, Arc<Entry>)>, memory: &Memory) {
        let bodies: Vec<_> = entries.iter().map(|(_, entry)| Arc::clone(entry)).collect();
        let made = tasks::blocking(move || bodies.iter().map(|it| it.body.make_gzip()).collect());
        let made: Vec<bool> = made.await.unwrap_or_else(|error| {
            tracing::error!(%error, "bodies were not compressed");
            Vec::new()
        });
        for (key, _) in &entries {
            memory.weigh_again(key);
        }
        for ((_, entry), _) in entries.iter().zip(made).filter(|(_, is_made)| *is_made) {
            self.metrics.compressed(entry.body.gzip().is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Level;
    use crate::clock::Timestamp;
    use crate::entry::Times;
    use crate::metrics::Registry;

    const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

    fn document(name: &str, body: String) -> Arc<Entry> {
        let url = format!("https://api.github.com/repos/octo/{name}/releases");
        let times = Times::starting(NOW, std::time::Duration::ZERO);
        Arc::new(Entry::new(url, http::StatusCode::OK, bytes::Bytes::from(body), times))
    }

    struct Scene {
        memory: Memory,
        compressor: Compressor,
    }

    impl Scene {
        fn new() -> Self {
            let compressor = Compressor::new(Arc::new(CacheMetrics::new(&Registry::default())));
            Self { memory: Memory::new(64 << 20, Arc::default()), compressor }
        }

        fn insert(&self, entry: &Arc<Entry>) {
            self.memory.insert(entry.key(), Arc::clone(entry), NOW);
            self.compressor.offer(entry.key(), entry);
        }

        fn bytes(&self) -> u64 {
            self.memory.tend();
            let Level { bytes, .. } = self.memory.level();
            bytes
        }

        /// Works until nothing waits.
        async fn work(&self) {
            loop {
                let entries = self.compressor.next(&self.memory);
                if entries.is_empty() {
                    return;
                }
                self.compressor.compress(entries, &self.memory).await;
            }
        }

        fn made(&self) -> [u64; 2] {
            [0, 1].map(|pays| self.compressor.metrics.made[pays].get())
        }
    }

    #[tokio::test]
    async fn an_offered_body_is_compressed_once_and_weighed_again() {
        let scene = Scene::new();
        let entry = document("app", "release ".repeat(2_000));
        scene.insert(&entry);
        scene.insert(&entry);
        let before = scene.bytes();
        scene.work().await;
        let form = entry.body.gzip().expect("a form").len() as u64;
        assert_eq!(before - scene.bytes(), 16_000 / 10 * 9 - form, "at its worst, and as it is");
        assert_eq!(scene.made(), [1, 0]);
        scene.insert(&entry);
        assert_eq!(scene.compressor.depth(), 0, "it has its form");
    }

    #[tokio::test]
    async fn small_bodies_are_compressed_together_and_large_ones_alone() {
        let scene = Scene::new();
        let documents: Vec<_> = (0..200)
            .map(|number| document(&number.to_string(), "release ".repeat(1_000)))
            .chain([document("large", "release ".repeat(100_000))])
            .chain([document("last", "release ".repeat(1_000))])
            .collect();
        documents.iter().for_each(|entry| scene.insert(entry));
        let batches = std::iter::from_fn(|| {
            let length = scene.compressor.next(&scene.memory).len();
            (length > 0).then_some(length)
        });
        assert_eq!(batches.collect::<Vec<_>>(), [33, 33, 33, 33, 33, 33, 3, 1]);
    }

    #[tokio::test]
    async fn a_body_that_does_not_compress_is_tried_once() {
        let scene = Scene::new();
        let mut noise = vec![0; 9_000];
        fastrand::Rng::with_seed(11).fill(&mut noise);
        let body = bytes::Bytes::from(noise).into();
        let entry =
            Arc::new(Entry { body, ..Arc::unwrap_or_clone(document("app", String::new())) });
        for _ in 0..2 {
            scene.insert(&entry);
            scene.work().await;
        }
        assert_eq!(scene.made(), [0, 1]);
    }

    #[tokio::test]
    async fn a_form_that_another_has_made_is_weighed_too() {
        let scene = Scene::new();
        let entry = document("app", "release ".repeat(2_000));
        scene.insert(&entry);
        let before = scene.bytes();
        assert!(entry.body.gzip_or_make().is_some());
        scene.work().await;
        assert!(scene.bytes() < before);
        assert_eq!(scene.made(), [0, 0]);
    }

    #[tokio::test]
    async fn a_newer_entry_is_never_replaced() {
        let scene = Scene::new();
        let older = document("app", "older ".repeat(2_000));
        let newer = document("app", "newer ".repeat(2_000));
        scene.insert(&older);
        scene.memory.insert(newer.key(), Arc::clone(&newer), NOW);
        scene.work().await;
        assert!(Arc::ptr_eq(&scene.memory.entry(&older.key()).unwrap(), &newer));
        assert_eq!((older.body.gzip(), newer.body.gzip().is_some()), (None, true));
    }

    #[tokio::test]
    async fn an_evicted_entry_costs_no_compression() {
        let scene = Scene::new();
        let gone = document("gone", "release ".repeat(2_000));
        scene.compressor.offer(gone.key(), &gone);
        scene.work().await;
        assert!(gone.body.awaits_gzip());
        assert_eq!(scene.memory.level().entries, 0);
    }

    #[test]
    fn small_bodies_and_negative_entries_are_not_taken() {
        let scene = Scene::new();
        scene.insert(&document("small", "x".repeat(1_024)));
        let gone = document("gone", "x".repeat(2_000));
        let gone = Entry { status: http::StatusCode::NOT_FOUND, ..Arc::unwrap_or_clone(gone) };
        scene.insert(&Arc::new(gone));
        assert_eq!(scene.compressor.depth(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_drops_what_comes() {
        let scene = Scene::new();
        let (first, last) =
            (document("first", "x".repeat(2_000)), document("last", "x".repeat(2_000)));
        for _ in 0..QUEUE_KEYS {
            scene.insert(&first);
        }
        scene.insert(&last);
        assert_eq!(
            (scene.compressor.depth(), scene.compressor.metrics.dropped.get()),
            (QUEUE_KEYS, 1)
        );
        scene.work().await;
        assert_eq!((first.body.awaits_gzip(), last.body.awaits_gzip()), (false, true));
        scene.insert(&last);
        scene.work().await;
        assert!(!last.body.awaits_gzip(), "later there is room");
    }
}
