//! Background work on the store file.

use std::sync::{Arc, Weak};

use tokio::sync::Semaphore;

use super::fault::FileFault;
use super::handle::Handle;
use super::tables::Room;
use crate::clock::{Clock, Timestamp};
use crate::tasks;

/// The parts of a store that its tasks need.
#[derive(Clone)]
pub(super) struct Upkeep {
    /// Weak, so that a task does not keep the file open.
    pub(super) handle: Weak<Handle>,
    pub(super) writer: Arc<Semaphore>,
    pub(super) clock: Clock,
    pub(super) room: Room,
}

impl Upkeep {
    pub(super) fn handle(&self) -> Result<Arc<Handle>, FileFault> {
        self.handle.upgrade().ok_or(FileFault::Closed)
    }

    /// Runs `work` on a blocking thread, as the writer of the database.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Handle, Timestamp, &Room) -> Result<T, FileFault> + Send + 'static,
    ) -> Result<T, FileFault> {
        let (handle, room, now) = (self.handle()?, self.room.clone(), self.clock.now());
        let written = tasks::blocking_within(&self.writer, move || work(&handle, now, &room));
        written.await.unwrap_or(Err(FileFault::Abandoned))
    }
}
