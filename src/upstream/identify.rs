//! Inquiries about tokens: the account of each, and whether a refused token works again.
//!
//! They are sent one by one, among the requests for documents, with the same client and in slots of
//! the background. Clients do not wait for them: until the account of a token is known, the token
//! counts as an account of its own. Only with `REQUIRE_PUBLIC_TOKENS` does the inquiry precede the
//! first use.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::target::Target;

use super::body::{self, BodyBounds};
use super::condition::Condition;
use super::contacts::Contacts;
use super::context::Upstream;
use super::cooldown::Cooldown;
use super::hop::{self, Hop};
use super::identity::Finding;
use super::rate_limit::Limit;
use super::reachability::Subject;
use super::reply::Failure;
use super::slots::Priority;
use super::tokens::TokenUse;

/// The interval at which the task looks for due inquiries; svm's clock decides which are due.
const TICK: Duration = Duration::from_millis(500);
/// The longest time without inquiries after a secondary limit.
const LONGEST_COOLDOWN: Duration = Duration::from_secs(60 * 60);
/// The largest answer that is read; a user has about 1.5 KB.
const LARGEST_USER: u64 = 64 * 1024;

impl Upstream {
    /// Sends the inquiries that are due. Runs until it is dropped.
    pub async fn identify_tokens(&self) {
        // Without a token host, there is nothing to ask.
        let Some(target) = Target::token_owner(&self.targets) else { return };
        let mut cooldown = Cooldown::default();
        loop {
            self.identify_due(&target, &mut cooldown).await;
            self.tokens.log_expiring(self.clock.now());
            tokio::time::sleep(TICK).await;
        }
    }

    /// Sends the due inquiries one after the other, each in a slot of the background. A secondary
    /// limit ends the round: it applies to the client address, so the next token would meet it too.
    async fn identify_due(&self, target: &Target, cooldown: &mut Cooldown) {
        while self.next_to_identify(target, cooldown).is_some() {
            let slot = self.slots.take(Priority::Background, target.authority(), true);
            let Ok(_slot) = slot.await else { return };
            // The state may have changed during the wait for the slot.
            let Some(token_use) = self.next_to_identify(target, cooldown) else { return };
            let finding = self.identify(target, token_use).await;
            self.heed(target, &finding, cooldown);
        }
    }

    fn next_to_identify(&self, target: &Target, cooldown: &Cooldown) -> Option<TokenUse> {
        let now = self.clock.now();
        let cools_down = self.cooldowns.until(target, now).is_some();
        let may_ask = !cools_down && cooldown.until(now) <= now;
        may_ask.then(|| self.tokens.next_to_identify(now))?
    }

    async fn identify(&self, target: &Target, token_use: TokenUse) -> Finding {
        let contacts = Contacts::default();
        let limit = self.config.timeout;
        let asked =
            tokio::time::timeout(limit, self.fetch_owner(target, token_use, &contacts)).await;
        let asked = asked.unwrap_or_else(|_| Err(Failure::timeout(limit)));
        self.observe(contacts, Subject::Token, asked.as_ref().err());
        let finding = asked.unwrap_or(Finding::NoAnswer);
        self.tokens.found(token_use, &finding, self.clock.now());
        finding
    }

    /// Applies the parts of a finding that concern more than its token.
    fn heed(&self, target: &Target, finding: &Finding, cooldown: &mut Cooldown) {
        let now = self.clock.now();
        match finding {
            Finding::Limited(Limit::Secondary { retry_after }) => {
                cooldown.begin(*retry_after, now, LONGEST_COOLDOWN);
            }
            Finding::Refused => self.slow_if_none(now),
            Finding::Known(_) | Finding::NoUser => cooldown.succeeded(now),
            Finding::Limited(_) | Finding::Unclear | Finding::NoAnswer => {}
        }
        self.book_limit(target, finding);
    }

    /// Books a limit that an inquiry met.
    pub(super) fn book_limit(&self, target: &Target, finding: &Finding) {
        let Finding::Limited(limit) = finding else { return };
        let now = self.clock.now();
        self.metrics.limited(limit.as_str());
        match *limit {
            Limit::Host { .. } | Limit::Address { .. } => {
                self.cooldowns.begin_for(*limit, target, now);
            }
            Limit::Secondary { .. } => self.slots.slow_down(),
            Limit::Primary { .. } | Limit::OtherResource { .. } => self.slow_if_none(now),
        }
    }

    /// If no token is usable, slows down the window, so that waiting documents do not all use the
    /// next usable token at once.
    pub(super) fn slow_if_none(&self, now: Timestamp) {
        if self.tokens.usable_at(now) > now {
            self.slots.slow_down();
        }
    }

    pub(super) async fn fetch_owner(
        &self,
        target: &Target,
        token_use: TokenUse,
        contacts: &Contacts,
    ) -> Result<Finding, Failure> {
        let priority = Priority::Background;
        let condition = &Condition::NONE;
        let hop = Hop { target, token_use: Some(token_use), condition, priority, contacts };
        let mut head = hop::send(self, hop).await?;
        let status = head.status();
        let bounds = BodyBounds::new(LARGEST_USER, self.config.timeout);
        let body = body::read(&mut head.response, bounds).await;
        let body = body.map_err(|reason| Failure::after(status, reason))?;
        self.refuse_leak(target, status, &body)?;
        Ok(Finding::read(status, head.headers(), &body, self.clock.now()))
    }
}
