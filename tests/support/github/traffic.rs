//! How many requests the API has in flight, and its secondary limit on that.
//!
//! A request is in flight from when it was read until its answer is ready. Not until that was sent: who has an answer
//! may ask the next thing before the sender knows that it has arrived.

use std::collections::HashMap;

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
    by_target: HashMap<String, Level>,
}

/// What is in flight for one path and query.
#[derive(Debug, Default)]
struct Level {
    now: usize,
    peak: usize,
}

impl Traffic {
    /// The most requests for one path and query at once, ever.
    pub fn peak_of(&self, target: &str) -> usize {
        self.by_target.get(target).map_or(0, |level| level.peak)
    }
}

/// A request in flight, until this is dropped.
pub struct Passage<'a>(Option<(&'a Shared, String)>);

/// Lets a request in, and notes in it how many are in flight with it. The failure is that of one too many.
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
