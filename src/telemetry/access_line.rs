//! A line of the access log, and its two formats.

mod fields;
mod rare;

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::clock::Timestamp;
use crate::config::redacted::without_tokens;
use crate::target::{Target, label, shown_query};

use super::ACCESS;
use super::request_id::RequestId;
use super::time_text::TimeText;

use fields::Fields;
pub use rare::RareFields;

/// A request in the access log: no query of svm's own, no body, no header.
#[derive(Debug)]
pub struct AccessLine {
    /// The time of the request's arrival.
    pub at: Timestamp,
    /// The id of the request.
    pub request_id: RequestId,
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
    /// The age of the document, in seconds.
    pub age: Option<u64>,
    /// The seconds for which it stays fresh.
    pub ttl: Option<i64>,
    /// The size of the answer's body.
    pub bytes: u64,
    /// The duration of the request.
    pub took: Duration,
    /// The fields that most lines do not have.
    pub rare: Option<Box<RareFields>>,
}

impl AccessLine {
    /// Appends the line as JSON. It uses no serializer: each answer has a line, and a search for
    /// characters to escape takes longer than writing the constant words.
    pub(super) fn append_json(&self, text: &mut Vec<u8>, times: &mut TimeText) {
        let target = self.target.as_deref();
        text.extend_from_slice(br#"{"timestamp":""#);
        times.append(self.at, text);
        let mut line = Fields(text);
        line.raw(r#"","level":"INFO","target":""#).raw(ACCESS);
        line.raw(r#"","message":"request","request_id":""#).id(&self.request_id);
        line.raw(r#"","client":"#);
        match self.client {
            Some(IpAddr::V4(client)) => line.raw("\"").ipv4(client).raw("\""),
            Some(IpAddr::V6(client)) => line.raw("\"").shown(client).raw("\""),
            None => line.word(None),
        };
        line.raw(r#","method":"#).word(Some(&without_tokens(self.method.as_str())));
        line.raw(r#","path":"#);
        match &self.path {
            Cow::Borrowed(ours) => line.word(Some(ours)),
            Cow::Owned(any) => line.text(&without_tokens(any)),
        };
        line.raw(r#","upstream_host":"#).word(target.map(Target::authority));
        let path = target.map(|target| without_tokens(target.path()));
        line.raw(r#","upstream_path":"#).word(path.as_deref());
        if let Some(query) = target.and_then(Target::query) {
            line.raw(r#","upstream_query":"#).text(&without_tokens(&shown_query(query)));
        }
        line.raw(r#","key":"#);
        match target {
            Some(target) => line.raw("\"").key(target.key()).raw("\""),
            None => line.word(None),
        };
        line.raw(r#","status":"#).number(self.status);
        line.raw(r#","cache":"#).word(self.cache);
        line.raw(r#","forward":"#).word(self.forward);
        line.raw(r#","detail":"#).word(self.detail);
        line.raw(r#","age":"#).optional(self.age);
        line.raw(r#","ttl":"#).optional(self.ttl);
        line.raw(r#","bytes":"#).number(self.bytes);
        line.raw(r#","micros":"#).micros(self.took);
        if let Some(rare) = &self.rare {
            rare.append_json(&mut line);
        }
        line.raw("}\n");
    }

    pub(super) fn append_text(&self, text: &mut Vec<u8>, times: &mut TimeText) {
        let dash = "-";
        let client = self.client.map_or_else(|| dash.to_owned(), |client| client.to_string());
        let document = self.target.as_ref().map(|target| label(target.as_str()));
        let document = without_tokens(document.as_deref().unwrap_or(dash));
        let method = without_tokens(self.method.as_str());
        let cache = self.cache.unwrap_or(dash);
        let detail = self.detail.unwrap_or(dash);
        let id = &self.request_id;
        // An unknown path may hold line breaks or terminal escapes.
        let asked = without_tokens(&self.path);
        let asked = asked.escape_debug();
        times.append(self.at, text);
        let _ = writeln!(
            text,
            "  INFO {ACCESS}: {client} {method} {asked} {document} status={} cache={cache} detail={detail} bytes={} micros={} request_id={id}{}{}",
            self.status,
            self.bytes,
            self.took.as_micros(),
            self.entry(),
            self.rare.as_deref().map(RareFields::as_text).unwrap_or_default(),
        );
    }

    /// Returns the fields of the entry in the form of a text line.
    fn entry(&self) -> String {
        let digits = |target: &Arc<Target>| target.key().short_digits().map(char::from).collect();
        let key = self.target.as_ref().map(digits).map(|key: String| format!(" key={key}"));
        let age = self.age.map(|age| format!(" age={age}"));
        let ttl = self.ttl.map(|ttl| format!(" ttl={ttl}"));
        [key, age, ttl].into_iter().flatten().collect()
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
            request_id: RequestId::Own(0xabc),
            client: Some([192, 0, 2, 1].into()),
            method: Method::GET,
            path: Cow::Owned(path.to_owned()),
            target: Some(Arc::new(Target::parse(url, &Policy::default()).unwrap())),
            status: 200,
            cache: Some("HIT"),
            forward: None,
            detail: None,
            age: Some(7),
            ttl: Some(-3),
            bytes: 12,
            took: Duration::from_nanos(34_567),
            rare: None,
        }
    }

    #[test]
    fn both_spellings() {
        let (line, mut text, mut times) = (line("/ver\"sion"), Vec::new(), TimeText::default());
        line.append_json(&mut text, &mut times);
        serde_json::from_slice::<serde_json::Value>(&text).unwrap();
        line.append_text(&mut text, &mut times);
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        {"timestamp":"2026-06-01T12:00:00.123Z","level":"INFO","target":"svm::access","message":"request","request_id":"0000000000000abc","client":"192.0.2.1","method":"GET","path":"/ver\"sion","upstream_host":"api.github.com","upstream_path":"/repos/o/r","upstream_query":"secret=…","key":"4ba46404db02","status":200,"cache":"HIT","forward":null,"detail":null,"age":7,"ttl":-3,"bytes":12,"micros":34}
        2026-06-01T12:00:00.123Z  INFO svm::access: 192.0.2.1 GET /ver\"sion api.github.com/repos/o/r?secret=… status=200 cache=HIT detail=- bytes=12 micros=34 request_id=0000000000000abc key=4ba46404db02 age=7 ttl=-3
        "#);
    }

    #[test]
    fn tokens_in_any_field_are_cut_short() {
        let token = format!("ghp_{}", "a1".repeat(18));
        let url = format!("https://api.github.com/repos/o/{token}");
        let target = Some(Arc::new(Target::parse(&url, &Policy::default()).unwrap()));
        let method = Method::from_bytes(&token.as_bytes()[..32]).unwrap();
        let line = AccessLine { method, target, ..line(&format!("/{token}/\"x")) };
        let (mut json, mut text, mut times) = (Vec::new(), Vec::new(), TimeText::default());
        line.append_json(&mut json, &mut times);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!((&json["method"], &json["path"]), (&"ghp_...".into(), &"/ghp_.../\"x".into()));
        assert_eq!(json["upstream_path"], "/repos/o/ghp_...");
        line.append_text(&mut text, &mut times);
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains("a1a1"), "{text}");
    }

    #[test]
    fn rare_fields_stand_where_there_are_some() {
        let rare = RareFields {
            waited: Some(Duration::from_micros(9)),
            upstream: Some(Duration::from_micros(8)),
            rule: Some("a \"rule\"".to_owned()),
            url: Some("https://h/\n".to_owned()),
            ..RareFields::default()
        };
        let line = AccessLine { rare: Some(Box::new(rare)), ..line("/version") };
        let (mut json, mut text, mut times) = (Vec::new(), Vec::new(), TimeText::default());
        line.append_json(&mut json, &mut times);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["rule"], "a \"rule\"");
        assert_eq!((&json["waited_micros"], &json["upstream_micros"]), (&9.into(), &8.into()));
        assert_eq!(json.get("store_micros"), None);
        line.append_text(&mut text, &mut times);
        let text = String::from_utf8(text).unwrap();
        let end = r#" key=4ba46404db02 age=7 ttl=-3 waited_micros=9 upstream_micros=8 rule="a \"rule\"" url="https://h/\n""#;
        assert_eq!(
            text.trim_end().split_once(" request_id=").unwrap().1,
            format!("0000000000000abc{end}")
        );
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
