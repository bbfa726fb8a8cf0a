//! The body of an event, as far as svm reads it: the repository that the event names.

use serde::Deserialize;

/// The repository of an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Its number.
    pub id: u64,
    /// `owner/name`.
    pub full_name: String,
}

/// The longest name of a repository that GitHub allows, its owner's included.
const LONGEST_NAME: usize = 140;

#[derive(Deserialize)]
struct Event {
    repository: Option<Repository>,
}

impl Repository {
    /// Reads the repository of an event; nothing if the event names none, as that of an
    /// organization does.
    ///
    /// # Errors
    ///
    /// If the body is no event.
    pub fn of_event(body: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let event: Event = serde_json::from_slice(body)?;
        let is_short = |repository: &Self| repository.full_name.len() <= LONGEST_NAME;
        Ok(event.repository.filter(is_short))
    }
}
