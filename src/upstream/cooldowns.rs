//! The cooldowns of endpoints and of hosts, after limits that do not concern a token.
//!
//! One throttled endpoint says nothing about the others of its host. The host cools down if a
//! second endpoint is throttled at the same time, or if the limit concerns our address. The
//! allowlist bounds the hosts, and [`MOST_ENDPOINTS`] the endpoints of a host.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::target::Target;

use super::cooldown::Cooldown;
use super::endpoint;
use super::rate_limit::{LONGEST_WINDOW, Limit};
use super::reply::Failure;
use crate::entry::Reason;

/// The longest cooldown.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// The most endpoints of one host that are remembered; if more are throttled, the host cools down.
const MOST_ENDPOINTS: usize = 64;

/// The part of a host that a limit concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The documents of one endpoint.
    Endpoint,
    /// All documents.
    Host,
}

/// The cooldowns, by authority.
#[derive(Debug, Default)]
pub(super) struct Cooldowns(Mutex<HashMap<Box<str>, HostCooldowns>>);

#[derive(Debug, Default)]
struct HostCooldowns {
    whole: CausedCooldown,
    endpoints: HashMap<Box<str>, CausedCooldown>,
    /// The resets of spent quotas that count for one endpoint alone, at most [`MOST_ENDPOINTS`].
    spent: HashMap<Box<str>, Timestamp>,
}

/// A cooldown with its cause.
#[derive(Debug, Default)]
struct CausedCooldown {
    cooldown: Cooldown,
    cause: CooldownCause,
}

/// The cause of a cooldown. Of two causes, the greater one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CooldownCause {
    /// A server error that states when to try again.
    #[default]
    Unavailable,
    /// A rate limit.
    Limit,
}

impl Cooldowns {
    /// Returns when the document may be requested again, if it may not now.
    pub(super) fn until(&self, target: &Target, now: Timestamp) -> Option<Timestamp> {
        Some(self.in_force(target, now)?.0)
    }

    /// Returns the end of the cooldown that ends last, and its cause, if there is one now.
    fn in_force(&self, target: &Target, now: Timestamp) -> Option<(Timestamp, CooldownCause)> {
        let hosts = self.0.lock();
        let host = hosts.get(target.authority())?;
        let endpoint = endpoint::of(target);
        let throttled = host.endpoints.get(&*endpoint).map(|cooldown| cooldown.end(now));
        // A reset further in the future is from before the clock was set back.
        let spent = host.spent.get(&*endpoint).filter(|at| **at <= now + LONGEST_WINDOW);
        let spent = spent.map(|at| (*at, CooldownCause::Limit));
        let last = throttled.max(spent).max(Some(host.whole.end(now)));
        last.filter(|(until, _)| *until > now)
    }

    /// Fails while the document may not be requested.
    pub(super) fn check(&self, target: &Target, now: Timestamp) -> Result<(), Failure> {
        let Some((until, cause)) = self.in_force(target, now) else { return Ok(()) };
        let failure = Failure::without_call(Reason::HostRests, until);
        Err(failure.by_rate_limit(cause == CooldownCause::Limit))
    }

    /// Begins the cooldown for a limit, and returns when the document may be requested again.
    /// Returns `None` for a limit that concerns a token or another resource.
    pub(super) fn begin_for(
        &self,
        limit: Limit,
        target: &Target,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let (scope, asked) = match limit {
            Limit::Host { retry_after } => (Scope::Endpoint, retry_after),
            Limit::Address { retry_after } => (Scope::Host, retry_after),
            Limit::Primary { .. } | Limit::Secondary { .. } | Limit::OtherResource { .. } => {
                return None;
            }
        };
        Some(self.begin(target, (scope, CooldownCause::Limit), asked, now))
    }

    /// Begins a cooldown, and returns when the document may be requested again.
    pub(super) fn begin(
        &self,
        target: &Target,
        (scope, cause): (Scope, CooldownCause),
        asked: Option<Duration>,
        now: Timestamp,
    ) -> Timestamp {
        {
            let mut hosts = self.0.lock();
            let host = hosts.entry(target.authority().into()).or_default();
            let endpoint = endpoint::of(target);
            if scope == Scope::Host || host.begin_endpoint(&endpoint, cause, asked, now) {
                host.whole.begin(cause, asked, now);
            }
        }
        self.until(target, now).unwrap_or(now)
    }

    /// Records that no account has quota left for the resource that counts this endpoint, until
    /// the reset. Other endpoints are not concerned. Returns true if that is news.
    pub(super) fn spend_resource(
        &self,
        target: &Target,
        reset_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        let mut hosts = self.0.lock();
        let spent = &mut hosts.entry(target.authority().into()).or_default().spent;
        spent.retain(|_, until| *until > now);
        spent.len() < MOST_ENDPOINTS
            && spent.insert(endpoint::of(target).into(), reset_at).is_none()
    }

    /// Records that the upstream has answered with the document.
    pub(super) fn succeeded(&self, target: &Target, now: Timestamp) {
        if let Some(host) = self.0.lock().get_mut(target.authority()) {
            host.whole.cooldown.succeeded(now);
            if let Some(of_endpoint) = host.endpoints.get_mut(&*endpoint::of(target)) {
                of_endpoint.cooldown.succeeded(now);
            }
        }
    }
}

impl CausedCooldown {
    /// Returns its end, which may be long past, and its cause.
    fn end(&self, now: Timestamp) -> (Timestamp, CooldownCause) {
        (self.cooldown.until(now), self.cause)
    }

    fn is_in_force(&self, now: Timestamp) -> bool {
        self.cooldown.until(now) > now
    }

