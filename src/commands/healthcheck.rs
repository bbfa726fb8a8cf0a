//! The `svm healthcheck` command: one request to the running service, for containers without
//! another client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::tls::client_of_own_service;

const LIMIT: Duration = Duration::from_secs(2);
/// The number of bytes of the answer that are read.
const MOST_BYTES: u64 = 64 * 1024;

/// Requests the page `path` of the service at `host` and `port`, over TLS if it speaks that.
/// Returns the body of its answer.
///
/// # Errors
///
/// A sentence, if the service does not answer or is not ready.
pub fn healthcheck(host: IpAddr, port: u16, is_https: bool, path: &str) -> Result<String, String> {
    if port == 0 {
        return Err("PORT is 0: which port the system chose is not known".to_owned());
    }
    let address = SocketAddr::new(reachable(host), port);
    let answer = if is_https {
        ask_over_tls(address, path)
    } else {
        connect(address).and_then(|stream| ask(stream, path))
    };
    let answer =
        answer.map_err(|error| format!("no answer from {address}: {}", sentence(&error)))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.starts_with("HTTP/1.1 200 ") || head.starts_with("HTTP/1.0 200 ") {
        return Ok(body.to_owned());
    }
    Err(format!("{address} answers {}: {body}", head.lines().next().unwrap_or_default()))
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
