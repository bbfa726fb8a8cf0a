//! The form of an answer to a client that wants a part of a document.

use std::sync::{Arc, OnceLock};

use salvo::{Request, Response};

use crate::cache::Answer;
use crate::clock::Timestamp;
use crate::entry::Body;
use crate::http::documents::Form;
use crate::http::render::{self, Given};
use crate::http::selection::{Selected, Selection, Selections};

/// The size in bytes of a document up to which the search for a part runs on the current thread,
/// where it takes a fraction of a millisecond.
const LARGEST_AT_ONCE: usize = 64 << 10;

/// The form of an answer with a part of the document, as of the arrival of the request.
pub(super) struct InPart<'a> {
    selections: &'a Arc<Selections>,
    selection: Arc<Selection>,
    now: Timestamp,
    /// The document, and the part of it that was found.
    found: OnceLock<(Body, Selected)>,
}

impl<'a> InPart<'a> {
    pub(super) fn new(
        selections: &'a Arc<Selections>,
        selection: Arc<Selection>,
        now: Timestamp,
    ) -> Self {
        Self { selections, selection, now, found: OnceLock::new() }
    }

    fn part(&self, document: &Body) -> Selected {
        let found = self.found.get().filter(|(of, _)| of.tag() == document.tag());
        let found = found.map(|(_, part)| part.clone());
        found.unwrap_or_else(|| self.selections.find(document, &self.selection, self.now))
    }
}

impl Form for InPart<'_> {
    fn answer(&self, req: &Request, res: &mut Response, given: Given<'_>) -> Option<usize> {
        let Some(entry) = given.answer.document() else {
            return render::answer(req, res, given);
        };
        match self.part(&entry.body) {
            Ok(part) => render::part(req, res, given, entry, &part),
            Err(absence) => {
                render::no_part(req, res, given, &absence.reason);
                None
            }
        }
    }

    fn is_ready(&self, answer: &Answer) -> bool {
        let Some(document) = answer.document().map(|it| &it.body) else { return true };
        if let Some(part) = self.selections.recall(document, &self.selection, self.now) {
            let _ = self.found.set((document.clone(), part));
            return true;
        }
        document.len() <= LARGEST_AT_ONCE
    }

    async fn prepare(&self, answer: &Answer) {
        let Some(document) = answer.document().map(|it| &it.body) else { return };
        if !self.is_ready(answer) {
            let found = self.selections.find_on_thread(document, &self.selection, self.now).await;
            if let Some(part) = found {
                let _ = self.found.set((document.clone(), part));
            }
        }
    }
}
