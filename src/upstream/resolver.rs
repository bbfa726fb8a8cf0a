//! Names to addresses, of which only global unicast ones come through.
//!
//! The check and the answer are one step, so the address that was checked is the address that is dialled. An IP
//! literal never reaches a resolver: the allowlist is what guards against those. The targets of
//! `UPSTREAM_CONNECT_TO` are the operator's word and exempt. A look-up blocks a thread for as long as the system
//! waits for its name servers, also when whoever asked has gone; a permit goes along with it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::config::{ConnectAddress, ConnectTo};
use crate::tasks;

use super::special_purpose::is_special_purpose;

/// Look-ups that may be on blocking threads at once.
const LOOK_UPS: usize = 16;

/// The resolver that the client dials through.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    connect_to: Arc<[ConnectTo]>,
    look_ups: Arc<Semaphore>,
}

/// A name without an address that may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NoPublicAddress;

impl Resolver {
    pub(super) fn new(connect_to: &[ConnectTo]) -> Self {
        Self { connect_to: connect_to.into(), look_ups: Arc::new(Semaphore::new(LOOK_UPS)) }
    }

    async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Error> {
        let redirected = self.connect_to.iter().find(|rule| rule.host.eq_ignore_ascii_case(host));
        match redirected.map(|rule| &rule.address) {
            Some(ConnectAddress::Ip(address)) => Ok(vec![*address]),
            Some(ConnectAddress::Name { host, port }) => {
                Ok(self.look_up(host, *port).await?.collect())
            }
            None => {
                // Port 0 stands for the port of the URL.
                let found = self.look_up(host, 0).await?;
                public(found).ok_or_else(|| NoPublicAddress.into())
            }
        }
    }

    async fn look_up(
        &self,
        host: &str,
        port: u16,
    ) -> Result<impl Iterator<Item = SocketAddr> + use<>, Error> {
        let host = host.to_owned();
        let found =
            tasks::blocking_within(&self.look_ups, move || (&*host, port).to_socket_addrs());
        Ok(found.await??)
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The addresses that may be dialled, if there is one.
fn public(found: impl Iterator<Item = SocketAddr>) -> Option<Vec<SocketAddr>> {
    let public: Vec<_> = found.filter(|address| !is_special_purpose(address.ip())).collect();
    (!public.is_empty()).then_some(public)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn special_purpose_addresses_are_left_out_of_a_mixed_answer() {
        let found = ["127.0.0.1:0", "140.82.121.6:0", "[::1]:0", "169.254.169.254:0", "10.0.0.1:0"];
        let found = found.map(|address| address.parse().unwrap());
        assert_eq!(public(found.into_iter()), Some(vec!["140.82.121.6:0".parse().unwrap()]));
    }

    #[test]
    fn an_answer_of_special_purpose_addresses_alone_is_none() {
        let found = ["127.0.0.1:0", "[fe80::1]:0", "[::ffff:10.0.0.1]:0"];
        let found = found.map(|address| address.parse().unwrap());
        assert_eq!(public(found.into_iter()), None);
    }

    #[tokio::test]
    async fn look_ups_are_bounded() {
        let resolver = Resolver::new(&[]);
        let all = resolver.look_ups.acquire_many(LOOK_UPS as u32).await.unwrap();
        let waits = resolver.addresses("localhost");
        assert!(tokio::time::timeout(Duration::from_millis(20), waits).await.is_err());
        drop(all);
        resolver.addresses("localhost").await.unwrap_err();
    }

    #[tokio::test]
    async fn localhost_is_refused_unless_the_operator_sends_it_there() {
        let refused = Resolver::new(&[]).addresses("localhost").await;
        assert!(refused.unwrap_err().is::<NoPublicAddress>());

        let address = "127.0.0.1:8443".parse().unwrap();
        let rule =
            ConnectTo { host: "github.example".into(), address: ConnectAddress::Ip(address) };
        let found = Resolver::new(&[rule]).addresses("GitHub.example").await;
        assert_eq!(found.unwrap(), [address]);
    }
}
