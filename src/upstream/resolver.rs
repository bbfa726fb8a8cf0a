//! A resolver of host names that returns only global unicast addresses.
//!
//! The addresses are checked in the same step that resolves them, so svm dials exactly the
//! addresses that were checked. IP literals never reach a resolver; the allowlist handles those.
//! The targets of `UPSTREAM_CONNECT_TO` are exempt, since the operator configured them.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::{ConnectAddress, ConnectTo};
use crate::look_ups::LookUps;

use super::special_purpose::is_special_purpose;

#[cfg(test)]
mod tests;

/// The most look-ups on blocking threads at once.
pub const LOOK_UPS: usize = 5;

/// The resolver of the HTTP client.
#[derive(Clone)]
pub(super) struct Resolver {
    connect_to: Arc<[ConnectTo]>,
    look_ups: LookUps,
}

/// The error for a name without an address that may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NoPublicAddress;

impl Resolver {
    /// Creates a resolver that uses these look-ups.
    pub(super) fn new(connect_to: &[ConnectTo], look_ups: LookUps) -> Self {
        Self { connect_to: connect_to.into(), look_ups }
    }

    async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Error> {
        let redirected = self.connect_to.iter().find(|rule| rule.host.eq_ignore_ascii_case(host));
        match redirected.map(|rule| &rule.address) {
            Some(ConnectAddress::Ip(address)) => Ok(vec![*address]),
            Some(ConnectAddress::Name { host, port }) => {
                Ok(self.look_ups.addresses(host, *port).await?)
            }
            None => {
                // Port 0 stands for the port of the URL.
                let found = self.look_ups.addresses(host, 0).await?;
                public(found).ok_or_else(|| NoPublicAddress.into())
            }
        }
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
