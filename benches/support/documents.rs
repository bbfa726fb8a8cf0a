//! The documents of the simulated GitHub, and the requests for them.

use svm::target::{Policy, Target};

use super::harness::app::encode;
use super::notes::notes;

/// A document at GitHub.
pub(crate) struct Document {
    /// Its path at the API.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) body: Vec<u8>,
}

impl Document {
    /// Returns its URL at GitHub.
    pub(crate) fn url(&self) -> String {
        format!("https://api.github.com{}", self.path)
    }

    /// The same, read.
    pub(crate) fn target(&self) -> Target {
        Target::parse(&self.url(), &Policy::default()).expect("an allowed target")
    }

    /// Returns its path at the service.
    pub(crate) fn ours(&self) -> String {
        format!("/version?url={}", encode(&self.url()))
    }

    /// A request as clients send it, with `more` header lines.
    pub(crate) fn request(&self, more: &str) -> Vec<u8> {
        let ours = self.ours();
        format!(
            "GET {ours} HTTP/1.1\r\nHost: svm.example\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n{more}\r\n"
        )
        .into_bytes()
    }
}

/// A document of `size` bytes.
pub(crate) fn of_size(size: usize) -> Document {
    let (start, end) = (r#"{"tag_name":"v1.0.0","body":""#, r#""}"#);
    let notes = notes(size - start.len() - end.len());
    Document {
        path: format!("/repos/octo/bytes-{size}/releases/latest"),
        body: format!("{start}{notes}{end}").into_bytes(),
    }
}
