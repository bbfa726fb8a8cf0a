//! An upstream for millions of requests: real TLS, and answers that follow from the path alone.
//!
//! The simulated GitHub keeps a journal and goes through a mock server, which is too slow here: what is measured would
//! be the simulation.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::harness::github::{Authority, HOSTS};
use crate::harness::tasks;
use crate::process;

/// The word that asks for this role.
pub(super) const ROLE: &str = "quick-upstream";

/// What the name of a document that does not exist begins with.
pub(super) const MISSING: &str = "/missing/";
/// What the name of a document begins with for which there is no quota.
pub(super) const SPENT: &str = "/repos/spent/";
/// What the name of a large document begins with; every other one is small.
pub(super) const LARGE: &str = "/large/";

/// What a release weighs.
pub(super) const LARGE_BODY: usize = 20_000;

/// Whether these words ask for this role.
pub(crate) fn is_asked_for(words: &[String]) -> bool {
    words.first().is_some_and(|word| word == ROLE)
}

/// Serves until the standard input ends.
pub(crate) fn serve() {
    let runtime = Runtime::new().expect("a runtime");
    let authority = Authority::new("Quick upstream", &HOSTS.map(str::to_owned));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &authority.ca_pem).expect("a file");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let _accepting = runtime.spawn(accept(listener, authority.server));
    let connect_to = HOSTS.map(|host| format!("{host}:443={address}")).join(",");
    process::answer(&connect_to, &ca_file.display().to_string(), || Value::Null);
}

async fn accept(listener: TcpListener, config: Arc<ServerConfig>) {
    let acceptor = TlsAcceptor::from(config);
    while let Ok((stream, _)) = listener.accept().await {
        // An error is the client's affair.
        drop(tasks::spawn(converse(stream, acceptor.clone())));
    }
}

async fn converse(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let answer = answer(line.split(' ').nth(1).unwrap_or_default());
        while line.trim_end() != "" {
            line.clear();
            stream.read_line(&mut line).await?;
        }
        line.clear();
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

fn answer(path: &str) -> String {
    if path.starts_with(MISSING) {
        return whole("404 Not Found", "", r#"{"message":"Not Found","status":"404"}"#);
    }
    if path.starts_with(SPENT) {
        let limit = "x-ratelimit-limit: 5000\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-used: 5000\r\n\
                     x-ratelimit-resource: core\r\nx-ratelimit-reset: 4102444800\r\n";
        return whole("403 Forbidden", limit, r#"{"message":"API rate limit exceeded"}"#);
    }
    whole("200 OK", "", &document(path))
}

/// The document at a path, which is in it.
pub(super) fn document(path: &str) -> String {
    let notes = "x".repeat(if path.starts_with(LARGE) { LARGE_BODY } else { 0 });
    format!(r#"{{"path":"{path}","tag_name":"v1.0.0","body":"{notes}"}}"#)
}

fn whole(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}");
    format!("{head}content-length: {length}\r\n\r\n{body}")
}
