//! The page `/version`: the upstream document that the `url` parameter names.
//!
//! The costs of a hit, in order: one request id and its text; one pass over the fields of the
//! request; one lookup in the query cache (if the query is not cached: one parse of the query and
//! the target, with one SHA-256); one L1 lookup, one comparison, one timestamp beside the entry;
//! one copy of a frame and of the document's five cached header values (once a second, svm rewrites
//! three of them; if they are not cached, all five); one clone of the handle of the body or of its
//! gzip form; a few counters; one line to the queue of the log.

mod part;

use std::sync::Arc;

use salvo::{Request, Response};

use super::documents::{Documents, Form, Wanted};
use super::page::{Arrival, LogFields, Page};
use super::query_cache::{ParsedQuery, QueryCache};
use super::refused_url;
use super::render::{self, Given};
use super::selection::{Selection, Selections};

use part::InPart;

pub(super) struct Version {
    pub(super) documents: Arc<Documents>,
    pub(super) queries: QueryCache,
    pub(super) selections: Arc<Selections>,
}

impl Page for Version {
    const IS_SHED: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> LogFields {
        match self.queries.read(req.uri().query()) {
            Ok(ParsedQuery { target, demand, selection }) => {
                let wanted = Wanted { target, demand };
                match selection {
                    None => self.documents.answer(req, res, wanted, arrival, &Plain).await,
                    // Boxed separately, so that the future of a plain hit stays small.
                    Some(selection) => {
                        Box::pin(self.part(req, res, wanted, selection, arrival)).await
                    }
                }
            }
            Err(detail) => {
                render::invalid_parameter(req, res, &detail);
                let url = refused_url::shown(req.uri().query());
                self.documents.count_refusal(arrival, &detail, url)
            }
        }
    }
}

impl Version {
    async fn part(
        &self,
        req: &Request,
        res: &mut Response,
        wanted: Wanted,
        selection: Arc<Selection>,
        arrival: &Arrival,
    ) -> LogFields {
        let form = InPart::new(&self.selections, selection, arrival.at);
        self.documents.answer(req, res, wanted, arrival, &form).await
    }
}

/// The form of an answer with a whole document.
struct Plain;

impl Form for Plain {
    fn answer(&self, req: &Request, res: &mut Response, given: Given<'_>) -> Option<usize> {
        render::answer(req, res, given)
    }
}
