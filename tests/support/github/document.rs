//! One JSON document of GitHub: compact, with the headers that describe it.
//!
//! Compression and tags are computed once per document and variant: tests serve the same body many
//! times, and an unoptimised build compresses slowly.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::etag;
use super::received::Received;

/// A document and its headers.
#[derive(Debug, Default)]
pub struct Document {
    /// The body without white space between tokens.
    pub compact: Vec<u8>,
    /// The time of the last change; lists of releases have none.
    pub last_modified_secs: Option<u64>,
    /// The links to the pages around this one.
    pub link: Option<String>,
    /// The notices about the end of its endpoint: `Deprecation` and `Sunset`.
    pub notices: Option<[String; 2]>,
    gzipped: OnceLock<Vec<u8>>,
    etags: Mutex<HashMap<String, String>>,
}

impl Document {
    /// Creates a document with this compact body.
    pub fn new(compact: Vec<u8>, last_modified_secs: Option<u64>) -> Self {
        Self { compact, last_modified_secs, ..Self::default() }
    }

    /// Returns the opaque part of the tag that `request` gets.
    pub fn etag(&self, request: &Received) -> String {
        let mut etags = self.etags.lock().unwrap_or_else(PoisonError::into_inner);
        let known = etags.entry(etag::variant(request));
        known.or_insert_with(|| etag::of(request, &self.compact)).clone()
    }

    /// Returns the compact body, compressed.
    pub fn gzipped(&self) -> &[u8] {
        self.gzipped.get_or_init(|| gzip(&self.compact))
    }

    /// Returns true if `request` gets a `304` for its condition.
    ///
    /// `If-None-Match` takes precedence over `If-Modified-Since`, which counts only for a document
    /// with a date.
    pub fn is_unmodified_for(&self, request: &Received) -> bool {
        if let Some(if_none_match) = request.header("if-none-match") {
            return etag::matches(if_none_match, &self.etag(request));
        }
        let since = request.header("if-modified-since").and_then(super::date::from_http);
        match (self.last_modified_secs, since) {
            (Some(modified), Some(since)) => modified <= since,
            _ => false,
        }
    }
}

/// Compresses `bytes`.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Returns the form that GitHub sends to curl and to browsers: two blanks per level, and a line
/// break at the end.
pub fn pretty(compact: &[u8]) -> Vec<u8> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(compact) else {
        return compact.to_vec();
    };
    format!("{value:#}\n").into_bytes()
}
