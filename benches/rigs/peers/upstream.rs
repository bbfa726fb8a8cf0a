//! The upstream of all caches: TLS for svm and plain HTTP for the others, and the same
//! documents for each.
//!
//! A process of its own: this program once more. Only what comes over plain HTTP is counted: svm
//! also asks in the background, which it is meant to do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;
use svm::clock::Clock;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::document::Document;
use crate::harness::github::{Authority, HOSTS};
use crate::harness::tasks;
use crate::process::{self, Process};

const ROLE: &str = "peers-upstream";

/// The upstream, from the outside.
pub(crate) struct Upstream(Process);

impl Upstream {
    /// Starts it; it ends when dropped.
    pub(crate) fn start() -> Self {
        Self(Process::start(&[ROLE.to_owned()]))
    }

    /// The values of `UPSTREAM_CONNECT_TO` and `UPSTREAM_CA_FILE`.
    pub(crate) fn tls(&self) -> (&str, &str) {
        (&self.0.connect_to, &self.0.ca_file)
    }

    /// Returns its address for plain HTTP.
    pub(crate) fn plain(&mut self) -> String {
        self.0.told()["plain"].as_str().expect("a text").to_owned()
    }

    /// Returns the number of requests over plain HTTP.
    pub(crate) fn calls(&mut self) -> u64 {
        self.0.told()["calls"].as_u64().expect("a number")
    }
}

/// Returns true if these words ask for this role.
pub(crate) fn is_asked_for(words: &[String]) -> bool {
    words.first().is_some_and(|word| word == ROLE)
}

/// Serves until the standard input ends.
pub(crate) fn serve() {
    let runtime = Runtime::new().expect("a runtime");
    let authority = Authority::new("Upstream of the peers", &HOSTS.map(str::to_owned));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &authority.ca_pem).expect("a file");
    let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let (plain, tls) = (bind(), bind());
    let address = |listener: &TcpListener| listener.local_addr().expect("a bound socket");
    let plain_address = address(&plain).to_string();
    let connect_to = HOSTS.map(|host| format!("{host}:443={}", address(&tls))).join(",");
    let calls = Arc::new(AtomicU64::new(0));
    let _accepting = runtime.spawn(accept_plain(plain, Arc::clone(&calls)));
    let _accepting = runtime.spawn(accept_tls(tls, TlsAcceptor::from(authority.server)));
    process::answer(
        &connect_to,
        &ca_file.display().to_string(),
        |_| json!({"plain": plain_address, "calls": calls.load(Ordering::Relaxed)}),
    );
}

async fn accept_plain(listener: TcpListener, calls: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        // An error is the client's affair.
        drop(tasks::spawn(converse(stream, Arc::clone(&calls))));
    }
}

async fn accept_tls(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(tasks::spawn(encrypted(stream, acceptor.clone())));
    }
}

async fn encrypted(stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    stream.set_nodelay(true)?;
    converse(acceptor.accept(stream).await?, Arc::default()).await
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    calls: Arc<AtomicU64>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while stream.read_line(&mut line).await? > 0 {
        head.push_str(&line);
        if line.trim_end().is_empty() {
            calls.fetch_add(1, Ordering::Relaxed);
            stream.write_all(answer(&head).as_bytes()).await?;
            stream.flush().await?;
            head.clear();
        }
        line.clear();
    }
    Ok(())
}

/// A path that is no document's is the question whose a token is.
fn answer(head: &str) -> String {
    let Some(document) = Document::at(head) else { return whole("", r#"{"login":"octo","id":1}"#) };
    let etag = document.etag();
    let headers = format!("etag: {etag}\r\ncache-control: public, max-age=86400\r\n");
    if head.contains(&etag) {
        return format!("HTTP/1.1 304 Not Modified\r\n{headers}\r\n");
    }
    whole(&headers, &document.body())
}

fn whole(headers: &str, body: &str) -> String {
    let length = body.len();
    // Without a date, Squid takes what it stores for stale.
    let since_epoch = Duration::from_secs(Clock::System.now().as_secs());
    let date = httpdate::fmt_http_date(UNIX_EPOCH + since_epoch);
    let head = format!("HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-type: application/json\r\n");
    format!("{head}{headers}content-length: {length}\r\n\r\n{body}")
}
