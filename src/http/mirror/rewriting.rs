//! The rewritten bodies of the mirror: if svm has a public address, the API's URLs in bodies lead
//! to svm.
//!
//! A client that followed the original URLs of a document would call GitHub with its own token, or
//! without one. svm makes each form once, normally on a blocking thread, together with its gzip
//! form. Each form has entity tags of its own. The forms use a part of L1's memory; svm makes an
//! evicted form again.

use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;
use memchr::memmem;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Lru;
use tokio::sync::Semaphore;

use crate::entry::{Body, EntityTag};
use crate::tasks;

/// The most forms that are made at the same time.
const MAKERS: usize = 2;

/// The memory that a form takes in addition to its body, in bytes.
const BOOKKEEPING: usize = 512;

/// The beginnings of the paths that svm serves. URLs with other paths stay as they are.
const SERVED: [&[u8]; 2] = [b"repos/", b"repositories/"];

/// The rewritten forms of bodies.
pub(super) struct Rewriting {
    replacement: Arc<Replacement>,
    /// The form for each entity tag of the upstream's bytes; `None` if the form equals these bytes.
    forms: Lru<EntityTag, Option<Body>, RandomState>,
    makers: Arc<Semaphore>,
}

/// A beginning of URLs, and its replacement. Both end with a slash.
#[derive(Debug)]
pub(crate) struct Replacement {
    /// Begins with a quote, like a JSON string.
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Replacement {
    /// Creates the replacement of the upstream's API root by the root of svm.
    pub(crate) fn new(upstream: &str, own: &str) -> Self {
        let quoted = |root: &str| format!("\"{root}/").into_bytes();
        Self { from: quoted(upstream), to: quoted(own) }
    }

    /// Replaces the root of each URL that begins a JSON string and has a served path. Returns
    /// `None` if there is no such URL.
    pub(crate) fn apply(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut rewritten = Vec::new();
        let mut copied = 0;
        for start in memmem::find_iter(body, &self.from) {
            let end = start + self.from.len();
            // A quote after a backslash belongs to the text of a JSON string.
            let is_escaped = start > 0 && body[start - 1] == b'\\';
            if is_escaped || !SERVED.iter().any(|path| body[end..].starts_with(path)) {
                continue;
            }
            rewritten.extend_from_slice(&body[copied..start]);
            rewritten.extend_from_slice(&self.to);
            copied = end;
        }
        if copied == 0 {
            return None;
        }
        rewritten.extend_from_slice(&body[copied..]);
        Some(rewritten)
    }

    fn form(&self, body: &Body) -> Option<Body> {
        let form = Body::from(Bytes::from(self.apply(body)?));
        form.make_gzip();
        Some(form)
    }
}

impl Rewriting {
    /// Creates an empty cache of forms of at most `capacity` bytes.
    pub(super) fn new(replacement: Replacement, capacity: u64) -> Self {
        let weight = |form: &Option<Body>| form.as_ref().map_or(0, Body::weight) + BOOKKEEPING;
        let forms = Lru::builder()
            .max_capacity(capacity)
            .weigher(move |_, form| u32::try_from(weight(form)).unwrap_or(u32::MAX))
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(RandomState::default());
        let makers = Arc::new(Semaphore::new(MAKERS));
        Self { replacement: Arc::new(replacement), forms, makers }
    }

    /// Returns the form of a body, if it is cached.
    pub(super) fn find(&self, body: &Body) -> Option<Body> {
        Some(self.forms.get(&body.tag())?.unwrap_or_else(|| body.clone()))
    }

    /// Returns the form of a body. Makes it on the current thread if it is not cached.
    pub(super) fn find_or_make(&self, body: &Body) -> Body {
        let form = self.forms.get_with(body.tag(), || self.replacement.form(body));
        form.unwrap_or_else(|| body.clone())
    }

    /// Makes the form of a body on a blocking thread, so that no other request waits.
    pub(super) async fn make(&self, body: Body) {
        let (forms, replacement) = (self.forms.clone(), Arc::clone(&self.replacement));
        let make = move || {
            forms.get_with(body.tag(), || replacement.form(&body));
        };
        // If the blocking thread fails, `find_or_make` makes the form when the answer is rendered.
        let _ = tasks::blocking_within(&self.makers, make).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = "https://api.github.com";
    const SVM: &str = "https://svm.example/api/v3";

    fn rewritten(body: &str) -> Option<String> {
        let rewritten = Replacement::new(GITHUB, SVM).apply(body.as_bytes());
        rewritten.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn urls_that_svm_serves_lead_to_svm() {
        let body = r#"{"url":"https://api.github.com/repos/o/r","a":["https://api.github.com/repositories/1"]}"#;
        let want = r#"{"url":"https://svm.example/api/v3/repos/o/r","a":["https://svm.example/api/v3/repositories/1"]}"#;
        assert_eq!(rewritten(body).as_deref(), Some(want));
    }

    #[test]
    fn other_text_stays() {
        for body in [
            r#"{"html_url":"https://github.com/o/r"}"#,
            r#"{"url":"https://api.github.com/users/o"}"#,
            r#"{"upload_url":"https://uploads.github.com/repos/o/r/releases/1/assets{?name}"}"#,
            r#"{"body":"see https://api.github.com/repos/o/r"}"#,
            r#"{"body":"he said \"https://api.github.com/repos/o/r\""}"#,
            r#"{"url":"http://api.github.com/repos/o/r"}"#,
            r#"{"url":"https://api.github.com.evil.example/repos/o/r"}"#,
            r#"{"url":"https://api.github.com/reposx/o"}"#,
            "",
            "\"https://api.github.com/",
        ] {
            assert_eq!(rewritten(body), None, "{body}");
        }
    }

    #[test]
    fn a_form_is_made_once_and_has_its_own_tag() {
        let rewriting = Rewriting::new(Replacement::new(GITHUB, SVM), 1 << 20);
        let body = format!(r#"["https://api.github.com/repos/o/r","{}"]"#, "x".repeat(2_000));
        let body = Body::from(Bytes::from(body));
        assert_eq!(rewriting.find(&body), None);
        let form = rewriting.find_or_make(&body);
        assert_ne!(form.tag(), body.tag());
        assert!(form.gzip().is_some());
        let found = rewriting.find(&body).unwrap();
        assert_eq!(found.bytes().as_ptr(), form.bytes().as_ptr());
        let plain = Body::from(Bytes::from_static(b"{}"));
        assert_eq!(rewriting.find_or_make(&plain), plain);
        assert_eq!(rewriting.find(&plain), Some(plain));
    }

    #[test]
    fn forms_stay_within_their_bound() {
        let rewriting = Rewriting::new(Replacement::new(GITHUB, SVM), 100_000);
        for number in 0..100 {
            let body =
                format!(r#"["https://api.github.com/repos/o/{number}","{}"]"#, "x".repeat(900));
            rewriting.find_or_make(&Body::from(Bytes::from(body.repeat(10))));
        }
        rewriting.forms.run_pending_tasks();
        assert!(rewriting.forms.weighted_size() <= 100_000);
        assert!(rewriting.forms.entry_count() > 2);
    }
}
