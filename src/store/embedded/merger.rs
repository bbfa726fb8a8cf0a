//! A task that merges full journals into the database while the store serves.

use std::sync::Arc;

use tokio::sync::Notify;

use super::fault::FileFault;
use super::file::OpenFile;
use super::handle::Handle;
use super::tables::Room;
use super::upkeep::Upkeep;
use crate::clock::Timestamp;
use crate::telemetry::chain;

/// The task that merges journals.
pub(super) struct Merger {
    pub(super) upkeep: Upkeep,
    /// Notified when a journal is full.
    pub(super) due: Arc<Notify>,
}

impl Merger {
    /// Waits for full journals, merges them, and collects segments. Never returns.
    pub(super) async fn run(self) {
        loop {
            self.due.notified().await;
            if let Err(fault) = self.merge().await {
                // The next batch finds the journal still full, and causes another attempt.
                tracing::warn!(error = chain(&fault), "the store file does not take in a journal");
            }
        }
    }

    async fn merge(&self) -> Result<(), FileFault> {
        let merge = |handle: &Handle, now, room: &Room| {
            within_bound(handle, now, room, |file| {
                file.staging.merge_sealed(&file.database, now, room)?;
                file.staging.collect(&file.database)
            })
        };
        self.upkeep.write(merge).await
    }
}

/// Runs `work`. If the file reaches its bound in spite of [`size`](super::size), evicts more and
/// more records and runs `work` again.
pub(super) fn within_bound<T>(
    handle: &Handle,
    now: Timestamp,
    room: &Room,
    work: impl Fn(&OpenFile) -> Result<T, FileFault>,
) -> Result<T, FileFault> {
    for quarters in (0..4).rev() {
        match handle.run(&work) {
            Err(FileFault::Full) => {}
            done => return done,
        }
        tracing::warn!("the store file is full; making room");
        let room = room.of_quarters(quarters);
        match handle.run(|file| file.staging.sweep(&file.database, now, &room)) {
            Err(FileFault::Full) => handle.renew("there is no room left even to make room")?,
            done => done?,
        }
    }
    handle.run(work)
}
