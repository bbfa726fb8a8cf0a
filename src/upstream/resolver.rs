//! Names to addresses, of which only global unicast ones come through.
//!
//! The check and the answer are one step, so the address that was checked is the address that is
//! dialled. An IP literal never reaches a resolver: the allowlist guards against those. The
//! targets of `UPSTREAM_CONNECT_TO` are the operator's word and exempt. A look-up blocks a thread
//! for as long as the system waits for its name servers, also when the caller has gone; a permit
//! goes along with it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::config::{ConnectAddress, ConnectTo};
use crate::tasks;

use super::special_purpose::is_special_purpose;

#[cfg(test)]
mod tests;

/// Look-ups that may be on blocking threads at once.
pub const LOOK_UPS: usize = 5;

/// The resolver that the client dials through.
#[derive(Clone)]
pub(super) struct Resolver {
    connect_to: Arc<[ConnectTo]>,
    look_ups: Arc<Semaphore>,
    names: Arc<Names>,
}

/// Gives the addresses of a name, each with this port; blocks until it knows them.
type Names = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// A name without an address that may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NoPublicAddress;

impl Resolver {
    /// A resolver that asks the system.
    pub(super) fn new(connect_to: &[ConnectTo]) -> Self {
        Self::asking(connect_to, |host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    /// A resolver that asks this source.
    pub(super) fn asking(
        connect_to: &[ConnectTo],
        names: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let look_ups = Arc::new(Semaphore::new(LOOK_UPS));
        Self { connect_to: connect_to.into(), look_ups, names: Arc::new(names) }
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
        let (names, host) = (Arc::clone(&self.names), host.to_owned());
        Ok(tasks::blocking_within(&self.look_ups, move || names(&host, port)).await??)
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The addresses that may be dialled, if there is one.
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
