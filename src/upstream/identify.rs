//! Asks GitHub whose each token is, and whether those that it refused work again.
//!
//! One request after the other, beside those for documents, and with the same client. What clients wait for does not
//! wait for this: until a token's account is known, it counts as one of its own. Only where tokens must be public is
//! each looked at before it is used.

use std::time::Duration;

use crate::target::Target;

use super::condition::Condition;
use super::hop::{self, Hop};
use super::identity::Finding;
use super::tokens::Lease;
use super::{Failure, Priority, Upstream, body};

/// How often it is looked whether there is something to ask. When something is due is decided by our clock.
const TICK: Duration = Duration::from_millis(500);
/// A user has about 1.5 KB.
const LARGEST_USER: u64 = 64 * 1024;

impl Upstream {
    /// Asks what there is to ask about tokens, for as long as it is driven.
    pub async fn identify_tokens(&self) {
        // Where no host is asked with a token, there is nobody to ask about one.
        let Some(target) = Target::token_owner(&self.targets) else { return };
        loop {
            while let Some(lease) = self.next_to_identify(&target) {
                self.identify(&target, lease).await;
            }
            self.tokens.tell_expiring(self.clock.now());
            tokio::time::sleep(TICK).await;
        }
    }

    fn next_to_identify(&self, target: &Target) -> Option<Lease> {
        let now = self.clock.now();
        let rests = self.hosts.resting_until(target.authority(), now);
        rests.is_none().then(|| self.tokens.next_to_identify(now))?
    }

    async fn identify(&self, target: &Target, lease: Lease) {
        let asked = tokio::time::timeout(self.config.timeout, self.ask_whose(target, lease)).await;
        let finding = asked.ok().and_then(Result::ok).unwrap_or(Finding::Silence);
        if let Finding::Limited(limit) = &finding {
            self.metrics.limited(limit.as_str());
        }
        self.tokens.found(lease, &finding, self.clock.now());
    }

    async fn ask_whose(&self, target: &Target, lease: Lease) -> Result<Finding, Failure> {
        let priority = Priority::Background;
        let hop = Hop { target, lease: Some(lease), condition: &Condition::NONE, priority };
        let mut head = hop::send(self, hop).await?;
        let status = head.status();
        let body = body::read(&mut head.response, LARGEST_USER).await;
        let body = body.map_err(|reason| Failure::after(status, reason))?;
        Ok(Finding::read(status, head.headers(), &body, self.clock.now()))
    }
}
