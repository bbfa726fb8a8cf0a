//! The verdict on an answer, by the state of the world at that time.

use serde_json::json;
use svm::entry::Body;
use svm::target::Key;

use super::op::{Way, Wish};
use super::reference::{Copy, Document, Held, NEGATIVE_TTL, Step};
use super::scene::{CLIENT_LIFETIME, body, url};
use crate::support::app::Answer;

/// The basis of a verdict.
#[derive(Debug)]
pub(super) struct Case<'a> {
    /// The document before the step.
    pub(super) before: &'a Document,
    /// The events of the step.
    pub(super) step: Step,
    /// True if svm certainly finds the content below L1.
    pub(super) l2_is_whole: bool,
    /// The request of this client.
    pub(super) wish: Wish,
    /// The answer that it got.
    pub(super) answer: &'a Answer,
}

impl Case<'_> {
    /// Judges the answer. Returns the version that it served, if any.
    pub(super) fn judge(&self) -> Option<u64> {
        let Self { answer, wish, .. } = self;
        let key = Key::of(&url(wish.document)).to_string();
        self.holds(answer.header("x-cache-key") == key, "the key is the document's");
        match answer.status.as_u16() {
            200 => Some(self.document()),
            404 | 410 => {
                self.negative();
                None
            }
            _ => {
                self.failure();
                None
            }
        }
    }

    /// Judges a body: it must have been published for this document, be no older than one served
    /// before, and have the stated age.
    fn document(&self) -> u64 {
        let Self { before, step, wish, answer, .. } = self;
        let version = answer.json()["version"].as_u64().expect("a version");
        self.holds(answer.body == body(wish.document, version), "the body is this document's");
        self.holds(
            answer.header("etag") == Body::from(answer.body.clone()).tag().to_string(),
            "the tag is the body's",
        );
        self.holds(version >= before.floor, "no version comes back");
        let age: u64 = answer.header("age").parse().expect("an age");
        let checked_at = step.now - age;
        let is_new = step.calls > 0 && before.live == Some(version) && age == 0;
        let is_copy = |copy: &Copy| (copy.version, copy.checked_at) == (version, checked_at);
        let is_stored = !wish.refresh && before.copies().iter().any(is_copy);
        self.holds(is_new || is_stored, "the body is new, or a copy that there was");
        self.lifetime(Copy { version, checked_at, fetched_at: checked_at, persisted: 0 }, age);
        version
    }

    /// Judges the lifetime: a fresh body states its lifetime; an expired one needs an excuse and is
    /// marked as stale.
    fn lifetime(&self, copy: Copy, age: u64) {
        let Self { before, step, answer, .. } = self;
        let (now, expires_at) = (step.now, copy.expires_at());
        let told = answer.header("cache-status").split("ttl=").nth(1);
        let told = told.and_then(|rest| rest.split(';').next()).map(str::to_owned);
        let left = i128::from(expires_at) - i128::from(now);
        self.holds(told.is_none_or(|told| told == left.to_string()), "the ttl is true");
        let lifetime = match copy.is_fresh(now) {
            true => format!("public, max-age={}", age + CLIENT_LIFETIME),
            false => "no-cache".to_owned(),
        };
        self.holds(answer.header("cache-control") == lifetime, "Cache-Control is true");
        if !copy.is_fresh(now) {
            self.holds(before.is_excused(step), "an expired copy stands in for a failure");
            self.holds(copy.may_stand_in(now), "an expired copy stands in for a while");
        }
    }

    /// Judges an absence: the upstream reports it now, or has reported it recently.
    fn negative(&self) {
        let Self { before, step, wish, .. } = self;
        let is_new = step.calls > 0 && before.live.is_none();
        let is_known = !wish.refresh
            && matches!(before.l1, Held::Gone { since } if step.now < since + NEGATIVE_TTL);
        self.holds(is_new || is_known, "a document that does not exist");
    }

    /// Judges a failure: there must be a reason, the failed part must report it, and no copy could
    /// have been served instead.
    fn failure(&self) {
        let Self { before, step, l2_is_whole, wish, answer } = self;
        // The mirror gives some failures the status that clients of GitHub understand.
        let status = (wish.way != Way::Mirror).then(|| answer.status.as_u16());
        let is_remembered = !wish.refresh && before.is_refused(step.now, status);
        self.holds(!step.healthy || is_remembered, "there is reason to fail");
        let is_passed_on = answer.header("x-upstream-status") != "0";
        self.holds(!is_passed_on || step.calls > 0, "no failure is stored");
        self.holds(answer.header("cache-control") == "no-store", "no client stores a failure");
        let is_certain = *l2_is_whole || before.l1 != Held::Nothing;
        let copies = before.copies();
        let has_copy = !copies.is_empty() && copies.iter().all(|copy| copy.may_stand_in(step.now));
        // A refusal of the document itself is not a failure that a copy may hide.
        let is_refusal = answer.status == 451;
        let may_fail = wish.refresh || is_refusal || !is_certain || !has_copy;
        self.holds(may_fail, "a copy stands in for a failure");
    }

    #[track_caller]
    fn holds(&self, condition: bool, law: &str) {
        let told = || json!({ "head": self.answer.head(), "body": self.answer.text() });
        assert!(condition, "broken: {law}\n{:#}\n{self:#?}", told());
    }
}
