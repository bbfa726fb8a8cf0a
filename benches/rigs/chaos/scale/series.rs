//! Documents that differ by a number in their names.

use std::fmt::Write;

use crate::harness::app::encode;
use crate::upstream::{SIZED, document};

/// A host without tokens, and the one with.
const FILES: &str = "https://raw.githubusercontent.com";
const API: &str = "https://api.github.com";

/// A series of documents, by the common part of their URLs.
#[derive(Clone, Debug)]
pub(super) struct Series {
    folder: String,
    /// The beginning of a request for one of them.
    request: String,
    host: &'static str,
    /// Further parameters of a request.
    parameters: &'static str,
}

impl Series {
    /// Documents of so many bytes each.
    pub(super) fn of_bytes(bytes: usize) -> Self {
        Self::new(FILES, format!("{SIZED}{bytes}/"))
    }

    /// Those of a folder that is behind the tokens.
    pub(super) fn behind_tokens(folder: &str) -> Self {
        Self::new(API, folder.to_owned())
    }

    /// The same documents, which the upstream has to confirm.
    pub(super) fn refreshed(&self) -> Self {
        Self { parameters: "&refresh=true", ..self.clone() }
    }

    fn new(host: &'static str, folder: String) -> Self {
        let request = format!("GET /version?url={}", encode(&format!("{host}{folder}")));
        Self { folder, request, host, parameters: "" }
    }

    /// Writes the request for the document of that number.
    pub(super) fn ask_for(&self, number: usize, request: &mut String) {
        request.clear();
        let Self { request: start, parameters, .. } = self;
        write!(request, "{start}{number:07}{parameters} HTTP/1.1\r\nHost: svm\r\n\r\n")
            .expect("a text can be written");
    }

    /// Returns true if these are the bytes of the document of that number.
    pub(super) fn has(&self, number: usize, body: &[u8]) -> bool {
        document(&format!("{}{number:07}", self.folder)).as_bytes() == body
    }

    /// Returns the length of the URL of each, in bytes.
    pub(super) fn url_bytes(&self) -> usize {
        self.host.len() + self.folder.len() + 7
    }
}
