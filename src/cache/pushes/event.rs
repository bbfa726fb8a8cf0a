//! The body of an event: the repository that it names, and the release that it concerns.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// An event of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The repository.
    pub repository: Repository,
    /// The release, if the event concerns one.
    pub release: Option<ReleaseEvent>,
}

/// The repository of an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Its number.
    pub id: u64,
    /// `owner/name`.
    pub full_name: String,
}

/// A release in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseEvent {
    /// The number of the release.
    pub id: u64,
    /// True if the release was deleted or unpublished.
    pub is_removed: bool,
}

/// The longest name of a repository that GitHub allows, its owner's included.
const LONGEST_NAME: usize = 140;

#[derive(Deserialize)]
struct EventBody<'a> {
    repository: Option<Repository>,
    // In other kinds of events these may have any type.
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    release: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Release {
    id: u64,
}

impl Event {
    /// Reads an event. Returns `None` if it names no repository, as an event of an organization.
    ///
    /// # Errors
    ///
    /// If the body is no event.
    pub fn read(body: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let EventBody { repository, action, release } = serde_json::from_slice(body)?;
        let is_short = |repository: &Repository| repository.full_name.len() <= LONGEST_NAME;
        let event = repository.filter(is_short).map(|repository| {
            let release =
                action.zip(release).and_then(|(action, release)| release_of(action, release));
            Self { repository, release }
        });
        Ok(event)
    }
}

fn release_of(action: &RawValue, release: &RawValue) -> Option<ReleaseEvent> {
    let action: Cow<'_, str> = serde_json::from_str(action.get()).ok()?;
    let Release { id } = serde_json::from_str(release.get()).ok()?;
    Some(ReleaseEvent { id, is_removed: matches!(&*action, "deleted" | "unpublished") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(rest: &str) -> Option<ReleaseEvent> {
        let body = format!(r#"{{"repository":{{"id":7,"full_name":"octo/app"}}{rest}}}"#);
        Event::read(body.as_bytes()).unwrap().unwrap().release
    }

    #[test]
    fn an_event_names_its_release_and_its_removal() {
        let event = |is_removed| Some(ReleaseEvent { id: 9, is_removed });
        for (rest, want) in [
            (r#","action":"deleted","release":{"id":9,"tag_name":"v1"}"#, event(true)),
            (r#","release":{"id":9},"action":"unpublished""#, event(true)),
            (r#","action":"published","release":{"id":9}"#, event(false)),
            (r#","action":"deleted""#, None),
            (r#","release":{"id":9}"#, None),
            (r#","action":"deleted","release":null"#, None),
            (r#","action":"deleted","release":[]"#, None),
            (r#","action":"deleted","release":{"id":-9}"#, None),
            (r#","action":7,"release":{"id":9}"#, None),
        ] {
            assert_eq!(release(rest), want, "{rest}");
        }
    }

    #[test]
    fn an_event_without_a_repository_differs_from_no_event() {
        let long = format!(r#"{{"repository":{{"id":7,"full_name":"{}"}}}}"#, "x".repeat(141));
        for body in ["{}", r#"{"repository":null}"#, &*long] {
            assert_eq!(Event::read(body.as_bytes()).unwrap(), None, "{body}");
        }
        let twice = r#"{"repository":{"id":7,"full_name":"a/b"},"repository":null}"#;
        let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
        for body in ["", "[", "7", r#"{"repository":7}"#, "\u{feff}{}", twice, &*deep] {
            assert!(Event::read(body.as_bytes()).is_err(), "{body:.40}");
        }
        assert!(Event::read(b"{\"x\":\"\xff\"}").is_ok_and(|event| event.is_none()));
    }
}
