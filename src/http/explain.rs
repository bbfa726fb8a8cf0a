//! The page `/explain`: why a document is answered as it is, as values and in sentences.
//!
//! It causes no call and shows no secret: of a validator its kind, of a token its place.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use humantime::{format_duration, format_rfc3339_seconds};
use salvo::{Request, Response};
use serde_json::{Value, json};

use crate::activity::Mutability;
use crate::cache::{Cache, Explanation, Prospect, Status, Tier};
use crate::clock::Timestamp;
use crate::entry::Entry;
use crate::target::{Policy, Target};
use crate::upstream::TokenPool;

use super::marked::has_hash;
use super::page::{Arrival, LogFields, Page};
use super::query::VersionQuery;
use super::render;

/// The page, and where it looks.
pub(super) struct Explain {
    pub(super) cache: Cache,
    pub(super) policy: Arc<Policy>,
    pub(super) tokens: Arc<TokenPool>,
}

impl Page for Explain {
    const IS_SHED: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        match self.target(req.uri().query()) {
            Ok(target) => {
                let explained = self.cache.explain(&target).await;
                let body = self.told(&target, &explained).to_string();
                render::json(req, res, StatusCode::OK, body);
                LogFields { target: Some(Arc::new(target)), ..LogFields::default() }
            }
            Err(detail) => {
                render::invalid_parameter(req, res, &detail);
                LogFields::default()
            }
        }
    }
}

impl Explain {
    fn target(&self, query: Option<&str>) -> Result<Target, String> {
        if query.is_some_and(has_hash) {
            return Err(crate::target::Error::Fragment.to_string());
        }
        let query = VersionQuery::parse(query).map_err(|error| error.to_string())?;
        Target::parse(&query.url, &self.policy).map_err(|error| error.to_string())
    }

    fn told(&self, target: &Target, explained: &Explanation) -> Value {
        let now = explained.now;
        let entry = explained.entry.as_deref();
        let stored = entry.map(|entry| {
            json!({
                "status": entry.status.as_u16(),
                "bytes": entry.body.len(),
                "age": now.since(entry.times.checked_at).as_secs(),
                "ttl": entry.seconds_left(now),
                "fetched_at": at(entry.times.fetched_at),
                "checked_at": at(entry.times.checked_at),
                "expires_at": at(entry.times.expires_at),
                "validator": validator(entry),
                "token": entry.token.and_then(|token| self.tokens.place_of(token)),
                "retry_at": entry.extras.failure().map(|failure| at(failure.retry_at)),
            })
        });
        let (outcome, detail, calls) = prospect(&explained.prospect);
        json!({
            "url": target.as_str(),
            "key": target.key().to_string(),
            "tier": tier(explained.tier),
            "stored": stored,
            "changes": explained.mutability.map(changes),
            "next_check": next_check(explained).map(at),
            "request_now": { "outcome": outcome, "detail": detail, "asks_github": calls },
            "sentences": sentences(explained),
        })
    }
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::L1 => "l1",
        Tier::L2 => "l2",
        Tier::Nowhere => "none",
        Tier::Unknown => "unknown",
    }
}

fn changes(mutability: Mutability) -> &'static str {
    match mutability {
        Mutability::Mutable => "at any time",
        Mutability::Pinned => "hardly ever",
        Mutability::Immutable => "never",
    }
}

fn validator(entry: &Entry) -> &'static str {
    match (&entry.validators.etag, &entry.validators.last_modified) {
        (Some(_), _) => "etag",
        (None, Some(_)) => "date",
        (None, None) => "none",
    }
}

fn prospect(prospect: &Prospect) -> (Option<&'static str>, Option<&'static str>, &'static str) {
    let words = |status: &Status| {
        (Some(status.outcome.as_str()), status.detail.map(|detail| detail.as_str()))
    };
    match prospect {
        Prospect::Serve(status) => (words(status).0, words(status).1, "no"),
        Prospect::ServeAndRetry(status) => (words(status).0, words(status).1, "in the background"),
        Prospect::Wait => (None, None, "yes"),
    }
}

