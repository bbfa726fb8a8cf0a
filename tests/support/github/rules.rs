//! The rules by which the simulated GitHub answers, in the order of the real one.
//!
//! The subtle part is the price: a `304` is free only with valid credentials; a redirect and a
//! `404` cost as much as a document; bad credentials cost nothing and get no limit headers.

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::account::Account;
use super::answer::Answer;
use super::failure::Failure;
use super::received::Received;
use super::world::{API_HOST, Resource, Shared, World, lock};
use super::{downloads, errors, media, render, replies};

/// The header by which the terminator identifies the request to the rules.
pub const NUMBER_HEADER: &str = "x-simulated-number";

const API_VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

const API_HEADERS: [(&str, &str); 8] = [
    ("server", "github.com"),
    ("x-github-media-type", "github.v3; format=json"),
    ("x-github-api-version-selected", "2022-11-28"),
    ("access-control-allow-origin", "*"),
    ("strict-transport-security", "max-age=31536000; includeSubdomains; preload"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "origin-when-cross-origin, strict-origin-when-cross-origin"),
    ("content-security-policy", "default-src 'none'"),
];

/// The responder behind the terminator.
pub struct Rules(pub Shared);

impl Respond for Rules {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut world = lock(&self.0);
        let number =
            request.headers.get(NUMBER_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        match number.and_then(|number| world.take(number)) {
            Some((request, failure)) => {
                let answer = answer(&mut world, &request, failure.as_ref());
                dated(answer, &world).into()
            }
            None => ResponseTemplate::new(500),
        }
    }
}

/// Adds the dates of the clock to an answer.
fn dated(answer: Answer, world: &World) -> Answer {
    let (told, now_secs) = (&world.told_clock, world.now_secs());
    let answer = match told.waits_are_dates {
        true => answer.with_waits_as_dates(now_secs),
        false => answer,
    };
    answer.header("date", told.date(now_secs)).header_if("age", told.age())
}

fn answer(world: &mut World, request: &Received, failure: Option<&Failure>) -> Answer {
    if request.host == API_HOST {
        api(world, request, failure)
    } else {
        file(world, request, failure)
    }
}

fn api(world: &mut World, request: &Received, failure: Option<&Failure>) -> Answer {
    if request.header("user-agent").unwrap_or_default().is_empty() {
        return errors::no_user_agent();
    }
    let now_secs = world.now_secs();
    let Some(account) = world.accounts.identify(request, now_secs).cloned() else {
        return api_headers(errors::bad_credentials(request), world);
    };
    let version = request.header("x-github-api-version");
    if version.is_some_and(|version| !API_VERSIONS.contains(&version)) {
        return api_headers(errors::error(400, "Unknown API version", request), world);
    }
    let answer = match failure {
        Some(failure) => fail(world, request, &account, failure),
        None if request.target == "/rate_limit" => rate_limit(&account, request, now_secs),
        None if account.remaining() == 0 => {
            limits(errors::primary_limit(&account, request), &account, now_secs)
        }
        None => priced(world, request, &account),
    };
    api_headers(answer, world)
}

fn fail(world: &mut World, request: &Received, account: &Account, failure: &Failure) -> Answer {
    let mut shown = account.clone();
    if failure.is_charged() {
        shown = charge(world, request, &shown);
    }
    if *failure == Failure::PrimaryLimit {
        shown.used = shown.limit;
    }
    let answer = failure.answer(&shown, request);
    if failure.shows_limits() { limits(answer, &shown, world.now_secs()) } else { answer }
}

/// Returns the answer to a request with good credentials and quota left.
fn priced(world: &mut World, request: &Received, account: &Account) -> Answer {
    match request.target.as_str() {
        "/user" => return user(world, request, account),
        "/meta" => return meta(world, request, account),
        _ => {}
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        let account = charge(world, request, account);
        return limits(errors::read_only(request), &account, world.now_secs());
    }
    let found = world.find(&request.host, &request.target);
    if let Resource::Failing(failure) = &found {
        return fail(world, request, account, failure);
    }
    if request.target.ends_with("/installation") {
        return errors::wants_app(request);
    }
    if request.token().is_some() && world.wants_sign_on(&request.target) {
        return fail(world, request, account, &Failure::Saml);
    }
    let found = match found {
        Resource::Document(document) => Resource::Document(media::represented(document, request)),
        found => found,
    };
    if let Some(answer) = special(world, request, &found) {
        let account = charge(world, request, account);
        return signed(answer, request, &account, world.now_secs());
    }
    let unmodified =
        matches!(&found, Resource::Document(document) if document.is_unmodified_for(request));
    let is_free = unmodified && !account.is_anonymous() && !world.charges_not_modified;
    let account = if is_free {
        world.journal.free(request);
        account.clone()
    } else {
        charge(world, request, account)
    };
    signed(replies::api(&found, request, &account), request, &account, world.now_secs())
}

