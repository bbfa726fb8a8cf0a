//! The documents of the simulated GitHub: families of any size, each document with its own URL in
//! its body, so that a reader knows whether it got the right one.

use std::fmt;
use std::str::FromStr;

use crate::harness::app::encode;
use crate::notes::notes;

/// Documents that differ by their number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family<'a> {
    /// The part of their names that they share.
    pub(crate) name: &'a str,
    /// The number of documents.
    pub(crate) count: usize,
    /// About how long each is.
    pub(crate) bytes: usize,
}

/// One of them.
pub(crate) struct Document {
    path: String,
    bytes: usize,
}

impl<'a> Family<'a> {
    /// The document of that number.
    pub(crate) fn document(&self, number: usize) -> Document {
        let path = format!("/repos/chaos/{}-{number}/releases/latest", self.name);
        Document { path, bytes: self.bytes }
    }

    /// All of them.
    pub(crate) fn documents(&self) -> impl Iterator<Item = Document> + use<'_, 'a> {
        (0..self.count).map(|number| self.document(number))
    }

    /// As it is written by `Display`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(':');
        let name = parts.next()?;
        let mut number = || usize::from_str(parts.next()?).ok();
        Some(Self { name, count: number()?, bytes: number()? })
    }
}

impl fmt::Display for Family<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.count, self.bytes)
    }
}

impl Document {
    /// Its path at GitHub.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path of the document at the service.
    pub(crate) fn ours(&self) -> String {
        format!("/version?url={}", encode(&self.url()))
    }

    /// Its bytes.
    pub(crate) fn body(&self) -> Vec<u8> {
        let notes = notes(self.bytes);
        format!(r#"{{"url":"{}","tag_name":"v1.0.0","body":"{notes}"}}"#, self.url()).into_bytes()
    }

    fn url(&self) -> String {
        format!("https://api.github.com{}", self.path)
    }
}
