//! The answers of the simulated GitHub: documents, files, redirects, and their headers.
//!
//! The subtle part is the tag: it is weak exactly when the body is compressed, and strong on every
//! `304`.

use super::account::Account;
use super::answer::Answer;
use super::document::{Document, pretty};
use super::received::Received;
use super::repository::moved;
use super::world::Resource;
use super::{date, errors, etag};

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

const FILE_HEADERS: [(&str, &str); 6] = [
    ("cache-control", "max-age=300"),
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ("vary", "Authorization,Accept-Encoding,Origin"),
    ("via", "1.1 varnish"),
    ("x-cache", "HIT"),
    ("x-cache-hits", "1"),
];

/// `Cache-Control` and `Vary` for requests without a token, and for those with one.
const ANONYMOUS_CACHING: (&str, &str) =
    ("public, max-age=60, s-maxage=60", "Accept,Accept-Encoding, Accept, X-Requested-With");
const PRIVATE_CACHING: (&str, &str) = (
    "private, max-age=60, s-maxage=60",
    "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With",
);

/// Returns the answer of the API, without limit headers.
pub fn api(found: &Resource, request: &Received, account: &Account) -> Answer {
    match found {
        Resource::Document(document) if document.is_unmodified_for(request) => {
            not_modified(document, request, account)
        }
        Resource::Document(document) => full(document, request, account),
        Resource::File(document) => text(document, request),
        Resource::Redirect(status, location) => redirect(*status, location, request),
        Resource::Failing(failure) => failure.answer(account, request),
        Resource::Missing(410) => errors::error(410, "Gone", request),
        Resource::Missing(status) => errors::error(*status, "Not Found", request),
    }
}

/// Returns the answer of a host that serves files.
pub fn file(found: &Resource, request: &Received, account: &Account) -> Answer {
    match found {
        Resource::Document(document) | Resource::File(document) => text(document, request),
        Resource::Redirect(status, location) => redirect(*status, location, request),
        Resource::Failing(failure) => failure.answer(account, request),
        Resource::Missing(_) => errors::raw_not_found(),
    }
}

/// Returns a `200` with its validators.
fn full(document: &Document, request: &Received, account: &Account) -> Answer {
    let tag = document.etag(request);
    let (weak, answer) = match (request.accepts_gzip(), request.wants_pretty()) {
        (true, false) => ("W/", Answer::gzipped(200, JSON, document.gzipped())),
        (true, true) => ("W/", Answer::compressed(200, JSON, &pretty(&document.compact), request)),
        (false, true) => ("", Answer::new(200, JSON, pretty(&document.compact))),
        (false, false) => ("", Answer::new(200, JSON, document.compact.clone())),
    };
    let answer = answer.header("etag", format!("{weak}\"{tag}\""));
    cacheable(answer.header_if("link", document.link.as_ref()), document, account)
}

/// Returns a `304` with the strong form of the tag, even if the request has the weak form.
fn not_modified(document: &Document, request: &Received, account: &Account) -> Answer {
    let answer = Answer::empty(304).header("etag", format!("\"{}\"", document.etag(request)));
    cacheable(answer, document, account)
}

fn cacheable(answer: Answer, document: &Document, account: &Account) -> Answer {
    let (cache_control, vary) =
        if account.is_anonymous() { ANONYMOUS_CACHING } else { PRIVATE_CACHING };
    let answer = answer.headers(&[("cache-control", cache_control), ("vary", vary)]);
    let notice = |which: usize| document.notices.as_ref().map(|notices| &notices[which]);
    let answer = answer.header_if("deprecation", notice(0)).header_if("sunset", notice(1));
    answer.header_if("last-modified", document.last_modified_secs.map(date::http))
}

/// Returns a text file: with another rule for the tag, without a date and without limits.
fn text(document: &Document, request: &Received) -> Answer {
    let tag = etag::of_file(&document.compact);
    let unmodified =
        request.header("if-none-match").is_some_and(|asked| etag::matches(asked, &tag));
    let (weak, answer) = match (unmodified, request.accepts_gzip()) {
        (true, _) => ("", Answer::empty(304)),
        (false, true) => ("W/", Answer::gzipped(200, TEXT, document.gzipped())),
        (false, false) => ("", Answer::new(200, TEXT, document.compact.clone())),
    };
    answer.header("etag", format!("{weak}\"{tag}\"")).headers(&FILE_HEADERS)
}

/// Returns a redirect. On the API, a permanent redirect has an explanation as its body; a temporary
/// one has no body.
fn redirect(status: u16, location: &str, request: &Received) -> Answer {
    let answer = match status {
        301 | 307 | 308 => Answer::json(status, &moved(location), request),
        _ => Answer::new(status, "text/html;charset=utf-8", ""),
    };
    answer.header("location", location)
}
