//! An answer of the service, read to its end, with assertions.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::super::canary;

/// Headers that change from run to run, or that say nothing about the service.
const UNREMARKABLE: [&str; 3] = ["date", "content-length", "x-request-id"];

/// An answer.
#[derive(Clone, Debug)]
#[must_use]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Sends a request and reads the answer.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.expect("a whole body");
        for (name, value) in &headers {
            canary::assert_absent(name.as_str(), value.as_bytes());
        }
        canary::assert_absent("the body of an answer", &body);
        Self { status, headers, body }
    }

    /// Returns the value of a header; empty if the header is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("text")
    }

    /// Returns the decompressed body of a gzip answer.
    #[track_caller]
    pub fn gunzipped(&self) -> Vec<u8> {
        assert_eq!(self.header("content-encoding"), "gzip", "{}", self.summary());
        let mut bytes = Vec::new();
        GzDecoder::new(&*self.body).read_to_end(&mut bytes).expect("a gzip stream");
        bytes
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Returns the seconds of `Retry-After`.
    #[track_caller]
    pub fn retry_after(&self) -> u64 {
        self.header("retry-after").parse().expect("Retry-After in seconds")
    }

    /// Returns the status and the origin of the answer in one line, which most tests assert.
    pub fn summary(&self) -> String {
        let Self { status, .. } = self;
        let [cache, upstream, told] =
            ["x-cache", "x-upstream-status", "cache-status"].map(|name| self.header(name));
        format!("{} {cache} upstream={upstream} {told}", status.as_u16())
    }

    /// Returns the status and the headers in the order of their names, one per line, without the
    /// unremarkable ones.
    pub fn head(&self) -> String {
        let mut lines: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !UNREMARKABLE.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("a text header")))
            .collect();
        lines.sort();
        format!("{}\n{}", self.status.as_u16(), lines.join("\n"))
    }

    /// Asserts that the answer is a document with these bytes.
    #[track_caller]
    pub fn assert_document(&self, body: impl AsRef<[u8]>) -> &Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.summary());
        assert_eq!(self.text(), String::from_utf8_lossy(body.as_ref()), "{}", self.summary());
        self
    }

    /// Asserts the status and the origin.
    #[track_caller]
    pub fn assert_summary(&self, want: &str) -> &Self {
        assert_eq!(self.summary(), want);
        self
    }

    /// Asserts that the answer is an error of svm with this status, `error` and `detail`.
    #[track_caller]
    pub fn assert_error(&self, status: u16, error: &str, detail: &str) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.summary());
        let want = serde_json::json!({ "error": error, "detail": detail });
        assert_eq!(self.json(), want, "{}", self.summary());
        self
    }
}
