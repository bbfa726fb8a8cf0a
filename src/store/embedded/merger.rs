//! A task that has the database take in full journals, while the store serves.

use std::sync::{Arc, Weak};

use tokio::sync::{Notify, Semaphore};

use super::eviction::Evictor;
use super::fault::Fault;
use super::file::OpenFile;
use super::handle::Handle;
use super::tables::Room;
use crate::clock::{Clock, Timestamp};
use crate::tasks;
use crate::telemetry::chain;

/// The parts of a store that are needed to merge a journal.
pub(super) struct Merger {
    /// The task does not keep the file open.
    pub(super) handle: Weak<Handle>,
    /// Notified when a journal is full.
    pub(super) due: Arc<Notify>,
    pub(super) evictor: Arc<Evictor>,
    pub(super) writer: Arc<Semaphore>,
    pub(super) clock: Clock,
    pub(super) max_live: u64,
}

impl Merger {
    /// Waits for full journals, and merges them; never returns.
    pub(super) async fn run(self) {
        loop {
            self.due.notified().await;
            if let Err(fault) = self.merge().await {
                // The next batch notices, and tries again.
                tracing::warn!(error = chain(&fault), "the store file does not take in a journal");
            }
        }
    }

    async fn merge(&self) -> Result<(), Fault> {
        let handle = self.handle.upgrade().ok_or(Fault::Closed)?;
        let (evictor, max_live) = (Arc::clone(&self.evictor), self.max_live);
        let now = self.clock.now();
        let merge = move || {
            let room = Room { max_live, evictor: &evictor };
            within_bound(&handle, now, room, |file, room| {
                file.staging.merge_sealed(&file.database, now, room)
            })
        };
        tasks::blocking_within(&self.writer, merge).await.unwrap_or(Err(Fault::Abandoned))
    }
}

/// Runs `work`, and makes more and more room where the bound of the file is met in spite of
/// [`size`](super::size).
pub(super) fn within_bound<T>(
    handle: &Handle,
    now: Timestamp,
    room: Room<'_>,
    work: impl Fn(&OpenFile, Room<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    for quarters in (0..4).rev() {
        match handle.run(|file| work(file, room)) {
            Err(Fault::Full) => {}
            done => return done,
        }
        tracing::warn!("the store file is full; making room");
        let room = Room { max_live: room.max_live / 4 * quarters, ..room };
        match handle.run(|file| file.staging.sweep(&file.database, now, room)) {
            Err(Fault::Full) => handle.renew("there is no room left even to make room")?,
            done => done?,
        }
    }
    handle.run(|file| work(file, room))
}
