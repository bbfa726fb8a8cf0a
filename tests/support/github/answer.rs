//! An answer before it is sent: status, headers, body.
//!
//! Header names are those of GitHub, in lower case, as HTTP/2 and this simulation send them.

use http::{HeaderName, HeaderValue};
use serde_json::Value;
use wiremock::ResponseTemplate;

use super::date;
use super::document::{gzip, pretty};
use super::received::Received;

const JSON: &str = "application/json; charset=utf-8";

/// A status, headers and a body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Answer {
    /// Creates an answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Creates an answer with exactly this body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let answer = Self { status, headers: Vec::new(), body: body.into() };
        answer.header("content-type", content_type)
    }

    /// Creates a JSON answer, formatted and compressed as `request` requires.
    pub fn json(status: u16, body: &Value, request: &Received) -> Self {
        let compact = body.to_string().into_bytes();
        let body = if request.wants_pretty() { pretty(&compact) } else { compact };
        Self::compressed(status, JSON, &body, request)
    }

    /// Creates an answer whose body is compressed if `request` accepts that.
    pub fn compressed(status: u16, content_type: &str, body: &[u8], request: &Received) -> Self {
        if request.accepts_gzip() {
            return Self::gzipped(status, content_type, gzip(body));
        }
        Self::new(status, content_type, body)
    }

    /// Creates an answer whose body is already compressed.
    pub fn gzipped(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, content_type, body).header("content-encoding", "gzip")
    }

    /// Adds a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.push((name, value));
        self
    }

    /// Adds a header, if there is a value.
    pub fn header_if(self, name: &str, value: Option<impl AsRef<[u8]>>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Replaces the seconds in `Retry-After` by a date.
    pub fn with_waits_as_dates(mut self, now_secs: u64) -> Self {
        for (_, value) in self.headers.iter_mut().filter(|(name, _)| name == "retry-after") {
            let seconds: Option<u64> = value.to_str().ok().and_then(|text| text.parse().ok());
            let date = seconds.map(|seconds| date::http(now_secs + seconds));
            if let Some(date) = date.and_then(|date| date.parse().ok()) {
                *value = date;
            }
        }
        self
    }

    /// Adds headers.
    pub fn headers(self, headers: &[(&str, &str)]) -> Self {
        headers.iter().fold(self, |answer, (name, value)| answer.header(name, value))
    }
}

impl From<Answer> for ResponseTemplate {
    fn from(answer: Answer) -> Self {
        Self::new(answer.status).append_headers(answer.headers).set_body_bytes(answer.body)
    }
}
