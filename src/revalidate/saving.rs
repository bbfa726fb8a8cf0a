//! The saving of the documents in use in the store's index, in pieces, so that other writers get
//! their turn.

use std::sync::Arc;

use super::INDEX_LIMIT;
use crate::activity::{Activity, Worth};
use crate::clock::{Stopwatch, Timestamp};
use crate::store::{Guard, InUse};
use crate::tasks;

/// The rows of one write.
const ROWS_AT_ONCE: usize = 1_000;

/// Saves the rows that are worth it, and removes rows that were last used before `cutoff`. Rows
/// that the store does not take in time stay unsaved until the next call.
pub(super) async fn save(activity: &Activity, store: &Guard, worth: Worth, cutoff: Timestamp) {
    let began = Stopwatch::start();
    let Some(rows) = in_order(activity.unsaved(worth).await).await else { return };
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let left = INDEX_LIMIT.saturating_sub(began.elapsed());
        let to_save: Arc<[_]> = rows.into();
        let remembered = store.within(left, |store| store.remember(to_save, cutoff));
        if remembered.await.is_none() {
            return;
        }
        activity.saved(rows);
    }
}

/// Sorts the rows by key. The rows of a piece are then neighbours in a sorted store, so a write
/// touches few pages. Returns `None` if the runtime ends.
async fn in_order(mut rows: Vec<InUse>) -> Option<Vec<InUse>> {
    if rows.len() <= ROWS_AT_ONCE {
        return Some(rows);
    }
    let sorted = tasks::blocking(move || {
        rows.sort_unstable_by_key(|row| row.key);
        rows
    });
    sorted.await.ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;

    use super::*;
    use crate::metrics::Registry;
    use crate::store::StoreMetrics;
    use crate::store::{BoxFuture, Change, Claim, Claimed, Error, Read, Store};
    use crate::target::Key;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const WORTH: Worth = Worth { use_moved: Duration::from_secs(60), checks: true };
    const LONG: Duration = Duration::from_secs(10);

    /// An index that records the number of rows of each write, and has room for `room` rows.
    #[derive(Default)]
    struct Index {
        given: Mutex<Vec<usize>>,
        keys: Mutex<Vec<Key>>,
        room: usize,
    }

    impl Store for Arc<Index> {
        fn remember(&self, rows: Arc<[InUse]>, _: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
            let mut given = self.given.lock();
            given.push(rows.len());
            self.keys.lock().extend(rows.iter().map(|row| row.key));
            let fits = given.iter().sum::<usize>() <= self.room;
            let full = || Error::Unavailable("full".into());
            Box::pin(async move { fits.then_some(()).ok_or_else(full) })
        }

        fn read_many(&self, _: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
            unreachable!("rows are saved")
        }

        fn apply(&self, _: Arc<[Change]>, _: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
            unreachable!("rows are saved")
        }

        fn sweep(&self, _: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
            unreachable!("rows are saved")
        }

        fn in_use(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>> {
            unreachable!("rows are saved")
        }

        fn claim(&self, _: Claim) -> BoxFuture<'_, Result<Claimed, Error>> {
            unreachable!("rows are saved")
        }

        fn probe(&self, _: Duration) -> BoxFuture<'_, Result<(), Error>> {
            unreachable!("rows are saved")
        }

        fn close(&self) -> BoxFuture<'_, ()> {
            unreachable!("rows are saved")
        }
    }

    /// Saves 2,500 documents in an index with this room. Returns the numbers of rows that it got,
    /// and of documents that are still unsaved.
    async fn given(room: usize) -> (Vec<usize>, usize) {
        let activity = Activity::default();
        for number in 0..2_500 {
            activity.mark(Key::of(&number.to_string()), NOW);
        }
        let index = Arc::new(Index { room, ..Index::default() });
        let guard = Guard::new(
            Arc::new(Arc::clone(&index)),
            LONG,
            LONG,
            StoreMetrics::new(&Registry::default()),
        );
        save(&activity, &guard, WORTH, Timestamp::default()).await;
        let given = index.given.lock().clone();
        assert!(index.keys.lock().is_sorted(), "the rows of a piece lie near each other");
        (given, activity.unsaved(WORTH).await.len())
    }

    #[tokio::test]
    async fn rows_are_saved_in_pieces() {
        assert_eq!(given(2_500).await, (vec![1_000, 1_000, 500], 0));
    }

    #[tokio::test]
    async fn rows_that_the_store_does_not_take_stay_unsaved() {
        assert_eq!(given(1_000).await, (vec![1_000, 1_000], 1_500));
    }
}
