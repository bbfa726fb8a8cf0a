//! The part of a document that a client asks for: the newest release in a list that was published
//! long enough ago (`min_age`), and the value at a pointer (`pointer`).
//!
//! A selection reads only the stored bytes and causes no call to the upstream.

mod age;
mod memo;
pub(crate) mod pointer;

use std::time::Duration;

use crate::clock::Timestamp;

pub(super) use memo::{Selected, Selections};
pub use pointer::JsonPointer;

/// The parameters that choose a part of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// The minimum age of the release.
    pub min_age: Option<Duration>,
    /// The pointer to the value.
    pub pointer: Option<JsonPointer>,
}

/// A part of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part<'a> {
    json: &'a str,
    /// The time at which another part replaces this one, if known.
    until: Option<Timestamp>,
}

/// The reason why a document does not have the part, as a sentence for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Absence {
    pub(super) reason: String,
    /// The time at which the document may have the part, if known.
    until: Option<Timestamp>,
}

impl Selection {
    /// Returns true if the client wants the whole document.
    pub fn is_all(&self) -> bool {
        self.min_age.is_none() && self.pointer.is_none()
    }

    /// Finds the part, as of `now`.
    fn find<'a>(&self, document: &'a str, now: Timestamp) -> Result<Part<'a>, Absence> {
        let Part { json, until } = match self.min_age {
            Some(age) => age::newest(document, age, now)?,
            None => Part { json: document, until: None },
        };
        let Some(pointer) = &self.pointer else { return Ok(Part { json, until }) };
        match pointer.find(json) {
            Some(json) => Ok(Part { json, until }),
            None => {
                Err(Absence { reason: format!("the document has nothing at {pointer}"), until })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[{"tag_name":"v2","published_at":"2026-01-09T00:00:00Z"},
        {"tag_name":"v1","published_at":"2026-01-01T00:00:00Z","assets":[{"name":"a.tar.gz"}]}]"#;

    /// The start of 10 January 2026.
    const NOW: Timestamp = Timestamp::from_secs(1_768_003_200);

    fn select(days: Option<u64>, pointer: Option<&str>) -> Result<&'static str, String> {
        let min_age = days.map(|days| Duration::from_secs(days * 24 * 60 * 60));
        let pointer = pointer.map(|pointer| JsonPointer::parse(pointer).unwrap());
        let found = Selection { min_age, pointer }.find(LIST, NOW);
        found.map(|part| part.json).map_err(|absence| absence.reason)
    }

    #[test]
    fn a_pointer_leads_into_the_chosen_release() {
        assert_eq!(select(None, Some("/0/tag_name")), Ok("\"v2\""));
        assert_eq!(select(Some(7), Some("/tag_name")), Ok("\"v1\""));
        assert_eq!(select(Some(7), Some("/assets/0/name")), Ok("\"a.tar.gz\""));
        assert_eq!(select(Some(1), Some("/tag_name")), Ok("\"v2\""));
        assert_eq!(select(None, None), Ok(LIST));
    }

    #[test]
    fn an_absence_has_a_sentence() {
        let nothing = "the document has nothing at /assets/1";
        assert_eq!(select(Some(7), Some("/assets/1")), Err(nothing.to_owned()));
        let young = "none of the 2 releases in the list is at least 30days old (drafts and prereleases do not count)";
        assert_eq!(select(Some(30), None), Err(young.to_owned()));
        let list = Selection { min_age: Some(Duration::ZERO), pointer: None }.find("{}", NOW);
        assert_eq!(list.unwrap_err().reason, "the document is not a list of releases");
    }
}
