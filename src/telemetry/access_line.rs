//! One request in the access log, and its two spellings.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use http::Method;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::cache::{Detail, Forward, Status};
use crate::clock::Timestamp;
use crate::target::Target;

use super::ACCESS;

/// One request, as the access log shows it: no query, no body, no header.
#[derive(Debug)]
pub struct AccessLine {
    /// When the answer was ready.
    pub at: Timestamp,
    /// The client.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: Method,
    /// Our own path that was asked for.
    pub path: Box<str>,
    /// The document that was asked for.
    pub target: Option<Target>,
    /// The status of the answer.
    pub status: u16,
    /// How the answer came about.
    pub cache: Option<Status>,
    /// The size of the answer's body.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

impl AccessLine {
    fn forward(&self) -> Option<Forward> {
        self.cache.and_then(|status| status.forward)
    }

    fn detail(&self) -> Option<Detail> {
        self.cache.and_then(|status| status.detail)
    }

    pub(super) fn append_json(&self, text: &mut Vec<u8>) {
        let _ = serde_json::to_writer(&mut *text, self);
        text.push(b'\n');
    }

    pub(super) fn append_text(&self, text: &mut Vec<u8>) {
        let dash = "-";
        let client = self.client.map_or_else(|| dash.to_owned(), |client| client.to_string());
        let (host, path) = self.target.as_ref().map_or((dash, ""), |t| (t.authority(), t.path()));
        let cache = self.cache.map_or(dash, |status| status.outcome.as_str());
        let detail = self.detail().map_or(dash, |detail| detail.as_str());
        let _ = writeln!(
            text,
            "{}  INFO {ACCESS}: {client} {} {} {host}{path} status={} cache={cache} detail={detail} bytes={} micros={}",
            self.at,
            self.method,
            self.path,
            self.status,
            self.bytes,
            self.took.as_micros(),
        );
    }
}

/// Without a document in between: the log has as many lines as the service has answers.
impl Serialize for AccessLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let target = self.target.as_ref();
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &format_args!("{}", self.at))?;
        line.serialize_entry("level", "INFO")?;
        line.serialize_entry("target", ACCESS)?;
        line.serialize_entry("message", "request")?;
        line.serialize_entry("client", &self.client)?;
        line.serialize_entry("method", self.method.as_str())?;
        line.serialize_entry("path", &self.path)?;
        line.serialize_entry("upstream_host", &target.map(Target::authority))?;
        line.serialize_entry("upstream_path", &target.map(Target::path))?;
        line.serialize_entry("status", &self.status)?;
        line.serialize_entry("cache", &self.cache.map(|status| status.outcome.as_str()))?;
        line.serialize_entry("forward", &self.forward().map(Forward::as_str))?;
        line.serialize_entry("detail", &self.detail().map(Detail::as_str))?;
        line.serialize_entry("bytes", &self.bytes)?;
        line.serialize_entry("micros", &self.took.as_micros())?;
        line.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Policy;

    #[test]
    fn both_spellings() {
        let url = "https://api.github.com/repos/o/r?secret=1";
        let line = AccessLine {
            at: Timestamp::from_millis(1_780_315_200_123),
            client: Some([192, 0, 2, 1].into()),
            method: Method::GET,
            path: "/ver\"sion".into(),
            target: Some(Target::parse(url, &Policy::default()).unwrap()),
            status: 200,
            cache: Some(Status::hit(7)),
            bytes: 12,
            took: Duration::from_nanos(34_567),
        };
        let mut text = Vec::new();
        line.append_json(&mut text);
        line.append_text(&mut text);
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        {"timestamp":"2026-06-01T12:00:00.123Z","level":"INFO","target":"svm::access","message":"request","client":"192.0.2.1","method":"GET","path":"/ver\"sion","upstream_host":"api.github.com","upstream_path":"/repos/o/r","status":200,"cache":"HIT","forward":null,"detail":null,"bytes":12,"micros":34}
        2026-06-01T12:00:00.123Z  INFO svm::access: 192.0.2.1 GET /ver"sion api.github.com/repos/o/r status=200 cache=HIT detail=- bytes=12 micros=34
        "#);
    }
}
