//! The documents: of any size, each told from all others by its number, which is in its URL and in
//! its body.

use crate::harness::app::encode;
use crate::support::notes::notes;

/// The text before length and number, at the upstream as in a client's query.
const MARK: &str = "bytes-";

/// A document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// The length of its body.
    pub(crate) bytes: usize,
    /// Its number among those of its length.
    pub(crate) number: usize,
}

impl Document {
    /// The one that this path is about, be it GitHub's or svm's.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let (_, rest) = path.split_once(MARK)?;
        let (bytes, rest) = rest.split_once('-')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some(Self { bytes: bytes.parse().ok()?, number: rest[..end].parse().ok()? })
    }

    /// Returns its URL at GitHub.
    pub(crate) fn url(self) -> String {
        let Self { bytes, number } = self;
        format!("https://api.github.com/repos/octo/{MARK}{bytes}-{number:07}/releases/latest")
    }

    /// Returns its path at svm, and, so that requests are equal, at all others too.
    pub(crate) fn path(self) -> String {
        format!("/version?url={}", encode(&self.url()))
    }

    /// Its validator, as long as one of GitHub's.
    pub(crate) fn etag(self) -> String {
        format!(r#""{:032x}{:032x}""#, self.bytes, self.number)
    }

    /// Its body.
    pub(crate) fn body(self) -> String {
        let start = format!(r#"{{"url":"{}","tag_name":"v1.0.0","body":""#, self.url());
        let end = r#""}"#;
        let notes = notes(self.bytes - start.len() - end.len());
        format!("{start}{notes}{end}")
    }
}
