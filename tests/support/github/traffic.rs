//! The number of requests that the API has in flight, and the secondary limit on it.
//!
//! A request is in flight from its reading until its answer is ready, not until the answer is sent:
//! the client may send its next request before the sender knows that the answer has arrived.

use std::collections::HashMap;

use super::failure::Failure;
use super::received::Received;
use super::world::{API_HOST, Shared, lock};

/// The requests in flight at the API.
#[derive(Debug, Default)]
pub struct Traffic {
    /// The most at once since the last reset.
    pub peak: usize,
    /// The most that may be in flight at once, and the `Retry-After` of a further request.
    pub limit: Option<(usize, Option<u64>)>,
    in_flight: usize,
    by_target: HashMap<String, Level>,
}

/// The requests in flight for one path and query.
#[derive(Debug, Default)]
struct Level {
    now: usize,
    peak: usize,
}

impl Traffic {
    /// Returns the most requests for one path and query that were ever in flight at once.
    pub fn peak_of(&self, target: &str) -> usize {
        self.by_target.get(target).map_or(0, |level| level.peak)
    }
}

/// A request in flight, until this is dropped.
pub struct Passage<'a>(Option<(&'a Shared, String)>);

/// Admits a request, and records in it the number of requests in flight. Returns the failure if the
/// request exceeds the limit.
pub fn enter<'a>(request: &mut Received, world: &'a Shared) -> (Passage<'a>, Option<Failure>) {
    if request.host != API_HOST {
        return (Passage(None), None);
    }
    let traffic = &mut lock(world).traffic;
    traffic.in_flight += 1;
    traffic.peak = traffic.peak.max(traffic.in_flight);
    request.in_flight = traffic.in_flight;
    let level = traffic.by_target.entry(request.target.clone()).or_default();
    level.now += 1;
    level.peak = level.peak.max(level.now);
    let refusal = traffic.limit.filter(|(most, _)| traffic.in_flight > *most);
    (
        Passage(Some((world, request.target.clone()))),
        refusal.map(|(_, retry_after)| Failure::SecondaryLimit(retry_after)),
    )
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        let Some((world, target)) = &self.0 else { return };
        let traffic = &mut lock(world).traffic;
        traffic.in_flight -= 1;
        if let Some(level) = traffic.by_target.get_mut(target) {
            level.now -= 1;
        }
    }
}
