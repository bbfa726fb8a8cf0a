//! GitHub's error answers, with the literal texts that matter.
//!
//! Only some of them carry limit headers; the rules add those, not this module.

use serde_json::{Value, json};

use super::account::Account;
use super::answer::Answer;
use super::received::Received;

const LIMITS: &str = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
const TERMS: &str = "For more on scraping GitHub and how it may affect your rights, please review our Terms of \
    Service (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service)";

/// Returns a JSON error: the message, the URL of its documentation, and the status again as text.
pub fn error(status: u16, message: &str, request: &Received) -> Answer {
    let topic = if request.target.ends_with("/releases/latest") {
        "/releases/releases#get-the-latest-release"
    } else {
        ""
    };
    let documentation = format!("https://docs.github.com/rest{topic}");
    Answer::json(status, &body(status, message, &documentation), request)
}

/// Returns the refusal of a media type that GitHub does not have.
pub fn unsupported(accept: &str, request: &Received) -> Answer {
    let message =
        format!("Unsupported 'Accept' header: '{accept}'. Must accept 'application/json'.");
    error(415, &message, request)
}

/// Returns the refusal of a write.
pub fn read_only(request: &Received) -> Answer {
    match request.token() {
        Some(_) => error(403, "Resource not accessible by personal access token", request),
        None => error(401, "Requires authentication", request),
    }
}

/// Returns the refusal of an invalid token.
pub fn bad_credentials(request: &Received) -> Answer {
    let body = body(401, "Bad credentials", "https://docs.github.com/rest");
    Answer::json(401, &body, request)
}

/// Returns the refusal of a document for apps, which sign a token of their own.
pub fn wants_app(request: &Received) -> Answer {
    let body = body(401, "A JSON web token could not be decoded", "https://docs.github.com/rest");
    Answer::json(401, &body, request)
}

/// Returns the answer while a document is still being prepared.
pub fn unfinished(retry_after_secs: Option<u64>, request: &Received) -> Answer {
    let retry_after = retry_after_secs.map(|secs| secs.to_string());
    Answer::json(202, &json!({}), request).header_if("retry-after", retry_after)
}

/// Returns the refusal of a request without `User-Agent`.
pub fn no_user_agent() -> Answer {
    let body = "\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent \
        header (http://developer.github.com/v3/#user-agent-required). Check https://developer.github.com for \
        other possible causes.\r\n";
    Answer::new(403, "text/html", body).header("cache-control", "no-cache")
}

/// Returns the primary limit: without `Retry-After`; only `remaining: 0` in the headers identifies
/// it.
pub fn primary_limit(account: &Account, request: &Received) -> Answer {
    if account.is_anonymous() {
        let message = "API rate limit exceeded for 203.0.113.7. (But here's the good news: Authenticated requests \
            get a higher rate limit. Check out the documentation for more details.)";
        let documentation =
            "https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting";
        let body = json!({"message": message, "documentation_url": documentation});
        return Answer::json(403, &body, request);
    }
    let message = format!(
        "API rate limit exceeded for user ID {}. If you reach out to GitHub Support for help, please include the \
        request ID and timestamp. {TERMS}",
        account.id()
    );
    Answer::json(403, &body(403, &message, LIMITS), request)
}

/// Returns the secondary limit; the documentation comes first, and limit headers are missing.
pub fn secondary_limit(retry_after_secs: Option<u64>, request: &Received) -> Answer {
    let message = format!(
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. {TERMS}."
    );
    let documentation = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
    let body = json!({"documentation_url": documentation, "message": message});
    let retry_after = retry_after_secs.map(|secs| secs.to_string());
    Answer::json(403, &body, request).header_if("retry-after", retry_after)
}

/// Returns the secondary limit in its old wording.
pub fn abuse(request: &Received) -> Answer {
    let message = "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again.";
    let body = json!({"message": message, "documentation_url": "https://developer.github.com/v3/#abuse-rate-limits"});
    Answer::json(403, &body, request).header("retry-after", "60")
}

/// Returns the limit of one endpoint for all clients behind one address: no token helps, and the
/// limit headers do not change.
pub fn throttled(request: &Received) -> Answer {
    let message =
        format!("This endpoint is temporarily being throttled. Please try again later. {TERMS}.");
    Answer::json(429, &body(429, &message, LIMITS), request)
}

/// Returns the limit of the hosts that serve files.
pub fn raw_throttled() -> Answer {
    let body = format!("429: Too Many Requests\n{TERMS}.");
    Answer::new(429, "text/plain; charset=utf-8", body)
}

/// Returns the `404` of the hosts that serve files.
pub fn raw_not_found() -> Answer {
    Answer::new(404, "text/plain; charset=utf-8", "404: Not Found")
}

/// Returns the refusal of a blocked repository: `reason` is `dmca` (451) or `tos` (403).
pub fn blocked(status: u16, reason: &str, request: &Received) -> Answer {
    let block = json!({
        "reason": reason, "created_at": "2020-01-01T00:00:00Z", "html_url": format!("https://github.com/{reason}"),
    });
    Answer::json(status, &json!({"message": "Repository access blocked", "block": block}), request)
}

/// Returns the refusal of an upload to an immutable release.
pub fn locked_assets() -> Value {
    body(422, "Cannot upload assets to an immutable release.", "https://docs.github.com/rest")
}

/// Returns the refusal of a release with the tag of an immutable one.
pub fn used_tag() -> Value {
    let error = |field: Value, message: &str| {
        let mut error = json!({"resource": "Release", "code": "custom", "message": message});
        if !field.is_null() {
            error["field"] = field;
        }
        error
    };
    let documentation = "https://docs.github.com/rest/releases/releases#create-a-release";
    let mut refusal = body(422, "Validation Failed", documentation);
    refusal["errors"] = json!([
        error("tag_name".into(), "tag_name was used by an immutable release"),
        error(Value::Null, "Published releases must have a valid tag"),
    ]);
    refusal
}

/// Returns the error of an overloaded API: a static file, pretty-printed for every client.
pub fn server_error() -> Answer {
    let body = "{\n  \"message\": \"Server Error\"\n}\n";
    Answer::new(502, "application/json; charset=utf-8", body).header("etag", "\"6007102e-20\"")
}

/// Returns the error of an overloaded website: a large HTML page.
pub fn unicorn(status: u16) -> Answer {
    let padding = "<!-- This page is taking too long to load. -->\n".repeat(1_200);
    let body = format!(
        "<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head>\n<body>{padding}</body></html>\n"
    );
    Answer::new(status, "text/html; charset=utf-8", body)
}

fn body(status: u16, message: &str, documentation: &str) -> Value {
    json!({"message": message, "documentation_url": documentation, "status": status.to_string()})
}
