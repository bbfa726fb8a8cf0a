//! Look-ups of the addresses of host names, which callers share.
//!
//! A look-up blocks a thread until the system has an answer, even when its callers have gone, so it
//! holds a permit until then. Callers share the look-ups of a name, and a later caller gets the
//! answer of one that was too slow for the earlier callers. While a look-up hangs, only one more
//! begins, in case the reply was lost. So such a name leaves threads to the others.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::clock::Stopwatch;
use crate::tasks::{self, Tasks};

/// The most look-ups of one name at once.
pub(crate) const OF_ONE_NAME: usize = 2;

/// The time for which others may join a look-up. After it, its reply may be lost.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The time for which an answer that no caller has had waits for one. After it, the address may
/// belong to another server.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// The look-ups under way, and the results that no caller has had yet; clones share them.
#[derive(Clone)]
pub(crate) struct LookUps {
    names: Arc<Names>,
    threads: Arc<Semaphore>,
    tasks: Tasks,
    /// The configuration and the targets of svm bound the names.
    pending: Arc<Mutex<PendingByName>>,
    shared_for: Duration,
    kept_for: Duration,
}

/// A blocking look-up of a name. Each address gets this port.
type Names = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// A name, and the port for its addresses.
type HostPort = (String, u16);

/// The look-ups of one name.
struct Pending {
    /// The result that callers wait for, of the look-up that ends first.
    result: watch::Sender<Option<LookUpResult>>,
    /// The time since the latest look-up for this result began, if one did.
    latest: Option<Stopwatch>,
    /// The number of look-ups under way, with those for earlier results.
    running: usize,
}

#[derive(Clone)]
struct LookUpResult {
    addresses: Result<Arc<[SocketAddr]>, Arc<io::Error>>,
    ended: Stopwatch,
}

impl LookUps {
    /// Creates look-ups by the system, on at most so many threads at once.
    pub(crate) fn new(threads: usize) -> Self {
        Self::asking(threads, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    /// Creates look-ups that ask `names`.
    pub(crate) fn asking(
        threads: usize,
        names: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            names: Arc::new(names),
            threads: Arc::new(Semaphore::new(threads)),
            tasks: Tasks::new(),
            pending: Arc::default(),
            shared_for: SHARED_FOR,
            kept_for: KEPT_FOR,
        }
    }

    /// Returns the addresses of a name, each with this port.
    ///
    /// # Errors
    ///
    /// The system's error, such as for a name without addresses.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let name = (host.to_owned(), port);
        let mut result = self.join(&name);
        let found = result.wait_for(Option::is_some).await.map_err(io::Error::other)?.clone();
        take(&mut self.pending.lock(), &name, &result);
        match found.map(|found| found.addresses) {
            Some(Ok(addresses)) => Ok(addresses.to_vec()),
            Some(Err(error)) => Err(copy(&error)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Joins the look-ups of a name, and begins one where none may still get its reply.
    fn join(&self, name: &HostPort) -> watch::Receiver<Option<LookUpResult>> {
        let mut pending = self.pending.lock();
        let of_name = pending.entry(name.clone()).or_insert_with(Pending::new);
        if !of_name.is_of_use(self.kept_for) {
            of_name.renew();
        }
        let is_lost = of_name.latest.is_none_or(|began| began.elapsed() >= self.shared_for);
        if !of_name.has_result() && is_lost && of_name.running < OF_ONE_NAME {
            of_name.latest = Some(Stopwatch::start());
            of_name.running += 1;
            self.begin(name.clone(), of_name.result.clone());
        }
        of_name.result.subscribe()
    }

    /// Begins a look-up, which ends even if all its callers have gone.
    fn begin(&self, name: HostPort, result: watch::Sender<Option<LookUpResult>>) {
        let Self { names, threads, pending, .. } = self.clone();
        self.tasks.spawn(async move {
            let (host, port) = name.clone();
            let found = tasks::blocking_within(&threads, move || names(&host, port)).await;
            let found = found.map_err(io::Error::other).flatten();
            let addresses = found.map(Arc::from).map_err(Arc::new);
            let mut pending = pending.lock();
            result.send_replace(Some(LookUpResult { addresses, ended: Stopwatch::start() }));
            pending.get_mut(&name).into_iter().for_each(|of_name| of_name.running -= 1);
            forget_if_idle(&mut pending, &name);
        });
    }
}

/// The look-ups of all names.
type PendingByName = HashMap<HostPort, Pending>;

/// Takes this result away. The next caller needs another one.
fn take(
    pending: &mut PendingByName,
    name: &HostPort,
    result: &watch::Receiver<Option<LookUpResult>>,
) {
    let of_name = pending.get_mut(name);
    if let Some(of_name) = of_name.filter(|it| it.result.subscribe().same_channel(result)) {
        of_name.renew();
        forget_if_idle(pending, name);
    }
}

fn forget_if_idle(pending: &mut PendingByName, name: &HostPort) {
    if pending.get(name).is_some_and(|it| it.running == 0 && !it.has_result()) {
        pending.remove(name);
    }
}

impl Pending {
    fn new() -> Self {
        Self { result: watch::Sender::new(None), latest: None, running: 0 }
    }

    /// Expects another result. A look-up for the result before still ends, for those who wait for
    /// it.
    fn renew(&mut self) {
        *self = Self { running: self.running, ..Self::new() };
    }

    fn has_result(&self) -> bool {
        self.result.borrow().is_some()
    }

    /// Returns false for a result that no caller should get any more. An error for which nobody
    /// waited would hide that the name servers work again.
    fn is_of_use(&self, kept_for: Duration) -> bool {
        self.result.borrow().as_ref().is_none_or(|result| {
            let is_awaited = result.addresses.is_ok() || self.result.receiver_count() > 0;
            is_awaited && result.ended.elapsed() < kept_for
        })
    }
}

/// Returns an error of the same kind, since an error of the system has one owner.
fn copy(error: &Arc<io::Error>) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
