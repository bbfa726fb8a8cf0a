//! The shutdown: its steps in order, each with a time limit.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::cache::write_behind::WriteBehind;
use crate::clock::Stopwatch;
use crate::config;
use crate::http::{Health, Stop};
use crate::revalidate::Revalidator;
use crate::store::Store;
use crate::tasks::Tasks;

use super::background::BackgroundTasks;

/// The time for the store to close. A store that hangs must not keep the process alive.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The result of the shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Changes that were written to the store during the shutdown.
    pub flushed: u64,
    /// Changes that were not written in time.
    pub lost: u64,
    /// Upstream calls that did not end in time.
    pub abandoned: usize,
}

pub(super) struct Shutdown<'a> {
    pub(super) config: &'a config::Server,
    pub(super) health: &'a Health,
    pub(super) stop: Stop,
    pub(super) flights: &'a Tasks,
    pub(super) background: BackgroundTasks,
    pub(super) write_behind: &'a WriteBehind,
    pub(super) revalidator: &'a Revalidator,
    pub(super) store: &'a dyn Store,
}

impl Shutdown<'_> {
    pub(super) async fn serve_until(
        self,
        mut serving: Pin<&mut impl Future<Output = ()>>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<ShutdownReport> {
        tokio::select! {
            () = &mut serving => return Err(ended_by_itself()),
            () = shutdown => {}
        }
        self.health.drain();
        tracing::info!("shutting down");
        self.serve_on(serving.as_mut()).await?;
        self.drain_requests(serving).await;
        let Self { flights, background, write_behind, revalidator, .. } = self;
        background.stop().await;
        let limit = self.config.drain_timeout;
        let (drained, _) =
            tokio::join!(write_behind.drain(limit), timeout(limit, revalidator.save()));
        if timeout(CLOSE_LIMIT, self.store.close()).await.is_err() {
            tracing::warn!("the store did not close in time; it recovers on the next start");
        }
        let abandoned = flights.wait(Duration::ZERO).await;
        let report = ShutdownReport { flushed: drained.flushed, lost: drained.lost, abandoned };
        tracing::info!(flushed = report.flushed, lost = report.lost, abandoned, "stopped");
        Ok(report)
    }

    /// Serves for `SHUTDOWN_DELAY` as before, except that the health reports the shutdown.
    async fn serve_on(&self, serving: Pin<&mut impl Future<Output = ()>>) -> io::Result<()> {
        let delay = self.config.shutdown_delay;
        if delay.is_zero() {
            return Ok(());
        }
        tracing::info!(delay = ?delay, "still accepting connections");
        match timeout(delay, serving).await {
            Ok(()) => Err(ended_by_itself()),
            Err(_) => Ok(()),
        }
    }

    /// Closes the listener and waits for the requests. While flights run, connections stay open, so
    /// that `/healthz` can report on them; each answer asks its client to close. The rest of the
    /// grace period is for answers that are still being written.
    async fn drain_requests(&self, serving: Pin<&mut impl Future<Output = ()>>) {
        let stopwatch = Stopwatch::start();
        self.stop.close_listener();
        serving.await;
        self.background.stop_sweeps();
        let grace = self.config.shutdown_grace;
        self.flights.wait(grace).await;
        self.stop.end_connections(grace.saturating_sub(stopwatch.elapsed())).await;
    }
}

fn ended_by_itself() -> io::Error {
    io::Error::other("the server ended by itself")
}
