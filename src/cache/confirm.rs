//! The confirmation of answers that claim that a document is lost. Other documents serve as
//! witnesses, and the copy stays until the claim is believed.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::clock::Stopwatch;
use crate::config::redacted::without_tokens;
use crate::entry::{Doubt, Entry, LossClaim};
use crate::target::Target;
use crate::upstream::{Ask, AtStake, Priority};

use super::Cache;
use super::flight_result::ExchangeResult;
use super::policy::{self, LostRelease, Witness};
use super::release;

impl Cache {
    /// Checks documents whose loss or later body is not confirmed, each at its planned time. Runs
    /// until it is dropped.
    pub async fn confirm_losses(&self) {
        let parts = &self.0;
        loop {
            let due = parts.confirmations.next(&parts.clock).await;
            join_all(due.iter().map(|target| self.revalidate(target))).await;
        }
    }

    /// Returns the result of an exchange, or [`ExchangeResult::Unconfirmed`] if it would remove the
    /// copy and nothing confirms it yet. The exchange began at `began`, and its time limit covers
    /// the checks of the witnesses.
    pub(super) async fn confirmed(
        &self,
        target: &Target,
        copy: Option<&Arc<Entry>>,
        exchanged: ExchangeResult,
        priority: Priority,
        began: &Stopwatch,
    ) -> ExchangeResult {
        let (ExchangeResult::Stored(claimed) | ExchangeResult::Forgotten(claimed), Some(copy)) =
            (&exchanged, copy)
        else {
            return exchanged;
        };
        let now = self.0.clock.now();
        let Some(claim) = policy::claim(target, copy, claimed, now, &self.0.rules) else {
            return exchanged;
        };
        let witness = self.hear_witnesses(target, copy, priority, began).await;
        let before = copy.extras.doubt();
        let weighed = policy::weigh(claim, before, witness, self.0.clock.now());
        self.report(target, claim, copy, claimed, weighed.as_ref());
        let Some(doubt) = weighed else { return exchanged };
        let doubt = Doubt { token: claimed.token, ..doubt };
        let extras = copy.extras.clone().with_doubt(Some(doubt));
        let copy = Arc::new(Entry { extras, ..Entry::clone(copy) });
        ExchangeResult::Unconfirmed { copy, claimed: Arc::clone(claimed) }
    }

    /// Checks the releases that the claim removes, up to the first one that still exists.
    async fn hear_witnesses(
        &self,
        target: &Target,
        copy: &Entry,
        priority: Priority,
        began: &Stopwatch,
    ) -> Witness {
        let mut heard = Witness::Silent;
        for lost in policy::lost_releases(target, copy) {
            heard = self.hear_witness(target, copy, &lost, priority, began).await;
            if heard != Witness::Absent {
                break;
            }
        }
        heard
    }

    /// Checks one release. It is absent if GitHub sent an event about its removal, or if the
    /// document of its tag does not exist, for the token that fetched the copy.
    async fn hear_witness(
        &self,
        target: &Target,
        copy: &Entry,
        lost: &LostRelease,
        priority: Priority,
        began: &Stopwatch,
    ) -> Witness {
        if self.0.pushes.reports_removal(lost.id, self.0.clock.now()) {
            return Witness::Absent;
        }
        let document = lost.document.as_ref();
        let Some(document) = document.and_then(|it| target.redirect(it, &self.0.targets).ok())
        else {
            return Witness::Silent;
        };
        // With hardly any time left, a call would only blame the upstream for its end.
        if !self.0.upstream.has_time_left(began) {
            return Witness::Silent;
        }
        let at_stake = copy.token.map_or(AtStake::Unknown, AtStake::CopyOf);
        let ask = Ask { target: &document, stored: None, priority, at_stake };
        let reply = self.0.upstream.get_since(ask, began).await;
        reply.map_or(Witness::Silent, |reply| Witness::of(reply.status, &reply.body))
    }

    /// Counts a claim, and logs it with both states, once when it is new and once when it is
    /// believed.
    fn report(
        &self,
        target: &Target,
        claim: LossClaim,
        copy: &Entry,
        claimed: &Entry,
        doubt: Option<&Doubt>,
    ) {
        let (host, loss) = (target.authority(), claim.loss.as_str());
        let path = &*without_tokens(target.path());
        let (stored, claimed) = (state(copy), state(claimed));
        match (copy.extras.doubt(), doubt) {
            (None, Some(_)) => {
                self.0.metrics.doubted(claim.loss);
                tracing::warn!(host, path, loss, stored, claimed, "a loss is not confirmed yet");
            }
            (Some(_), Some(_)) => {}
            (_, None) => {
                self.0.metrics.lost(claim.loss);
                tracing::info!(host, path, loss, stored, claimed, "a loss is confirmed");
            }
        }
    }
}

/// Describes the state of a document in a few words.
fn state(entry: &Entry) -> String {
    if entry.is_negative() {
        return entry.status.as_u16().to_string();
    }
    match (release::summary(&entry.body), crate::json::elements(&entry.body)) {
        (Some(release), _) => release.tag,
        (None, Some(elements)) => format!("{elements} elements"),
        (None, None) => "a document".to_owned(),
    }
}
