//! Look-ups of the addresses of host names, which callers share.
//!
//! A look-up blocks a thread until the system has an answer, even when its callers have gone, so it
//! holds a permit until then. Callers share the running look-up of a name, and a later caller gets
//! the answer of one that was too slow for the earlier callers. While a look-up hangs, only one more
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
use crate::tasks;

/// The most look-ups of one name at once.
pub(crate) const OF_ONE_NAME: usize = 2;

/// The time for which others may join a look-up. After it, its reply may be lost.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The time for which an answer that no caller has had waits for one. After it, the address may
/// belong to another server.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// The look-ups under way, and the answers that no caller has had yet; clones share them.
#[derive(Clone)]
pub(crate) struct LookUps {
    threads: Arc<Semaphore>,
    /// Those of each name, the latest one last. The configuration and the targets of svm bound the
    /// names.
    pending: Arc<Mutex<HashMap<HostPort, Vec<LookUp>>>>,
    names: Arc<Names>,
    shared_for: Duration,
    kept_for: Duration,
}

/// A name, and the port that each of its addresses gets.
type HostPort = (String, u16);

/// A blocking look-up of a name.
type Names = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// One look-up of a name.
struct LookUp {
    began: Stopwatch,
    answer: watch::Receiver<Option<LookUpResult>>,
    /// True if a later one has got its answer.
    is_outdated: bool,
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
            threads: Arc::new(Semaphore::new(threads)),
            pending: Arc::default(),
            names: Arc::new(names),
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
        loop {
            let (sender, mut answer) = self.join(&name);
            if let Some(sender) = sender {
                self.run(name.clone(), sender).await.map_err(io::Error::other)?;
            }
            // Without an answer, the caller that began the look-up gave up before it had a thread.
            if let Ok(found) = answer.wait_for(Option::is_some).await.map(|found| found.clone())
                && let Some(found) = found
            {
                self.take(&name, &answer);
                return found.addresses.as_deref().map(<[_]>::to_vec).map_err(copy);
            }
        }
    }

    /// Joins a look-up of the name: one whose answer waits, the latest one, or a new one. Of a new
    /// one, also returns the sender of its answer.
    fn join(
        &self,
        name: &HostPort,
    ) -> (Option<watch::Sender<Option<LookUpResult>>>, watch::Receiver<Option<LookUpResult>>) {
        let mut pending = self.pending.lock();
        let of_name = pending.entry(name.clone()).or_default();
        of_name.retain(|look_up| look_up.is_useful(self.kept_for));
        if let Some(answered) = of_name.iter().rfind(|look_up| look_up.answer.borrow().is_some()) {
            return (None, answered.answer.clone());
        }
        if let Some(latest) = of_name.last()
            && (of_name.len() >= OF_ONE_NAME || latest.began.elapsed() < self.shared_for)
        {
            return (None, latest.answer.clone());
        }
        let (sender, answer) = watch::channel(None);
        let began = Stopwatch::start();
        of_name.push(LookUp { began, answer: answer.clone(), is_outdated: false });
        (Some(sender), answer)
    }

    /// Asks for a name. The look-up ends even if its caller gives up while it runs.
    async fn run(
        &self,
        (host, port): HostPort,
        sender: watch::Sender<Option<LookUpResult>>,
    ) -> Result<(), tasks::Lost> {
        let names = Arc::clone(&self.names);
        let look_up = move || {
            let addresses = names(&host, port).map(Arc::from).map_err(Arc::new);
            sender.send_replace(Some(LookUpResult { addresses, ended: Stopwatch::start() }));
        };
        tasks::blocking_within(&self.threads, look_up).await
    }

    /// Notes that a caller has this answer. The next caller asks again.
    fn take(&self, name: &HostPort, answer: &watch::Receiver<Option<LookUpResult>>) {
        let mut pending = self.pending.lock();
        let Some(of_name) = pending.get_mut(name) else { return };
        let Some(at) = of_name.iter().position(|it| it.answer.same_channel(answer)) else { return };
        of_name.remove(at);
        of_name.iter_mut().take(at).for_each(|earlier| earlier.is_outdated = true);
        if of_name.is_empty() {
            pending.remove(name);
        }
    }
}

impl LookUp {
    /// Returns false if its caller gave up before it had a thread, or if its answer is too old.
    fn is_useful(&self, kept_for: Duration) -> bool {
        match &*self.answer.borrow() {
            Some(answer) => !self.is_outdated && answer.ended.elapsed() < kept_for,
            None => self.answer.has_changed().is_ok(),
        }
    }
}

/// Returns an error of the same kind, since an error of the system has one owner.
fn copy(error: &Arc<io::Error>) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
