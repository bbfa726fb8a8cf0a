//! A request to the running service, at the address of the configuration, over TLS if the service
//! does.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::tls::client_of_own_service;

const LIMIT: Duration = Duration::from_secs(2);
/// The number of bytes of an answer that are read.
const MOST_BYTES: u64 = 64 * 1024;

/// The running service.
#[derive(Clone, Copy, Debug)]
pub struct OwnService {
    /// The address to dial.
    pub(super) address: SocketAddr,
    is_https: bool,
}

/// An answer of the service.
pub(super) struct OwnAnswer {
    /// The line with its status.
    pub(super) status: String,
    pub(super) body: String,
}

impl OwnService {
    /// Returns the service that runs with these settings.
    ///
    /// # Errors
    ///
    /// A sentence, if the port is 0: the system chose another one, which is unknown.
    pub fn new(host: IpAddr, port: u16, is_https: bool) -> Result<Self, String> {
        if port == 0 {
            return Err("PORT is 0: the port that the system chose is unknown".to_owned());
        }
        Ok(Self { address: SocketAddr::new(reachable(host), port), is_https })
    }

    /// Requests a page.
    ///
    /// # Errors
    ///
    /// A sentence, if the service does not answer.
    pub(super) fn get(&self, path: &str) -> Result<OwnAnswer, String> {
        let answer = match self.is_https {
            true => ask_over_tls(self.address, path),
            false => connect(self.address).and_then(|stream| ask(stream, path)),
        };
        let answer = answer
            .map_err(|error| format!("no answer from {}: {}", self.address, sentence(&error)))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.lines().next().unwrap_or_default().to_owned();
        Ok(OwnAnswer { status, body: body.to_owned() })
    }
}

impl OwnAnswer {
    /// Returns true for an answer with this status.
    pub(super) fn has_status(&self, status: u16) -> bool {
        let rest = self.status.strip_prefix("HTTP/1.1 ");
        let rest = rest.or_else(|| self.status.strip_prefix("HTTP/1.0 "));
        rest.is_some_and(|rest| rest.starts_with(&format!("{status} ")))
    }
}

/// Returns the loopback address for a service that listens on every address.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    }
}

/// Describes an error. A socket reports its timeout as `WouldBlock`.
fn sentence(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("timed out after {LIMIT:?}"),
        _ => error.to_string(),
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

fn ask_over_tls(address: SocketAddr, path: &str) -> io::Result<String> {
    let config = Arc::new(client_of_own_service().map_err(io::Error::other)?);
    let session = ClientConnection::new(config, address.ip().into()).map_err(io::Error::other)?;
    ask(StreamOwned::new(session, connect(address)?), path)
}

fn ask(mut stream: impl Read + Write, path: &str) -> io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(MOST_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
