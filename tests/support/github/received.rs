//! A request as the simulated GitHub received it, for the rules and for tests.
//!
//! Requests are read by hand from the socket, since an HTTP library would lose the TLS name
//! and the exact bytes of the target. Bodies of requests are searched for secrets and dropped,
//! since no client needs them.

use std::io;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::super::canary;
use super::witness;

/// The length of a line from which on the connection ends.
const LONGEST_LINE: u64 = 64 * 1024;

/// The head of one request.
#[derive(Clone, Debug)]
pub struct Received {
    /// The host name of the TLS handshake.
    pub sni: Option<String>,
    /// The `Host` header without a port.
    pub host: String,
    /// The method.
    pub method: String,
    /// Path and query, exactly as sent.
    pub target: String,
    /// All headers.
    pub headers: HeaderMap,
    /// Every byte of the head, including the empty line.
    pub head: Vec<u8>,
    /// The rule of its tags: 0 is GitHub's, any other number is an unknown rule.
    pub etag_rule: u32,
    /// The number of requests that the API had in flight when this one arrived, this one included;
    /// 0 on other hosts.
    pub in_flight: usize,
    /// The number of its connection, in the order of the handshakes.
    pub connection: u64,
}

impl Received {
    /// Returns the value of a header, if it was sent and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the token in `Authorization`, in either spelling.
    pub fn token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let is_known = matches!(scheme.to_ascii_lowercase().as_str(), "bearer" | "token");
        is_known.then(|| canary::undressed(token))
    }

    /// Returns true if the request is conditional.
    pub fn is_conditional(&self) -> bool {
        self.headers.contains_key("if-none-match") || self.headers.contains_key("if-modified-since")
    }

    /// Returns true if an answer may be compressed.
    pub fn accepts_gzip(&self) -> bool {
        self.header("accept-encoding").is_some_and(|codings| codings.contains("gzip"))
    }

    /// Returns true if GitHub indents JSON for this client.
    pub fn wants_pretty(&self) -> bool {
        let agent = self.header("user-agent").unwrap_or_default();
        ["curl", "Wget", "Safari", "Firefox"].iter().any(|name| agent.contains(name))
    }

    /// Returns true if the client ends the connection after this request.
    pub fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Reads the next request of a connection; `None` when the client has ended it.
pub async fn read(
    client: &mut (impl AsyncBufRead + Unpin),
    sni: Option<&str>,
) -> io::Result<Option<Received>> {
    let head = head(client).await?;
    let mut rest = head.as_slice();
    let Some(first) = line(&mut rest).await? else { return Ok(None) };
    let first = String::from_utf8_lossy(&first);
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let headers = headers(&mut rest).await?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let length = text("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    client.take(length).read_to_end(&mut body).await?;
    let (method, target) = (method.to_owned(), target.to_owned());
    let sni = sni.map(str::to_owned);
    let (etag_rule, in_flight, connection) = (0, 0, 0);
    let request =
        Received { sni, host, method, target, headers, head, etag_rule, in_flight, connection };
    witness::look(&request, &body);
    Ok(Some(request))
}

/// Returns the bytes up to and including the empty line, or up to the end of the stream.
async fn head(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        from.take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
        if bytes[start..].trim_ascii().is_empty() {
            return Ok(bytes);
        }
    }
}

/// Reads header lines up to the empty one.
pub async fn headers(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    while let Some(line) = line(from).await?.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(io::ErrorKind::InvalidData)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let name = HeaderName::from_bytes(name).map_err(io::Error::other)?;
        let value = HeaderValue::from_bytes(value).map_err(io::Error::other)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Reads one line without its end; `None` at the end of the stream.
pub async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
    let ended = bytes.is_empty();
    while bytes.pop_if(|byte| matches!(byte, b'\r' | b'\n')).is_some() {}
    Ok((!ended).then_some(bytes))
}
