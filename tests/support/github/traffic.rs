//! How many requests the API has in flight, and its secondary limit on that.
//!
//! A request is in flight from when it was read until its answer is ready. Not until that was sent: who has an answer
//! may ask the next thing before the sender knows that it has arrived.

use super::failure::Failure;
use super::received::Received;
use super::world::{API_HOST, Shared, lock};

/// What is in flight at the API.
#[derive(Debug, Default)]
pub struct Traffic {
    /// The most at once, since this was last reset.
    pub peak: usize,
    /// How many may be at once, and what `Retry-After` says to one more.
    pub limit: Option<(usize, Option<u64>)>,
    in_flight: usize,
}

/// A request in flight, until this is dropped.
pub struct Passage<'a>(Option<&'a Shared>);

/// Lets a request in, and notes in it how many are in flight with it. The failure is that of one too many.
pub fn enter<'a>(request: &mut Received, world: &'a Shared) -> (Passage<'a>, Option<Failure>) {
    if request.host != API_HOST {
        return (Passage(None), None);
    }
    let traffic = &mut lock(world).traffic;
    traffic.in_flight += 1;
    traffic.peak = traffic.peak.max(traffic.in_flight);
    request.in_flight = traffic.in_flight;
    let refusal = traffic.limit.filter(|(most, _)| traffic.in_flight > *most);
    (Passage(Some(world)), refusal.map(|(_, retry_after)| Failure::SecondaryLimit(retry_after)))
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if let Some(world) = self.0 {
            lock(world).traffic.in_flight -= 1;
        }
    }
}