/// Returns an answer that is not a document: a step of a download, or a type other than JSON.
fn special(world: &World, request: &Received, found: &Resource) -> Option<Answer> {
    downloads::answer(world, request).or_else(|| match found {
        Resource::Document(document) => media::answer(document, request),
        _ => None,
    })
}

/// Answers for the hosts that serve files: they have no quota, and refuse a token.
fn file(world: &mut World, request: &Received, failure: Option<&Failure>) -> Answer {
    let found = match (failure, request.header("authorization")) {
        (Some(failure), _) => Resource::Failing(failure.clone()),
        (None, Some(_)) => Resource::Missing(404),
        (None, None) => world.find(&request.host, &request.target),
    };
    if let (Resource::Missing(_), Some(answer)) = (&found, downloads::answer(world, request)) {
        return answer;
    }
    replies::file(&found, request, world.accounts.user(""))
}

fn user(world: &mut World, request: &Received, account: &Account) -> Answer {
    if account.is_anonymous() {
        return errors::error(401, "Requires authentication", request);
    }
    let account = charge(world, request, account);
    let mut body = render::account(&account.login);
    body["name"] = Value::Null;
    body["public_repos"] = json!(0);
    signed(Answer::json(200, &body, request), request, &account, world.now_secs())
}

fn meta(world: &mut World, request: &Received, account: &Account) -> Answer {
    let account = charge(world, request, account);
    let body = json!({"verifiable_password_authentication": false, "hooks": ["192.0.2.0/24"]});
    signed(Answer::json(200, &body, request), request, &account, world.now_secs())
}

fn rate_limit(account: &Account, request: &Received, now_secs: u64) -> Answer {
    let core = json!({
        "limit": account.limit,
        "used": account.used,
        "remaining": account.remaining(),
        "reset": account.reset_secs(now_secs),
    });
    let body = json!({"resources": {"core": core}, "rate": core});
    signed(Answer::json(200, &body, request), request, account, now_secs)
}

fn charge(world: &mut World, request: &Received, account: &Account) -> Account {
    let now_secs = world.now_secs();
    world.journal.charged(request);
    let account = world.accounts.user(&account.login);
    account.charge(now_secs);
    account.clone()
}

/// Adds the headers for a caller with good credentials: the limits, and the rights of the token.
fn signed(answer: Answer, request: &Received, account: &Account, now_secs: u64) -> Answer {
    let answer = limits(answer, account, now_secs);
    let Some(token) = request.token() else { return answer };
    let answer =
        answer.header_if("github-authentication-token-expiration", account.expires.as_ref());
    if token.starts_with("github_pat_") {
        answer.header("x-accepted-github-permissions", "contents=read")
    } else {
        answer.header("x-oauth-scopes", &account.scopes).header("x-accepted-oauth-scopes", "repo")
    }
}

fn limits(answer: Answer, account: &Account, now_secs: u64) -> Answer {
    answer
        .header("x-ratelimit-limit", account.limit.to_string())
        .header("x-ratelimit-remaining", account.remaining().to_string())
        .header("x-ratelimit-reset", account.reset_secs(now_secs).to_string())
        .header("x-ratelimit-used", account.used.to_string())
        .header("x-ratelimit-resource", "core")
}

/// Adds the headers of the API. The last part of a request's id is the time in hexadecimal.
fn api_headers(answer: Answer, world: &mut World) -> Answer {
    let id = format!("F6AD:13B92D:{:X}:26CFF7F:{:X}", world.number(), world.now_secs());
    answer.headers(&API_HEADERS).header("x-github-request-id", id)
}
