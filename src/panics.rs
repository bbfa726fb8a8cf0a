//! The report of a panic, without anything that may hold a secret.
//!
//! The default report prints the message, and the standard library formats values into messages:
//! `unwrap` and `expect` print their error. A literal message is part of the program and holds no
//! secret, so it is reported. Of any other panic, only the location is reported.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, Location};
use std::thread;

/// Reports all panics of the process in this way from now on.
pub fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        let mut text = report(name, info.location(), info.payload());
        // A backtrace names functions and lines, but no values. `RUST_BACKTRACE` enables it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            text = format!("{text}{trace}\n");
        }
        let _ = io::stderr().write_all(text.as_bytes());
    }));
}

fn report(thread: &str, place: Option<&Location<'_>>, message: &dyn Any) -> String {
    let place = place.map_or_else(|| "an unknown place".to_owned(), Location::to_string);
    let message = message.downcast_ref::<&'static str>().unwrap_or(&"the message is not shown");
    format!("svm: a defect: thread {thread:?} panicked at {place}: {message}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_formatted_is_not_shown() {
        let place = Location::caller();
        let formatted: Box<dyn Any + Send> = Box::new("NulError(3, \"ghp_secret\")".to_owned());
        let text = report("main", Some(place), &*formatted);
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains(&place.to_string()), "{text}");
        let text = report("main", None, &"the queue is open");
        assert!(text.ends_with(": the queue is open\n"), "{text}");
    }
}
