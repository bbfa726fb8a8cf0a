//! The sentences about the background checks of a document.

use std::time::Duration;

use crate::activity::Mutability;
use crate::entry::{Entry, Pin, Reason};

use super::facts::{ExplainFacts, since};
use super::next_check::{NextCheck, Obstacle};

/// Describes how often a document is checked, and why.
pub(super) fn background(facts: &ExplainFacts<'_>, entry: &Entry) -> Option<String> {
    let mutability = facts.explained.mutability?;
    Some(match (mutability, facts.next_check) {
        (Mutability::Immutable, _) => {
            "It cannot change, since a full hash names it: it is not checked.".to_owned()
        }
        (_, NextCheck::Unused) => {
            "No client has asked for it lately, so the background does not check it.".to_owned()
        }
        (Mutability::Pinned, next) => {
            let why = match entry.extras.pin() {
                Some(Pin::Locked) => "GitHub has locked this release",
                Some(Pin::Unchanged(_)) => "this release has not changed for 30 days",
                _ => "downloads of an asset are all that changes it",
            };
            let due = due(facts, next);
            format!("It hardly ever changes, since {why}: it is checked once a day{due}.")
        }
        (Mutability::Mutable, next) => {
            let how_often = how_often(facts, entry);
            format!("{how_often}{}.", due(facts, next))
        }
    })
}

/// Describes the interval. It grows if clients do not use the document, and more so if its checks
/// cost quota.
fn how_often(facts: &ExplainFacts<'_>, entry: &Entry) -> String {
    let usual = facts.explained.check_interval;
    let own = facts.next_check.due_at().map(|due_at| due_at.since(entry.times.checked_at));
    let longer = own.filter(|own| *own > usual + usual / 2).zip(facts.explained.active);
    let Some((own, active)) = longer else {
        return format!("While it is in use, the background checks it every {}", since(usual));
    };
    let charged = active.charges.unused(active.used_at);
    let idle = since(facts.explained.now.since(active.used_at));
    let (own, usual) = (since(own), since(usual));
    let every = format!("the background checks it every {own} instead of every {usual}");
    match charged {
        0 => format!("No client has asked for it for {idle}, so {every}"),
        _ => format!(
            "Checks of it cost quota, and no client has asked for it for {idle}, so {every}"
        ),
    }
}

fn due(facts: &ExplainFacts<'_>, next: NextCheck) -> String {
    let NextCheck::At(at) = next else { return String::new() };
    match at.since(facts.explained.now) {
        Duration::ZERO => "; the next check is due".to_owned(),
        wait => format!("; the next check is due in {}", since(wait)),
    }
}

/// Explains a check that is late.
pub(super) fn lateness(facts: &ExplainFacts<'_>) -> Option<String> {
    let NextCheck::Late(due_at, obstacle) = facts.next_check else { return None };
    let late = since(facts.explained.now.since(due_at));
    let why = match obstacle {
        Obstacle::Failure => "GitHub fails".to_owned(),
        Obstacle::CannotCall => {
            let reason = facts.explained.obstacle.as_ref().map(|failure| failure.reason);
            reason.map_or("no call is possible", Reason::sentence).to_owned()
        }
        Obstacle::Quota => {
            "the tokens have no more quota left than API_USAGE_THRESHOLD keeps for clients"
                .to_owned()
        }
        Obstacle::Budget => {
            "it is likely to cost quota, and such checks have had their share for now".to_owned()
        }
        Obstacle::Turn if facts.overdue == 0 => "no sweep has come to it yet".to_owned(),
        Obstacle::Turn => format!(
            "{} documents wait for a late check, since more are in use than the background's rates allow",
            facts.overdue
        ),
    };
    Some(format!("Its next check is {late} late: {why}."))
}
