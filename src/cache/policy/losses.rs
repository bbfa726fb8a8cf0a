//! Claims that a document is lost, and the confirmation that each claim needs before it replaces a
//! copy.
//!
//! Pure, as all of the policy. GitHub at times answers `[]` for a list that has elements, or `404`
//! or an older release for a latest release that exists, for minutes. svm believes a claim in three
//! cases. The documents of the lost releases, or GitHub's events, show that these are gone. The
//! release itself explains the claim, as a draft or a pre-release. Or two answers, a minute apart,
//! make the same claim. An answer that the release itself contradicts does not count. A deletion is
//! therefore seen within three minutes.

mod witness;

use std::time::Duration;

use http::StatusCode;

use crate::cache::release;
use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Doubt, Entry, Loss, LossClaim};
use crate::json;
use crate::target::{Target, in_repository};

use super::freshness::may_stand_in;

pub(in crate::cache) use witness::{LostRelease, Witness, lost_releases};

/// The time between two answers that confirm each other.
const APART: Duration = Duration::from_secs(60);
/// The times of the checks after the first answer that claims a loss.
const ASK_AFTER: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
/// The interval of the checks after those.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Returns the loss that a new entry claims, if there is a copy that could be served in its place.
pub(in crate::cache) fn claim(
    target: &Target,
    copy: &Entry,
    claimed: &Entry,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<LossClaim> {
    // The age of a copy whose times lie in the future is unknown.
    let is_good =
        !copy.times.begin_after(now) && (copy.is_fresh(now) || may_stand_in(copy, now, rules));
    if !rules.confirm_losses || !is_good {
        return None;
    }
    let none = |loss| Some(LossClaim { loss, release: None });
    let resource = if target.gets_token() { in_repository(target.path())? } else { return None };
    match claimed.status {
        StatusCode::NOT_FOUND if resource == "releases/latest" => none(Loss::LatestMissing),
        StatusCode::NOT_FOUND if release::is_of_one_tag(target.path()) => {
            none(Loss::ReleaseMissing)
        }
        StatusCode::OK if resource == "releases/latest" => older(copy, claimed),
        StatusCode::OK if claimed.body.len() <= copy.body.len() => {
            let is_emptied = json::elements(&claimed.body) == Some(0)
                && json::elements(&copy.body).is_some_and(|elements| elements > 0);
            if is_emptied { none(Loss::ListEmptied) } else { None }
        }
        _ => None,
    }
}

fn older(copy: &Entry, claimed: &Entry) -> Option<LossClaim> {
    let (stored, claimed) = (release::summary(&copy.body)?, release::summary(&claimed.body)?);
    let is_older = claimed.id != stored.id && claimed.published_at? < stored.published_at?;
    is_older.then_some(LossClaim { loss: Loss::LatestOlder, release: Some(claimed.id) })
}

/// Weighs a claim: returns the doubt that remains, or `None` if the claim is believed.
pub(in crate::cache) fn weigh(
    claim: LossClaim,
    doubt: Option<&Doubt>,
    witness: Witness,
    now: Timestamp,
) -> Option<Doubt> {
    let is_of_latest = matches!(claim.loss, Loss::LatestMissing | Loss::LatestOlder);
    match witness {
        Witness::Absent => return None,
        Witness::Withdrawn if is_of_latest => return None,
        _ => {}
    }
    // Another release may be the latest one although this one exists.
    let is_contradicted = matches!(witness, Witness::Present | Witness::Withdrawn)
        && matches!(claim.loss, Loss::ListEmptied | Loss::LatestMissing);
    // A doubt whose times lie in the future dates from before the clock was set back.
    let doubt = doubt.filter(|doubt| doubt.asked_at <= now);
    let agreed_since = doubt.filter(|doubt| doubt.claim == claim).and_then(|it| it.agreed_since);
    if !is_contradicted && agreed_since.is_some_and(|since| now.since(since) >= APART) {
        return None;
    }
    Some(Doubt {
        claim,
        since: doubt.map_or(now, |doubt| doubt.since),
        agreed_since: (!is_contradicted).then(|| agreed_since.unwrap_or(now)),
        asked_at: now,
        token: None,
    })
}

/// Returns the time of the next check of a claim that is in doubt.
pub(in crate::cache) fn ask_at(doubt: &Doubt, now: Timestamp) -> Timestamp {
    let planned = ASK_AFTER.into_iter().map(|after| doubt.since + after);
    planned.into_iter().find(|at| *at > now).unwrap_or(now + ASK_AGAIN_AFTER)
}

#[cfg(test)]
mod tests;
