//! A file over its bound, which happens when the bound was lowered: it is made to fit while the
//! store serves.
//!
//! Records are evicted in pieces, between which reads and writes go on. The file does not grow
//! meanwhile, since each piece leaves room for the next one. Then redb compacts the file in place.
//! It needs the file to itself for that, so reads and writes are refused until it has done so, with
//! the reason.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::eviction::Evictor;
use super::fault::Fault;
use super::handle::{Handle, OverBound};
use super::tables::{self, Room};
use crate::clock::{Clock, Stopwatch};
use crate::tasks;
use crate::telemetry::chain;

/// Between two attempts, where one fails.
const PAUSE: Duration = Duration::from_secs(1);

/// The parts of a store that are needed to make its file fit.
pub(super) struct Fitter {
    /// The task does not keep the file open.
    pub(super) handle: Weak<Handle>,
    pub(super) over_bound: Arc<OverBound>,
    pub(super) evictor: Arc<Evictor>,
    pub(super) writer: Arc<Semaphore>,
    pub(super) clock: Clock,
    pub(super) max_live: u64,
}

impl Fitter {
    /// Waits for files that are over their bound, and makes them fit; never returns.
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

    async fn fit(&self) -> Result<(), Fault> {
        for quarters in (0..=4).rev() {
            while self.evict(self.max_live / 4 * quarters).await? {}
            let handle = self.handle()?;
            match blocking(tasks::blocking(move || handle.compact()).await) {
                Ok(()) if !self.over_bound.is_so() => return Ok(()),
                // Not enough was free.
                Ok(()) | Err(Fault::Full) => {}
                Err(fault) => return Err(fault),
            }
        }
        let handle = self.handle()?;
        let renew = move || handle.renew("it cannot be made to fit its bound");
        blocking(tasks::blocking(renew).await)
    }

    fn handle(&self) -> Result<Arc<Handle>, Fault> {
        self.handle.upgrade().ok_or(Fault::Closed)
    }

    /// Evicts one piece; whether there is more to evict.
    async fn evict(&self, max_live: u64) -> Result<bool, Fault> {
        let (handle, evictor) = (self.handle()?, Arc::clone(&self.evictor));
        let now = self.clock.now();
        let piece = move || {
            let room = Room { max_live, evictor: &evictor };
            handle.run(|file| {
                tables::sweep(&file.database, now, room)?;
                tables::is_over(&file.database, max_live)
            })
        };
        blocking(tasks::blocking_within(&self.writer, piece).await)
    }
}

fn blocking<T>(result: Result<Result<T, Fault>, tasks::Lost>) -> Result<T, Fault> {
    result.unwrap_or(Err(Fault::Abandoned))
}
