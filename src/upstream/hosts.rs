//! Hosts that rest after a limit which says nothing about a token.
//!
//! Bounded by the allowlist: nothing else ever becomes a target.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;

use super::rest::Rest;
use super::{Failure, Reason};

/// The longest rest of a host.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The rests, by authority.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<HashMap<Box<str>, Rest>>);

impl Hosts {
    /// Until when the host rests, if it does.
    pub(super) fn resting_until(&self, authority: &str, now: Timestamp) -> Option<Timestamp> {
        let until = self.0.lock().get(authority)?.until(now);
        (until > now).then_some(until)
    }

    /// Fails while the host rests.
    pub(super) fn awake(&self, authority: &str, now: Timestamp) -> Result<(), Failure> {
        let resting_until = self.resting_until(authority, now);
        resting_until.map_or(Ok(()), |until| Err(Failure::resting(Reason::HostRests, until)))
    }

    /// Begins a rest, and returns when it ends.
    pub(super) fn rest(
        &self,
        authority: &str,
        asked: Option<Duration>,
        now: Timestamp,
    ) -> Timestamp {
        let mut rests = self.0.lock();
        let rest = rests.entry(authority.into()).or_default();
        rest.begin(asked, now, LONGEST);
        rest.until(now)
    }

    /// The host has answered.
    pub(super) fn succeeded(&self, authority: &str, now: Timestamp) {
        if let Some(rest) = self.0.lock().get_mut(authority) {
            rest.succeeded(now);
        }
    }
}
