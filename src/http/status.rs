//! The status page at `/`, and `/status.json`: the state of the service, for operators.
//!
//! Both show the same facts, which other components keep. A request for them does not slow down
//! hits, causes no call, and does not count as a use of a document. The facts include the names of
//! documents and the state of tokens. So `STATUS_PAGE` restricts which clients see them, and no
//! page of another origin can read them.

mod facts;
mod history;
mod html;
mod markup;
mod records;
mod sparkline;
mod visibility;

use std::sync::Arc;

use http::HeaderValue;
use salvo::{Request, Response};

use crate::config;
use crate::target::percent;
use crate::upstream::Calls;

use super::explain::Explain;
use super::health::Health;
use super::metrics::MetricsSources;
use super::page::{Arrival, LogFields, Page};
use super::render::status as render;

use facts::ServiceFacts;
use html::Explained;

pub use records::StatusRecords;
pub(super) use visibility::{Visibility, wants_html};

/// The settings of the status page, and the records that only this page reads.
pub struct StatusParts {
    /// The clients that may see the page.
    pub mode: config::StatusMode,
    /// The last calls to GitHub.
    pub calls: Arc<Calls>,
    /// The records that the background keeps.
    pub records: Arc<StatusRecords>,
    /// True if replicas share the persistent tier.
    pub is_shared: bool,
}

/// The components whose state the page shows.
#[derive(Clone)]
pub(super) struct StatusSources {
    pub(super) observed: MetricsSources,
    pub(super) calls: Arc<Calls>,
    pub(super) health: Health,
    pub(super) records: Arc<StatusRecords>,
    pub(super) is_shared: bool,
}

/// The page at `/`, for browsers.
pub(super) struct StatusPage {
    sources: StatusSources,
    explain: Explain,
    content_security_policy: HeaderValue,
}

impl StatusPage {
    pub(super) fn new(sources: StatusSources, explain: Explain) -> Self {
        Self { sources, explain, content_security_policy: html::content_security_policy() }
    }

    /// Explains the document whose URL the form has sent, if it has sent one.
    async fn explained(&self, req: &Request) -> Option<(Explained, LogFields)> {
        let url = wanted_url(req.uri().query()?)?;
        let (sentences, log_fields) = self.explain.sentences(req, &url).await;
        Some((Explained { url, sentences }, log_fields))
    }
}

impl Page for StatusPage {
    const IS_SHED: bool = true;
    // An open page requests itself every few seconds.
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> LogFields {
        let (explained, log_fields) = self.explained(req).await.unzip();
        let facts = ServiceFacts::gather(&self.sources, arrival.at);
        let body = html::page(&facts, explained.as_ref());
        render::page(req, res, &self.content_security_policy, body);
        log_fields.unwrap_or_default()
    }
}

/// The page at `/status.json`: the same facts as JSON.
pub(super) struct StatusJson(pub(super) StatusSources);

impl Page for StatusJson {
    const IS_SHED: bool = true;
    // Programs may poll it every few seconds.
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> LogFields {
        let facts = ServiceFacts::gather(&self.0, arrival.at);
        render::json(req, res, serde_json::to_string(&facts).unwrap_or_default());
        LogFields::default()
    }
}

/// Returns the value of the form's only field, which the browser has encoded.
fn wanted_url(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("explain="))?;
    let bytes = percent::decode(&value.replace('+', " "))?;
    let text = String::from_utf8(bytes).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_sends_one_field() {
        for (query, want) in [
            ("explain=https%3A%2F%2Fh%2Fa%3Fb%3D1", Some("https://h/a?b=1")),
            ("a=1&explain=+x+", Some("x")),
            ("explain=", None),
            ("explain=+", None),
            ("url=x", None),
            ("explain=%zz", None),
            ("explain=%ff", None),
        ] {
            assert_eq!(wanted_url(query).as_deref(), want, "{query}");
        }
    }
}
