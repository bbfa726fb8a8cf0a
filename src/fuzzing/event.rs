//! Properties of the event of a webhook.

use crate::cache::Event;

/// Reads an event. The name of its repository has at most the permitted length.
pub fn event(data: &[u8]) {
    if let Ok(Some(event)) = Event::read(data) {
        assert!(event.repository.full_name.len() <= 140);
    }
}