/// The next check by the background; nothing where that makes none, or checks once a day.
fn next_check(explained: &Explanation) -> Option<Timestamp> {
    let is_mutable = explained.mutability == Some(Mutability::Mutable);
    let entry = explained.entry.as_ref().filter(|_| is_mutable)?;
    Some(entry.times.checked_at + explained.check_interval)
}

/// The same for a reader, from what is stored to what a request would get.
fn sentences(explained: &Explanation) -> Vec<String> {
    let mut told = vec![stored(explained)];
    let Some(entry) = &explained.entry else {
        told.push("A request now waits for GitHub, and stores the answer.".to_owned());
        return told;
    };
    told.extend(freshness(explained, entry));
    told.extend(background(explained));
    told.push(outlook(explained, entry));
    told
}

fn stored(explained: &Explanation) -> String {
    let place = match explained.tier {
        Tier::L1 => "in memory",
        Tier::L2 => "in the store, and not in memory",
        Tier::Nowhere => return "svm does not have this document.".to_owned(),
        Tier::Unknown => {
            return "svm does not have this document in memory, and the store does not answer."
                .to_owned();
        }
    };
    let Some(entry) = &explained.entry else { return String::new() };
    let (fetched, checked) = (entry.times.fetched_at, entry.times.checked_at);
    let ago = |then| since(explained.now.since(then));
    if entry.is_negative() {
        return format!("GitHub answered {} {} ago; that is {place}.", entry.status, ago(checked));
    }
    let checks = match fetched == checked {
        true => "and has not been asked since".to_owned(),
        false => format!("and said {} ago that it is unchanged", ago(checked)),
    };
    format!("The document is {place}. GitHub sent it {} ago, {checks}.", ago(fetched))
}

fn freshness(explained: &Explanation, entry: &Entry) -> Vec<String> {
    let (now, expires) = (explained.now, entry.times.expires_at);
    let mut told = vec![match entry.is_fresh(now) {
        true => format!("It is fresh for another {}.", since(expires.since(now))),
        false => format!("Its lifetime ended {} ago.", since(now.since(expires))),
    }];
    if explained.is_outdated {
        told.push("Another page of its list has changed since its last check.".to_owned());
    }
    if entry.extras.doubt().is_some() {
        told.push(
            "GitHub's latest answer takes it away; svm asks again before it believes that."
                .to_owned(),
        );
    }
    if let Some(failure) = entry.extras.failure() {
        let wait = since(failure.retry_at.since(now));
        told.push(format!("The last check failed; the next one is due in {wait}."));
    }
    told
}

fn background(explained: &Explanation) -> Option<String> {
    let interval = since(explained.check_interval);
    Some(match explained.mutability? {
        Mutability::Mutable => {
            format!("While it is in use, the background checks it every {interval}.")
        }
        Mutability::Pinned => "It hardly ever changes: it is checked once a day.".to_owned(),
        Mutability::Immutable => "It cannot change: it is not checked.".to_owned(),
    })
}

fn outlook(explained: &Explanation, entry: &Entry) -> String {
    match &explained.prospect {
        Prospect::Serve(_) => {
            "A request now is answered from the cache, without a call.".to_owned()
        }
        Prospect::ServeAndRetry(_) => {
            "A request now is answered from the cache, and svm asks GitHub in the background."
                .to_owned()
        }
        Prospect::Wait if entry.is_negative() => "A request now waits for GitHub.".to_owned(),
        Prospect::Wait => {
            let validator = match validator(entry) {
                "etag" => "by its ETag, which costs nothing if it is unchanged",
                "date" => "by its date, which costs nothing if it is unchanged",
                _ => "without a condition",
            };
            format!("A request now waits for GitHub, which svm asks {validator}.")
        }
    }
}

fn since(time: Duration) -> String {
    format_duration(Duration::from_secs(time.as_secs())).to_string()
}

/// The time in the form of RFC 3339; nothing for one that the form cannot express.
fn at(time: Timestamp) -> String {
    let mut text = String::new();
    if let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs())) {
        let _ = write!(text, "{}", format_rfc3339_seconds(time));
    }
    text
}