    fn begin(&mut self, cause: CooldownCause, asked: Option<Duration>, now: Timestamp) {
        self.cause = if self.is_in_force(now) { self.cause.max(cause) } else { cause };
        self.cooldown.begin(asked, now, LONGEST);
    }
}

impl HostCooldowns {
    /// Begins the cooldown of an endpoint, and returns true if the host must cool down as well.
    fn begin_endpoint(
        &mut self,
        endpoint: &str,
        cause: CooldownCause,
        asked: Option<Duration>,
        now: Timestamp,
    ) -> bool {
        if self.endpoints.len() >= MOST_ENDPOINTS && !self.endpoints.contains_key(endpoint) {
            self.endpoints.retain(|_, cooldown| cooldown.is_in_force(now));
            if self.endpoints.len() >= MOST_ENDPOINTS {
                return true;
            }
        }
        let mut others = self.endpoints.iter().filter(|(other, _)| ***other != *endpoint);
        let is_second = others.any(|(_, cooldown)| cooldown.is_in_force(now));
        self.endpoints.entry(endpoint.into()).or_default().begin(cause, asked, now);
        is_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Vars};

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const ENDPOINT: (Scope, CooldownCause) = (Scope::Endpoint, CooldownCause::Limit);
    const HOST: (Scope, CooldownCause) = (Scope::Host, CooldownCause::Limit);

    fn target(path: &str) -> Target {
        let vars = [("GITHUB_PATS", "ghp_a"), ("API_USAGE_THRESHOLD", "1")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::from_vars(&vars.into_iter().collect::<Vars>()).unwrap();
        Target::parse(&format!("https://api.github.com{path}"), &config.targets).unwrap()
    }

    #[test]
    fn one_endpoint_cools_down_alone() {
        let cooldowns = Cooldowns::default();
        let commits = target("/repos/octo/app/commits");
        let until = cooldowns.begin(&commits, ENDPOINT, None, NOW);
        assert_eq!(until, NOW + MINUTE);
        assert_eq!(cooldowns.until(&target("/repos/o/r/commits/main"), NOW), Some(until));
        assert_eq!(cooldowns.until(&target("/repos/octo/app/releases"), NOW), None);
        assert_eq!(cooldowns.until(&commits, until), None);
    }

    #[test]
    fn a_second_throttled_endpoint_cools_the_host_down() {
        let cooldowns = Cooldowns::default();
        cooldowns.begin(&target("/repos/o/r/commits"), ENDPOINT, None, NOW);
        cooldowns.begin(&target("/repos/o/x/commits"), ENDPOINT, None, NOW);
        assert_eq!(cooldowns.until(&target("/repos/o/r/tags"), NOW), None, "one endpoint twice");
        cooldowns.begin(&target("/repos/o/r/releases"), ENDPOINT, None, NOW);
        assert_eq!(cooldowns.until(&target("/repos/o/r/tags"), NOW), Some(NOW + MINUTE));
    }

    #[test]
    fn an_endpoint_that_is_well_again_is_no_first_one() {
        let cooldowns = Cooldowns::default();
        cooldowns.begin(&target("/repos/o/r/commits"), ENDPOINT, None, NOW);
        let later = NOW + MINUTE;
        cooldowns.begin(&target("/repos/o/r/releases"), ENDPOINT, None, later);
        assert_eq!(cooldowns.until(&target("/repos/o/r/tags"), later), None);
    }

    #[test]
    fn an_answer_about_our_address_cools_the_host_down() {
        let cooldowns = Cooldowns::default();
        let asked = Some(Duration::from_secs(7));
        cooldowns.begin(&target("/repos/o/r/commits"), HOST, asked, NOW);
        let until = cooldowns.until(&target("/repos/o/r/tags"), NOW);
        assert_eq!(until, Some(NOW + Duration::from_secs(7)));
    }

    #[test]
    fn a_limit_is_the_cause_if_it_began_or_prolonged_a_cooldown() {
        let is_limit = |cooldowns: &Cooldowns, path, now| {
            cooldowns.check(&target(path), now).map_err(|failure| failure.is_rate_limited)
        };
        let (cooldowns, path) = (Cooldowns::default(), "/repos/o/r/commits");
        let unavailable = (Scope::Endpoint, CooldownCause::Unavailable);
        cooldowns.begin(&target(path), unavailable, None, NOW);
        assert_eq!(is_limit(&cooldowns, path, NOW), Err(false));
        cooldowns.begin(&target(path), ENDPOINT, None, NOW);
        assert_eq!(is_limit(&cooldowns, path, NOW), Err(true));
        cooldowns.begin(&target(path), unavailable, None, NOW);
        assert_eq!(is_limit(&cooldowns, path, NOW), Err(true));
        let later = NOW + MINUTE;
        assert_eq!(is_limit(&cooldowns, path, later), Ok(()));
        cooldowns.begin(&target(path), unavailable, None, later);
        assert_eq!(is_limit(&cooldowns, path, later), Err(false), "the limit has ended");
        cooldowns.spend_resource(&target(path), later + MINUTE * 9, later);
        assert_eq!(is_limit(&cooldowns, path, later), Err(true), "the quota ends last");
    }

    #[test]
    fn the_table_of_endpoints_is_bounded() {
        let cooldowns = Cooldowns::default();
        for number in 0..10 * MOST_ENDPOINTS {
            let now = NOW + MINUTE * u32::try_from(number).unwrap();
            let path = format!("/repos/o/r/made-up-{number}");
            cooldowns.begin(&target(&path), ENDPOINT, None, now);
        }
        let known = cooldowns.0.lock()["api.github.com"].endpoints.len();
        assert!(known <= MOST_ENDPOINTS, "{known}");
    }
}
