//! An upstream for millions of requests: real TLS, and answers that follow from the path alone.
//!
//! The simulated GitHub keeps a journal and goes through a mock server, which is too slow here:
//! what is measured would be the simulation.

mod delay;

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::harness::github::{Authority, HOSTS};
use crate::harness::tasks;
use crate::notes::notes;
use crate::process;

use self::delay::Delay;
pub(crate) use self::delay::{HELD, RELEASE, SLOW, SLOWNESS};

/// The word that asks for this role.
pub(crate) const ROLE: &str = "quick-upstream";

/// The prefix of documents that do not exist.
pub(crate) const MISSING: &str = "/missing/";
/// The prefix of documents for which there is no quota.
pub(crate) const SPENT: &str = "/repos/spent/";
/// The prefix of large documents.
pub(crate) const LARGE: &str = "/large/";
/// The prefix of documents whose name states their length in bytes. All others are small.
pub(crate) const SIZED: &str = "/bytes/";

/// The length of a release in bytes.
pub(crate) const LARGE_BODY: usize = 20_000;
/// The length of the `ETag` of a document of a given length: a digest in quotes, as GitHub's.
pub(crate) const ETAG_BYTES: usize = 66;

/// Returns true if these words ask for this role.
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
    let delay = Arc::new(Delay::default());
    let _accepting = runtime.spawn(accept(listener, authority.server, Arc::clone(&delay)));
    let connect_to = HOSTS.map(|host| format!("{host}:443={address}")).join(",");
    process::answer(&connect_to, &ca_file.display().to_string(), |word| delay.told(word));
}

async fn accept(listener: TcpListener, config: Arc<ServerConfig>, delay: Arc<Delay>) {
    let acceptor = TlsAcceptor::from(config);
    while let Ok((stream, _)) = listener.accept().await {
        // An error is the client's affair.
        drop(tasks::spawn(converse(stream, acceptor.clone(), Arc::clone(&delay))));
    }
}

async fn converse(stream: TcpStream, acceptor: TlsAcceptor, delay: Arc<Delay>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let path = line.split(' ').nth(1).unwrap_or_default();
        let (path, mut is_known) = (path.to_owned(), false);
        delay.pass(&path).await;
        while line.trim_end() != "" {
            line.clear();
            stream.read_line(&mut line).await?;
            is_known |= line.to_ascii_lowercase().starts_with("if-none-match:");
        }
        let answer = answer(&path, is_known);
        line.clear();
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Documents of a given length never change.
fn answer(path: &str, is_known: bool) -> String {
    if path.starts_with(MISSING) {
        return whole("404 Not Found", "", r#"{"message":"Not Found","status":"404"}"#);
    }
    if path.starts_with(SPENT) {
        let limit = "x-ratelimit-limit: 5000\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-used: 5000\r\n\
                     x-ratelimit-resource: core\r\nx-ratelimit-reset: 4102444800\r\n";
        return whole("403 Forbidden", limit, r#"{"message":"API rate limit exceeded"}"#);
    }
    let etag = size(path).map(|_| format!("etag: \"{:0>64}\"\r\n", digits(path)));
    match etag {
        Some(etag) if is_known => format!("HTTP/1.1 304 Not Modified\r\n{etag}\r\n"),
        etag => whole("200 OK", &etag.unwrap_or_default(), &document(path)),
    }
}

/// The document at a path, which is in it.
pub(crate) fn document(path: &str) -> String {
    const FRAME: usize = r#"{"path":"","tag_name":"v1.0.0","body":""}"#.len();
    let large = if path.starts_with(LARGE) { LARGE_BODY } else { 0 };
    let bytes = size(path).map_or(large, |bytes| bytes.saturating_sub(FRAME + path.len()));
    let notes = notes(bytes);
    format!(r#"{{"path":"{path}","tag_name":"v1.0.0","body":"{notes}"}}"#)
}

/// Returns the length that the name of a document states.
fn size(path: &str) -> Option<usize> {
    path.strip_prefix(SIZED)?.split('/').next()?.parse().ok()
}

/// The number at the end of a name.
fn digits(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn whole(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}");
    format!("{head}content-length: {length}\r\n\r\n{body}")
}
