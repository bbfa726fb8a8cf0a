//! The sentences of an explanation: first the stored document, at the end the outcome of a request.

use crate::cache::{Demand, Tier};
use crate::entry::{Entry, Validator};

use super::checks::{background, lateness};
use super::facts::{CheckResult, ExplainFacts, LastCheck, since};
use super::outlook::{outlook, state_of_github};

/// Returns all sentences, in the order for a reader.
pub(super) fn sentences(facts: &ExplainFacts<'_>) -> Vec<String> {
    let mut sentences = vec![stored(facts)];
    if let Some(entry) = facts.explained.entry.as_deref() {
        sentences.extend(origin(facts, entry));
        sentences.extend(freshness(facts, entry));
        sentences.extend(failure(facts, entry));
        sentences.extend(background(facts, entry));
        sentences.extend(lateness(facts));
    }
    sentences.extend(parameters(facts));
    sentences.extend(state_of_github(facts));
    sentences.push(outlook(facts));
    sentences
}

fn stored(facts: &ExplainFacts<'_>) -> String {
    let explained = &facts.explained;
    let place = match explained.tier {
        Tier::L1 => "in memory",
        Tier::L2 => "in the store, and not in memory",
        Tier::Nowhere => return "svm does not have this document.".to_owned(),
        Tier::Unknown => {
            return "svm does not have this document in memory, and the store does not answer."
                .to_owned();
        }
        Tier::Unread => {
            return "svm does not have this document in memory, and does not read the store for a client over CLIENT_MISS_RATE."
                .to_owned();
        }
    };
    let Some(entry) = &explained.entry else { return String::new() };
    let (fetched, checked) = (entry.times.fetched_at, entry.times.checked_at);
    let ago = |then| since(explained.now.since(then));
    if let Some(reason) = entry.extras.refusal().filter(|it| it.is_remembered_failure()) {
        let reason = reason.sentence();
        return format!("GitHub gave no document {} ago: {reason}; that is {place}.", ago(checked));
    }
    if entry.is_negative() {
        return format!("GitHub answered {} {} ago; that is {place}.", entry.status, ago(checked));
    }
    let by_date = if entry.was_checked_by_date() { " by its date" } else { "" };
    let checks = match fetched == checked {
        true if entry.extras.failure().is_some() => "and has not confirmed it since".to_owned(),
        true => "and has not been asked since".to_owned(),
        false => format!("and said {} ago that it is unchanged{by_date}", ago(checked)),
    };
    format!("The document is {place}. GitHub sent it {} ago, {checks}.", ago(fetched))
}

/// Describes the validator and the token of a document.
fn origin(facts: &ExplainFacts<'_>, entry: &Entry) -> Option<String> {
    if entry.is_negative() {
        return None;
    }
    let validator = match entry.validators.kind() {
        Validator::Etag | Validator::ComputedEtag => "an ETag",
        Validator::Date => "a date",
        Validator::None => "no validator",
    };
    let token = match (facts.token, entry.token) {
        (Some(place), _) => format!("the token at place {place} of GITHUB_PATS fetched it"),
        (None, Some(_)) => "a token that is no longer in GITHUB_PATS fetched it".to_owned(),
        (None, None) => "it was fetched without a token".to_owned(),
    };
    Some(format!("It has {validator}, and {token}."))
}

fn freshness(facts: &ExplainFacts<'_>, entry: &Entry) -> Vec<String> {
    let (now, expires) = (facts.explained.now, entry.times.expires_at);
    let mut sentences = vec![match entry.is_fresh(now) {
        true => format!("It is fresh for another {}.", since(expires.since(now))),
        false => format!("Its lifetime ended {} ago.", since(now.since(expires))),
    }];
    if facts.explained.is_outdated {
        sentences.push("Another page of its list has changed since its last check.".to_owned());
    }
    if entry.extras.doubt().is_some() {
        sentences.push(
            "GitHub's latest answer takes it away; svm asks again before it believes that."
                .to_owned(),
        );
    }
    sentences
}

fn failure(facts: &ExplainFacts<'_>, entry: &Entry) -> Option<String> {
    let failure = entry.extras.failure()?;
    let LastCheck { at, outcome: CheckResult::Failed(reason) } = LastCheck::of(entry) else {
        return None;
    };
    let now = facts.explained.now;
    let (why, word) = match facts.failing.filter(|_| reason.is_of_outage()) {
        Some(failing) => (failing.cause.sentence(), failing.cause.as_str()),
        None => (reason.sentence(), reason.as_str()),
    };
    let next = match failure.retry_at > now {
        true => format!("the next one is due in {}", since(failure.retry_at.since(now))),
        false => "the next request asks again".to_owned(),
    };
    let ago = since(now.since(at));
    Some(format!("The last check failed {ago} ago: {why} ({word}); {next}."))
}

/// Explains the parameters other than `url`.
fn parameters(facts: &ExplainFacts<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    if facts.question.demand == Demand::Refresh {
        sentences.push("With refresh=true a fresh copy does not suffice.".to_owned());
    }
    let selection = &facts.question.selection;
    if let Some(age) = selection.min_age {
        let age = since(age);
        sentences
            .push(format!("Of this list, the newest release that is {age} old is the answer."));
    }
    if let Some(pointer) = &selection.pointer {
        sentences.push(format!("The value at {pointer} is the answer, as far as there is one."));
    }
    sentences
}
