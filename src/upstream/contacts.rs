//! The hosts that one exchange has asked, and how each took it the last time.
//!
//! A redirect leads to other hosts, and a retry asks the same one again; an exchange that waits for
//! a slot has asked nobody. So the end of an exchange alone does not tell which host is in trouble.

use http::StatusCode;
use parking_lot::Mutex;

use super::cause::Cause;
use super::reply::Failure;
use super::reply::is_trouble;
use crate::entry::Reason;

/// The hosts of one exchange, the last asked at the end.
#[derive(Debug, Default)]
pub(super) struct Contacts(Mutex<Vec<Contact>>);

/// A host that was asked.
#[derive(Debug)]
pub(super) struct Contact {
    /// The host, and the port unless it is 443.
    pub(super) authority: Box<str>,
    /// Its last answer; nothing while it is awaited.
    pub(super) result: Option<Result<(), Cause>>,
}

impl Contacts {
    /// A request goes to this host.
    pub(super) fn ask(&self, authority: &str) {
        let mut contacts = self.0.lock();
        contacts.retain(|contact| *contact.authority != *authority);
        contacts.push(Contact { authority: authority.into(), result: None });
    }

    /// The host that was asked last has sent the head of an answer.
    pub(super) fn answered(&self, status: StatusCode) {
        self.settle(if is_trouble(status) { Err(Cause::ServerError) } else { Ok(()) });
    }

    /// The host that was asked last has sent none.
    pub(super) fn failed(&self, cause: Cause) {
        self.settle(Err(cause));
    }

    /// The hosts whose answers are known when the exchange has ended.
    pub(super) fn ended(self, failure: Option<&Failure>) -> impl Iterator<Item = Contact> {
        let last = self.0.lock().last().and_then(|contact| contact.result);
        match failure.map(|failure| failure.reason) {
            // The head came in time, the body did not; or neither.
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
