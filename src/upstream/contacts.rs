//! The hosts that one exchange has called, and the last result of each.
//!
//! A redirect leads to other hosts, a retry calls the same one again, and an exchange that waits
//! for a slot has called none. So the end of an exchange alone does not show which host failed.

use http::StatusCode;
use parking_lot::Mutex;

use super::cause::Cause;
use super::reply::Failure;
use super::reply::is_trouble;
use crate::entry::Reason;

/// The hosts of one exchange, the last called at the end.
#[derive(Debug, Default)]
pub(super) struct Contacts(Mutex<Vec<Contact>>);

/// A host that was called.
#[derive(Debug)]
pub(super) struct Contact {
    /// The host, and the port unless it is 443.
    pub(super) authority: Box<str>,
    /// Its last result; `None` while the call is under way.
    pub(super) result: Option<Result<(), Cause>>,
}

impl Contacts {
    /// Records that a request is sent to this host.
    pub(super) fn ask(&self, authority: &str) {
        let mut contacts = self.0.lock();
        contacts.retain(|contact| *contact.authority != *authority);
        contacts.push(Contact { authority: authority.into(), result: None });
    }

    /// Records that the last host has sent the head of an answer.
    pub(super) fn answered(&self, status: StatusCode) {
        self.settle(if is_trouble(status) { Err(Cause::ServerError) } else { Ok(()) });
    }

    /// Records that the last host has not answered.
    pub(super) fn failed(&self, cause: Cause) {
        self.settle(Err(cause));
    }

    /// Returns the hosts with a result at the end of the exchange.
    pub(super) fn ended(self, failure: Option<&Failure>) -> impl Iterator<Item = Contact> {
        let last = self.0.lock().last().and_then(|contact| contact.result);
        match failure.map(|failure| failure.reason) {
            // The head came in time and the body did not, or neither did.
            Some(Reason::Timeout) if !matches!(last, Some(Err(_))) => self.failed(Cause::Timeout),
            Some(Reason::CutShort) => self.failed(Cause::CutShort),
            _ => {}
        }
        self.0.into_inner().into_iter().filter(|contact| contact.result.is_some())
    }

    fn settle(&self, result: Result<(), Cause>) {
        if let Some(contact) = self.0.lock().last_mut() {
            contact.result = Some(result);
        }
    }
}
