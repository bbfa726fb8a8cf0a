//! The status page as HTML, made from the facts. The page works without its script, which only
//! updates the page in place. A reload would discard the text in the form, and would show the
//! browser's error page while svm restarts.

mod calls;
mod documents;
mod events;
mod explain;
mod health;
mod replicas;
mod table;
mod tokens;
mod traffic;
mod words;

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::facts::ServiceFacts;
use super::markup::Markup;

pub(super) use explain::Explained;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// The icon of the page, inline so that browsers send no request for an icon.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%232f5bd7'/%3E%3Cpath d='M8 21l6-7 5 4 5-8' fill='none' stroke='white' stroke-width='3' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

/// Returns the content security policy of the page: it allows the page's own style and script, by
/// their hashes, and no others.
pub(super) fn content_security_policy() -> HeaderValue {
    let [style, script] = [STYLE, SCRIPT].map(|text| STANDARD.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
         connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Writes the page, with the explanation of a document if the form was used.
pub(super) fn page(facts: &ServiceFacts, explained: Option<&Explained>) -> String {
    let mut page = Markup::default();
    head(&mut page, facts, explained);
    top(&mut page, facts);
    page.raw("<main>\n<p id=\"lost\" role=\"status\">svm does not answer. The page shows its last state.</p>\n");
    traffic::section(&mut page, facts);
    explain::section(&mut page, explained);
    page.raw("<div class=\"pair\">\n");
    health::section(&mut page, facts);
    replicas::section(&mut page, facts);
    page.raw("</div>\n");
    tokens::section(&mut page, facts);
    documents::section(&mut page, facts);
    calls::section(&mut page, facts);
    events::section(&mut page, facts);
    page.raw("</main>\n<footer><p>The same as <a href=\"status.json\">JSON</a>. See also <a href=\"metrics\">metrics</a> and <a href=\"healthz\">health</a>.</p></footer>\n<script>")
        .raw(SCRIPT)
        .raw("</script>\n</body>\n</html>\n");
    page.into_string()
}

/// Writes a name and a value in a list.
fn row(page: &mut Markup, name: &'static str, value: impl Display) {
    page.raw("<div><dt>").raw(name).raw("</dt><dd>").text(value).raw("</dd></div>");
}

fn head(page: &mut Markup, facts: &ServiceFacts, explained: Option<&Explained>) {
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>svm: ")
        .text(health::state(facts))
        .raw("</title>\n<link rel=\"icon\" href=\"")
        .text(ICON)
        .raw("\">\n");
    if explained.is_none() {
        page.raw("<noscript><meta http-equiv=\"refresh\" content=\"15\"></noscript>\n");
    }
    page.raw("<style>").raw(STYLE).raw("</style>\n</head>\n<body>\n");
}

fn top(page: &mut Markup, facts: &ServiceFacts) {
    page.raw(
        "<header>\n<div class=\"brand\"><h1>svm</h1><p>a cache in front of GitHub</p></div>\n",
    )
    .raw("<div id=\"top\" class=\"facts\" data-live>");
    health::pill(page, health::state(facts));
    page.raw("<dl><div><dt>Version</dt><dd>")
        .text(facts.version)
        .raw(if facts.commit.is_empty() { "" } else { " " })
        .text(facts.commit)
        .raw("</dd></div><div><dt>Up for</dt><dd>")
        .text(words::seconds(facts.uptime_seconds))
        .raw("</dd></div><div><dt>As of</dt><dd>")
        .text(words::clock(facts.at))
        .raw("</dd></div></dl></div>\n</header>\n");
}
