//! The sentences about the outcome of a request now and about the state of GitHub.

use std::time::Duration;

use crate::cache::{Demand, Prospect};
use crate::entry::Validator;
use crate::upstream::Failure;

use super::facts::{ExplainFacts, at, since};

/// The shortest duration of an exchange that the page mentions.
const SLOW: Duration = Duration::from_secs(1);
/// The number of simultaneous exchanges below which the page mentions that a limit has reduced it.
const FEW_CALLS: usize = 8;

/// Describes everything that is unusual at GitHub.
pub(super) fn state_of_github(facts: &ExplainFacts<'_>) -> Vec<String> {
    let (now, host) = (facts.explained.now, facts.question.target.authority());
    let mut sentences = Vec::new();
    if let Some(failing) = facts.failing {
        let (cause, word) = (failing.cause.sentence(), failing.cause.as_str());
        let ago = since(now.since(failing.since));
        sentences.push(format!("{host} has failed for {ago}: {cause} ({word})."));
    }
    if let Some(took) = facts.last_took.filter(|took| *took >= SLOW) {
        let took = took.as_secs_f64();
        sentences.push(format!(
            "The last exchange with {host} took {took:.1} s, its wait for a slot included."
        ));
    }
    let is_narrow = facts.is_slowed_down && facts.window < FEW_CALLS;
    if is_narrow && facts.question.target.gets_token() {
        let calls = facts.window;
        sentences.push(format!(
            "After a limit of GitHub, svm sends it {calls} at a time, so calls wait for each other."
        ));
    }
    if let Some(call) = facts.explained.call {
        let time = call.as_secs_f64();
        sentences.push(format!("A call for this document has been under way for {time:.1} s."));
    }
    sentences
}

/// Describes the outcome of a request now.
pub(super) fn outlook(facts: &ExplainFacts<'_>) -> String {
    if let Some(wait) = facts.limited_for() {
        let (status, wait) = (if facts.is_mirrored { 403 } else { 429 }, wait.as_secs_f64().ceil());
        return format!(
            "This client has had GitHub asked as often as CLIENT_MISS_RATE allows: it gets a {status}, and may ask again in {wait} s."
        );
    }
    match &facts.explained.prospect {
        Prospect::Serve(_) if facts.question.demand == Demand::Refresh => {
            "A request now is answered from the cache: the last check is more recent than REFRESH_MIN_INTERVAL."
                .to_owned()
        }
        Prospect::Serve(status) if status.is_stale() => {
            "A request now gets this copy although its lifetime is over, since GitHub fails.".to_owned()
        }
        Prospect::Serve(_) => {
            "A request now is answered from the cache, without a call.".to_owned()
        }
        Prospect::ServeAndRetry(_) => {
            "A request now is answered from the cache, and svm asks GitHub in the background."
                .to_owned()
        }
        Prospect::WithoutCall { has_copy, failure, .. } => without_call(facts, *has_copy, failure),
        Prospect::Wait if facts.explained.call.is_some() => {
            "A request now waits for that call, and causes none of its own.".to_owned()
        }
        Prospect::Wait if facts.failing.is_some() && facts.explained.mutability.is_none() => {
            "A request now waits for GitHub, and gets an error if that still fails.".to_owned()
        }
        Prospect::Wait => waiting(facts),
    }
}

fn waiting(facts: &ExplainFacts<'_>) -> String {
    let Some(entry) = &facts.explained.entry else {
        return "A request now waits for GitHub, and stores the answer.".to_owned();
    };
    if entry.is_negative() {
        let is_doubtful = facts.is_mirrored && entry.is_fresh(facts.explained.now);
        return match is_doubtful && facts.question.demand == Demand::Cached {
            true => "A request now waits for GitHub, since the mirror believes for a minute only that a release does not exist.".to_owned(),
            false => "A request now waits for GitHub.".to_owned(),
        };
    }
    let validator = match entry.validators.kind() {
        _ if entry.extras.lacks_links() => "without a condition, for the links of the page",
        Validator::Etag | Validator::ComputedEtag => {
            "by its ETag, which costs nothing if it is unchanged"
        }
        Validator::Date => "by its date, which costs nothing if it is unchanged",
        Validator::None => "without a condition",
    };
    format!("A request now waits for GitHub, which svm asks {validator}.")
}

fn without_call(facts: &ExplainFacts<'_>, has_copy: bool, failure: &Failure) -> String {
    let (why, word) = (failure.reason.sentence(), failure.reason.as_str());
    let until = failure.retry_at.map(|until| {
        let wait = since(until.since(facts.explained.now));
        format!("; a call is possible at {}, in {wait}", at(until))
    });
    let until = until.unwrap_or_default();
    let gets = match has_copy {
        true => "the copy",
        false if facts.is_mirrored && failure.is_rate_limited => "a 403 at once",
        false => "a 503 at once",
    };
    format!("A request now gets {gets}: {why} ({word}){until}.")
}
