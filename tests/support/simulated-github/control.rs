//! The control of the running simulation: changes by name, over HTTP or from a scenario, and the
//! journal.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::github::{Counts, Failure, GitHub, Instead, Lie, Received, Unprocessable};

/// The path below which the control answers.
const PREFIX: &str = "/_sim/";

/// The names and values of a change.
pub(crate) type Words = BTreeMap<String, String>;

/// The control, and its random failures.
pub(crate) struct Control<'a> {
    github: &'a GitHub,
    /// The share of the requests over plain HTTP that fail, from 0 to 1.
    flaky: Cell<f64>,
    draws: RefCell<fastrand::Rng>,
}

/// A refused change: a sentence, or GitHub's own refusal.
#[derive(Debug)]
pub(crate) struct Refused {
    status: u16,
    body: Value,
}

impl From<String> for Refused {
    fn from(sentence: String) -> Self {
        Self { status: 400, body: json!({ "error": sentence }) }
    }
}

impl From<Unprocessable> for Refused {
    fn from(Unprocessable(body): Unprocessable) -> Self {
        Self { status: 422, body }
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = self.body.get("error").or_else(|| self.body.get("message"));
        f.write_str(sentence.and_then(Value::as_str).unwrap_or_default())
    }
}

impl<'a> Control<'a> {
    pub(crate) fn new(github: &'a GitHub, seed: u64) -> Self {
        let draws = RefCell::new(fastrand::Rng::with_seed(seed));
        Self { github, flaky: Cell::new(0.0), draws }
    }

    /// Answers a request of the control, or fails a request at random.
    pub(crate) fn answer(&self, request: &Received) -> Instead {
        let Some(rest) = request.target.strip_prefix(PREFIX) else { return self.drawn() };
        let (verb, query) = rest.split_once('?').unwrap_or((rest, ""));
        let answer = match (request.method.as_str(), verb) {
            ("GET", "journal") => Ok(self.journal()),
            ("GET", _) => {
                Err("changes are made with POST; GET reads the journal".to_owned().into())
            }
            _ => {
                let words = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                self.change(verb, &words).map(|()| json!({ "done": verb }))
            }
        };
        Some(match answer {
            Ok(json) => (200, json.to_string()),
            Err(Refused { status, body }) => (status, body.to_string()),
        })
    }

    fn drawn(&self) -> Instead {
        let fails = self.draws.borrow_mut().f64() < self.flaky.get();
        fails.then(|| (502, json!({ "message": "Server Error" }).to_string()))
    }

    /// Makes a change.
    pub(crate) fn change(&self, verb: &str, words: &Words) -> Result<(), Refused> {
        let github = self.github;
        match verb {
            "publish" => {
                let is_immutable = words.get("immutable").is_some_and(|it| it == "true");
                let (repository, tag) = (text(words, "repository")?, text(words, "tag")?);
                github.try_publish(repository, tag, is_immutable)?;
            }
            "upload" => github.try_upload(text(words, "repository")?)?,
            "lie" => self.lie(words)?,
            "lag" => github.lag(text(words, "target")?, number(words, "seconds", 10)?),
            "charge" => github.charge_not_modified(),
            "delete" if words.get("release").is_some_and(|it| it == "latest") => {
                github.unpublish(text(words, "repository")?);
            }
            "delete" => github.remove(text(words, "repository")?, number(words, "status", 404)?),
            "limit" => self.limit(words)?,
            "fail" => self.fail(words)?,
            "recover" => {
                github.recover();
                self.flaky.set(0.0);
            }
            "clock" => github.clock_ahead(number(words, "ahead", 0)?),
            "flaky" => self.flaky.set(number(words, "rate", 0.0)?),
            _ => {
                let verbs = "publish, upload, delete, lie, lag, charge, limit, fail, recover, \
                             clock and flaky";
                return Err(format!("there is no {verb}; the changes are {verbs}").into());
            }
        }
        Ok(())
    }

    /// Leaves a token this number of requests in the current hour.
    fn limit(&self, words: &Words) -> Result<(), String> {
        let token = text(words, "token")?;
        let limit: u64 = number(words, "limit", 5_000)?;
        let remaining: u64 = number(words, "remaining", 0)?;
        let user = self.github.user(&format!("owner-of-{token}")).token(token);
        let _ = user.limit(limit).used(limit.saturating_sub(remaining));
        Ok(())
    }

    fn lie(&self, words: &Words) -> Result<(), String> {
        let lie = match text(words, "as")? {
            "empty" => Lie::Empty,
            "missing" => Lie::Missing,
            "older" => Lie::Older,
            name => return Err(format!("no lie is {name}; lies are empty, missing and older")),
        };
        self.github.lie(text(words, "target")?, lie, number(words, "seconds", 180)?);
        Ok(())
    }

    fn fail(&self, words: &Words) -> Result<(), String> {
        let name = words.get("as").map_or("502", String::as_str);
        let seconds = number(words, "seconds", 60)?;
        let failure = match name {
            "502" => Failure::ServerError502,
            "503" => Failure::Unicorn503,
            "401" => Failure::BadCredentials,
            "404" => Failure::NotFound404,
            "451" => Failure::Blocked451,
            "429" => Failure::Throttled429,
            "primary-limit" => Failure::PrimaryLimit,
            "secondary-limit" => Failure::SecondaryLimit(Some(seconds)),
            "slow" => Failure::Latency(Duration::from_secs(seconds)),
            "close" => Failure::CloseBeforeAnswer,
            _ => {
                let names = "401, 404, 429, 451, 502, 503, primary-limit, secondary-limit, slow \
                             and close";
                return Err(format!("nothing fails as {name}; failures are {names}"));
            }
        };
        let failing = match words.get("target") {
            Some(target) => self.github.fail(target).with(failure),
            None => self.github.fail_all(failure),
        };
        if words.contains_key("times") {
            let _ = failing.times(number(words, "times", 1)?);
        }
        Ok(())
    }

    /// Returns the counts of all requests and of each token, and the last requests.
    fn journal(&self) -> Value {
        let requests = self.github.requests();
        let tokens: BTreeSet<_> = requests.iter().map(|it| it.token().unwrap_or("")).collect();
        let of_token = |token: &str| (token.to_owned(), counts(self.github.token_counts(token)));
        let lines = requests.iter().map(|it| format!("{} {}", it.method, it.target));
        json!({
            "total": counts(self.github.totals()),
            "tokens": tokens.into_iter().map(of_token).collect::<serde_json::Map<_, _>>(),
            "requests": lines.collect::<Vec<_>>(),
        })
    }
}

fn counts(counts: Counts) -> Value {
    let Counts { requests, conditional, charged, free } = counts;
    json!({ "requests": requests, "conditional": conditional, "charged": charged, "free": free })
}

fn text<'a>(words: &'a Words, name: &str) -> Result<&'a str, String> {
    words.get(name).map(String::as_str).ok_or_else(|| format!("{name} is missing"))
}

fn number<T: std::str::FromStr>(words: &Words, name: &str, default: T) -> Result<T, String> {
    let Some(text) = words.get(name) else { return Ok(default) };
    text.parse().map_err(|_| format!("{name} is no number: {text}"))
}
