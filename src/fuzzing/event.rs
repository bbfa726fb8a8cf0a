//! Properties of the event of a webhook.

use crate::cache::Repository;

/// Reads an event. The repository that it names is no longer than one may be.
pub fn event(data: &[u8]) {
    if let Ok(Some(repository)) = Repository::of_event(data) {
        assert!(repository.full_name.len() <= 140);
    }
}
