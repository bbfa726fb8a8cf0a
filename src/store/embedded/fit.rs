//! A task that shrinks a file over its bound while the store serves, for example after a lower
//! `CACHE_L2_MAX_GB`.
//!
//! The task evicts records in pieces, and reads and writes go on between the pieces. The file does
//! not grow in the meantime, since each piece leaves room for the next one. Then redb compacts the
//! file in place. Compaction needs exclusive access, so svm refuses reads and writes until it ends.

use std::sync::Arc;
use std::time::Duration;

use redb::Database;
use tokio::time::sleep;

use super::fault::FileFault;
use super::handle::{Handle, OverBound};
use super::staging::Staging;
use super::tables::Room;
use super::upkeep::Upkeep;
use crate::clock::{Stopwatch, Timestamp};
use crate::tasks;
use crate::telemetry::chain;

/// The pause after a failed attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// A method that frees space in pieces.
type StagingWork = fn(&Staging, &Database, Timestamp, &Room) -> Result<bool, FileFault>;

/// The task that makes the file fit its bound.
pub(super) struct Fitter {
    pub(super) upkeep: Upkeep,
    pub(super) over_bound: Arc<OverBound>,
}

impl Fitter {
    /// Waits for files over their bound and makes them fit. Never returns.
    pub(super) async fn run(self) {
        loop {
            self.over_bound.wait().await;
            let took = Stopwatch::start();
            tracing::info!("making the store file fit its bound");
            match self.fit().await {
                Ok(()) => tracing::info!(took = ?took.elapsed(), "the store file fits its bound"),
                Err(fault) => {
                    tracing::warn!(error = chain(&fault), "the store file does not fit its bound");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn fit(&self) -> Result<(), FileFault> {
        for quarters in (0..=4).rev() {
            match self.fit_quarters(quarters).await {
                Ok(()) if !self.over_bound.is_so() => return Ok(()),
                // Not enough pages were free.
                Ok(()) | Err(FileFault::Full) => {}
                Err(fault) => return Err(fault),
            }
        }
        let handle = self.upkeep.handle()?;
        let renew = move || handle.renew("it cannot be made to fit its bound");
        blocking(tasks::blocking(renew).await)
    }

    async fn fit_quarters(&self, quarters: u64) -> Result<(), FileFault> {
        while self.piece(quarters, Staging::evict).await? {}
        while self.piece(quarters, Staging::shrink_segments).await? {}
        let handle = self.upkeep.handle()?;
        blocking(tasks::blocking(move || handle.compact()).await)
    }

    /// Does one piece of the work. Returns true if there is more to do.
    async fn piece(&self, quarters: u64, work: StagingWork) -> Result<bool, FileFault> {
        let piece = move |handle: &Handle, now, room: &Room| {
            let room = room.of_quarters(quarters);
            handle.run(|file| work(&file.staging, &file.database, now, &room))
        };
        self.upkeep.write(piece).await
    }
}

fn blocking<T>(result: Result<Result<T, FileFault>, tasks::Lost>) -> Result<T, FileFault> {
    result.unwrap_or(Err(FileFault::Abandoned))
}
