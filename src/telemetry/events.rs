//! The last events of interest to an operator: warnings, errors, and recoveries.
//!
//! The list has a layer of its own beside the log, so it also has events that `RUST_LOG` hides.
//! Lines about ordinary work are left out: they would displace the others.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;

use crate::clock::{Clock, Timestamp};

/// The events that are remembered.
const MOST: usize = 50;
/// The length in bytes up to which a message and the fields of an event are kept.
const LONGEST: usize = 600;
/// The messages of ordinary work, which have the same level as recoveries.
const ORDINARY: [&str; 3] = ["sweep", "configuration", "a token's account is known"];

/// The last events, the oldest first; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Mutex<VecDeque<Occurrence>>>);

/// An event. Its fields are those of an event in `/status.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Occurrence {
    /// The time of the event.
    pub at: Timestamp,
    /// Its level: `ERROR`, `WARN` or `INFO`.
    pub level: &'static str,
    /// The message, as in the log.
    pub message: String,
    /// The fields, as in the log: `name=value`, with blanks between.
    pub fields: String,
}

impl Events {
    /// Returns the events, the latest first.
    pub fn latest(&self) -> Vec<Occurrence> {
        self.0.lock().iter().rev().cloned().collect()
    }

    /// Returns the layer that fills the list.
    pub(super) fn layer<S>(&self) -> impl Layer<S>
    where
        S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        let own = Targets::new()
            .with_target("svm", LevelFilter::INFO)
            // The lines of calls: so frequent that even a comparison of their messages costs too
            // much.
            .with_target("svm::upstream::calls", LevelFilter::WARN);
        Recorder(self.clone()).with_filter(own)
    }

    fn push(&self, occurrence: Occurrence) {
        let mut events = self.0.lock();
        if events.len() == MOST {
            events.pop_front();
        }
        events.push_back(occurrence);
    }
}

struct Recorder(Events);

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = *event.metadata().level();
        if level == Level::INFO && ORDINARY.contains(&&*text.message) {
            return;
        }
        let Text { mut message, mut fields } = text;
        cut(&mut message);
        cut(&mut fields);
        let at = Clock::System.now();
        self.0.push(Occurrence { at, level: level.as_str(), message, fields });
    }
}

/// The message and the fields of an event.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => {
                let gap = if self.fields.is_empty() { "" } else { " " };
                write!(self.fields, "{gap}{name}={value:?}")
            }
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

fn cut(text: &mut String) {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn recorded(work: impl FnOnce()) -> Vec<Occurrence> {
        let events = Events::default();
        let subscriber = tracing_subscriber::registry().with(events.layer());
        tracing::subscriber::with_default(subscriber, work);
        events.latest()
    }

    #[test]
    fn troubles_and_their_ends_are_kept_with_their_fields() {
        let events = recorded(|| {
            tracing::warn!(host = "api.github.com", failures = 2, "the upstream fails");
            tracing::info!(target: "svm::upstream::calls", status = 200, "upstream answered");
            tracing::debug!("a detail");
            tracing::info!("the upstream works again");
            tracing::warn!(target: "hyper", "not of svm");
        });
        let [end, trouble] = &events[..] else { panic!("{events:?}") };
        assert_eq!((end.level, &*end.message), ("INFO", "the upstream works again"));
        assert_eq!((trouble.level, &*trouble.message), ("WARN", "the upstream fails"));
        assert_eq!(trouble.fields, "host=api.github.com failures=2");
    }

    #[test]
    fn their_number_and_their_length_are_bounded() {
        let events = recorded(|| {
            for number in 0..=MOST {
                tracing::warn!(number, text = "é".repeat(LONGEST), "x");
            }
        });
        assert_eq!(events.len(), MOST);
        assert!(events[0].fields.starts_with("number=50 ") && events[0].fields.ends_with('…'));
        assert!(events[0].fields.len() <= LONGEST + '…'.len_utf8());
    }
}
