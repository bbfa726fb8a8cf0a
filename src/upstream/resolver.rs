//! A resolver of host names that returns only global unicast addresses.
//!
//! The addresses are checked in the same step that resolves them, so svm dials exactly the
//! addresses that were checked. IP literals never reach a resolver; the allowlist handles those.
//! The targets of `UPSTREAM_CONNECT_TO` are exempt, since the operator configured them.
//!
//! A look-up blocks a thread until the system has an answer, even when its caller has gone, so it
//! holds a permit until then. Callers share the running look-up of a name. While one hangs, only a
//! second one begins, in case the reply was lost. So such a name leaves threads to the others.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{Semaphore, watch};

use crate::clock::Stopwatch;
use crate::config::{ConnectAddress, ConnectTo};
use crate::tasks;

use super::special_purpose::is_special_purpose;

#[cfg(test)]
mod tests;

/// The most look-ups on blocking threads at once.
pub const LOOK_UPS: usize = 5;

/// The resolver of the HTTP client.
#[derive(Clone)]
pub(super) struct Resolver {
    connect_to: Arc<[ConnectTo]>,
    look_ups: Arc<Semaphore>,
    running: Running,
    names: Arc<Names>,
}

/// The look-ups under way, at most two for each host and port, the latest one last. The targets of
/// svm bound the names.
type Running = Arc<Mutex<HashMap<(String, u16), Vec<RunningLookUp>>>>;

struct RunningLookUp {
    began: Stopwatch,
    result: watch::Receiver<Option<LookUpResult>>,
}

/// The result of a look-up, which all its callers get.
type LookUpResult = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

/// A blocking look-up of a name. Each address gets this port.
type Names = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The time for which others may join a look-up. After it, its reply may be lost.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The error for a name without an address that may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NoPublicAddress;

impl Resolver {
    /// Creates a resolver that uses the system's look-up.
    pub(super) fn new(connect_to: &[ConnectTo]) -> Self {
        Self::asking(connect_to, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    /// Creates a resolver with this look-up.
    pub(super) fn asking(
        connect_to: &[ConnectTo],
        names: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let look_ups = Arc::new(Semaphore::new(LOOK_UPS));
        let running = Running::default();
        Self { connect_to: connect_to.into(), look_ups, running, names: Arc::new(names) }
    }

    async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Error> {
        let redirected = self.connect_to.iter().find(|rule| rule.host.eq_ignore_ascii_case(host));
        match redirected.map(|rule| &rule.address) {
            Some(ConnectAddress::Ip(address)) => Ok(vec![*address]),
            Some(ConnectAddress::Name { host, port }) => self.look_up(host, *port).await,
            None => {
                // Port 0 stands for the port of the URL.
                let found = self.look_up(host, 0).await?;
                public(found).ok_or_else(|| NoPublicAddress.into())
            }
        }
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        loop {
            let (sender, mut result) = self.join((host.to_owned(), port));
            if let Some(sender) = sender {
                self.run((host.to_owned(), port), sender).await?;
            }
            // Without a result, the caller that began the look-up gave up before it had a thread.
            if let Ok(found) = result.wait_for(Option::is_some).await
                && let Some(found) = &*found
            {
                return found.as_deref().map(<[_]>::to_vec).map_err(|error| copy(error).into());
            }
        }
    }

    /// Joins the running look-up of a name. Without one, also returns the sender of its result.
    fn join(
        &self,
        name: (String, u16),
    ) -> (Option<watch::Sender<Option<LookUpResult>>>, watch::Receiver<Option<LookUpResult>>) {
        let mut running = self.running.lock();
        let of_name = running.entry(name).or_default();
        // One whose caller gave up before it had a thread has ended without a result.
        of_name.retain(|look_up| look_up.result.has_changed().is_ok());
        if let Some(latest) = of_name.last()
            && (of_name.len() > 1 || latest.began.elapsed() < SHARED_FOR)
        {
            return (None, latest.result.clone());
        }
        let (sender, result) = watch::channel(None);
        of_name.push(RunningLookUp { began: Stopwatch::start(), result: result.clone() });
        (Some(sender), result)
    }

    /// Looks a name up. The look-up ends even if its caller gives up while it runs.
    async fn run(
        &self,
        name: (String, u16),
        sender: watch::Sender<Option<LookUpResult>>,
    ) -> Result<(), tasks::Lost> {
        let (names, running) = (Arc::clone(&self.names), Arc::clone(&self.running));
        let look_up = move || {
            let found = names(&name.0, name.1).map(Arc::from).map_err(Arc::new);
            sender.send_replace(Some(found));
            running.lock().retain(|_, of_name| {
                of_name.retain(|look_up| look_up.result.borrow().is_none());
                !of_name.is_empty()
            });
        };
        tasks::blocking_within(&self.look_ups, look_up).await
    }
}

/// Returns an error of the same kind, since an error of the system has one owner.
fn copy(error: &Arc<io::Error>) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Returns the addresses that may be dialled, if there are any.
fn public(mut found: Vec<SocketAddr>) -> Option<Vec<SocketAddr>> {
    found.retain(|address| !is_special_purpose(address.ip()));
    (!found.is_empty()).then_some(found)
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
