//! A line of the access log, and its two formats.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::clock::Timestamp;
use crate::target::Target;

use super::ACCESS;
use super::time_text::TimeText;

/// A request in the access log: no query, no body, no header.
#[derive(Debug)]
pub struct AccessLine {
    /// The time of the request's arrival.
    pub at: Timestamp,
    /// The client.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: Method,
    /// The requested path of svm.
    pub path: Cow<'static, str>,
    /// The requested document.
    pub target: Option<Arc<Target>>,
    /// The status of the answer.
    pub status: u16,
    /// The outcome of the cache, if the request reached it.
    pub cache: Option<&'static str>,
    /// The reason for the call to the upstream.
    pub forward: Option<&'static str>,
    /// A further detail of the answer.
    pub detail: Option<&'static str>,
    /// The size of the answer's body.
    pub bytes: u64,
    /// The duration of the request.
    pub took: Duration,
}

impl AccessLine {
    /// Appends the line as JSON, without a serializer: there is a line for each answer, and to scan
    /// constant words for characters to escape takes longer than to write them.
    pub(super) fn append_json(&self, text: &mut Vec<u8>, times: &mut TimeText) {
        let target = self.target.as_deref();
        text.extend_from_slice(br#"{"timestamp":""#);
        times.append(self.at, text);
        let mut line = Fields(text);
        line.raw(r#"","level":"INFO","target":""#).raw(ACCESS);
        line.raw(r#"","message":"request","client":"#);
        match self.client {
            Some(IpAddr::V4(client)) => line.raw("\"").ipv4(client).raw("\""),
            Some(IpAddr::V6(client)) => line.raw("\"").shown(client).raw("\""),
            None => line.word(None),
        };
        line.raw(r#","method":"#).word(Some(self.method.as_str()));
        line.raw(r#","path":"#);
        match &self.path {
            Cow::Borrowed(ours) => line.word(Some(ours)),
            Cow::Owned(any) => line.shown(serde_json::Value::from(any.as_str())),
        };
        line.raw(r#","upstream_host":"#).word(target.map(Target::authority));
        line.raw(r#","upstream_path":"#).word(target.map(Target::path));
        line.raw(r#","status":"#).number(self.status.into());
        line.raw(r#","cache":"#).word(self.cache);
        line.raw(r#","forward":"#).word(self.forward);
        line.raw(r#","detail":"#).word(self.detail);
        line.raw(r#","bytes":"#).number(self.bytes);
        line.raw(r#","micros":"#).number(self.took.as_micros().try_into().unwrap_or(u64::MAX));
        line.raw("}\n");
    }

    pub(super) fn append_text(&self, text: &mut Vec<u8>, times: &mut TimeText) {
        let dash = "-";
        let client = self.client.map_or_else(|| dash.to_owned(), |client| client.to_string());
        let (host, path) = self.target.as_ref().map_or((dash, ""), |t| (t.authority(), t.path()));
        let cache = self.cache.unwrap_or(dash);
        let detail = self.detail.unwrap_or(dash);
        // An unknown path may hold line breaks or terminal escapes.
        let asked = self.path.escape_debug();
        times.append(self.at, text);
        let _ = writeln!(
            text,
            "  INFO {ACCESS}: {client} {} {asked} {host}{path} status={} cache={cache} detail={detail} bytes={} micros={}",
            self.method,
            self.status,
            self.bytes,
            self.took.as_micros(),
        );
    }
}

/// The JSON in progress.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    /// Appends an address. The standard formatter takes several times as long.
    fn ipv4(&mut self, address: Ipv4Addr) -> &mut Self {
        let [a, b, c, d] = address.octets().map(u64::from);
        self.number(a).raw(".").number(b).raw(".").number(c).raw(".").number(d)
    }

    fn shown(&mut self, value: impl fmt::Display) -> &mut Self {
        let _ = write!(self.0, "{value}");
        self
    }

    /// Appends text that needs no escape: a constant word, or a part of a target, which has neither
    /// quotes nor backslashes.
    fn word(&mut self, word: Option<&str>) -> &mut Self {
        match word {
            Some(word) => self.raw("\"").raw(word).raw("\""),
            None => self.raw("null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Policy;

    fn line(path: &str) -> AccessLine {
        let url = "https://api.github.com/repos/o/r?secret=1";
        AccessLine {
            at: Timestamp::from_millis(1_780_315_200_123),
            client: Some([192, 0, 2, 1].into()),
            method: Method::GET,
            path: Cow::Owned(path.to_owned()),
            target: Some(Arc::new(Target::parse(url, &Policy::default()).unwrap())),
            status: 200,
            cache: Some("HIT"),
            forward: None,
            detail: None,
            bytes: 12,
            took: Duration::from_nanos(34_567),
        }
    }

    #[test]
    fn both_spellings() {
        let (line, mut text, mut times) = (line("/ver\"sion"), Vec::new(), TimeText::default());
        line.append_json(&mut text, &mut times);
        serde_json::from_slice::<serde_json::Value>(&text).unwrap();
        line.append_text(&mut text, &mut times);
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        {"timestamp":"2026-06-01T12:00:00.123Z","level":"INFO","target":"svm::access","message":"request","client":"192.0.2.1","method":"GET","path":"/ver\"sion","upstream_host":"api.github.com","upstream_path":"/repos/o/r","status":200,"cache":"HIT","forward":null,"detail":null,"bytes":12,"micros":34}
        2026-06-01T12:00:00.123Z  INFO svm::access: 192.0.2.1 GET /ver\"sion api.github.com/repos/o/r status=200 cache=HIT detail=- bytes=12 micros=34
        "#);
    }

    #[test]
    fn a_path_neither_ends_a_line_nor_commands_a_terminal() {
        let path = "/\u{85}\u{9b}2J\u{2028}\u{202e}";
        let (mut json, mut text, mut times) = (Vec::new(), Vec::new(), TimeText::default());
        line(path).append_json(&mut json, &mut times);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["path"], path);
        line(path).append_text(&mut text, &mut times);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(r" /\u{85}\u{9b}2J\u{2028}\u{202e} "), "{text}");
    }
}
