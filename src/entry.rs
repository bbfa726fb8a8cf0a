//! A stored response, as all tiers share it.
//!
//! An entry is immutable. A change (a new lifetime, a remembered failure) makes a new entry that
//! shares the bytes of the body. Its stored form belongs to `store::record`, its headers to
//! `http::render`.

mod body;
mod check;
mod doubt;
mod links;
mod moved;
mod notices;
mod pin;
mod reason;
mod validators;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::clock::Timestamp;
use crate::target::Key;

use crate::secret::Fingerprint;
pub use body::{Body, Coding, EntityTag, LARGEST_UNCOMPRESSED};
pub use check::Check;
pub use doubt::{Doubt, Loss, LossClaim};
pub use links::{Links, Relation};
pub use moved::Moved;
pub use notices::Notices;
pub use pin::Pin;
pub use reason::Reason;
pub use validators::{Validator, Validators};

/// The largest body that the persistent tier keeps, in bytes.
pub const LARGEST_PERSISTED_BODY: usize = 10 << 20;
/// The largest form in which the persistent tier keeps a body, in bytes: its gzip form, or the body
/// itself where a gzip form saves too little.
pub const LARGEST_STORED_FORM: usize = 1 << 20;
/// The most by which the clocks of replicas may differ.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);

/// One upstream response to one target, with everything needed to decide its use and to revalidate
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of the target, whose digest is the key: its canonical URL, with a label for a
    /// representation other than the default.
    pub url: Box<str>,
    /// `200`, or the status with which a negative entry is served.
    pub status: StatusCode,
    /// The upstream's bytes, and the tag under which they are served.
    pub body: Body,
    /// The validators that the upstream gave.
    pub validators: Validators,
    /// The token that fetched the body, on which GitHub's ETag depends.
    pub token: Option<Fingerprint>,
    /// The times of its fetch, its checks and its expiry.
    pub times: Times,
    /// True if the last check is known from its time alone, from the index or from another replica.
    /// It may have been a full one. A record does not keep this.
    pub has_adopted_check: bool,
    /// The expiry with which this body was last pushed to the persistent tier; decides whether a
    /// `304` is worth a write.
    pub persisted: Persisted,
    /// Properties that hardly any entry has.
    pub extras: Extras,
}

/// The expiry with which an entry was last pushed to the persistent tier. The epoch if it was not,
/// or if that write was lost: then the next check writes it.
#[derive(Debug, Default)]
pub struct Persisted(AtomicU64);

/// Properties that few entries have. An entry without them pays one word, since there may be a
/// million such entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras(Option<Box<ExtraFields>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ExtraFields {
    moved: Option<Moved>,
    failure: Option<RecentFailure>,
    refusal: Option<Reason>,
    doubt: Option<Doubt>,
    pin: Option<Pin>,
    links: Links,
    lacks_links: bool,
    notices: Notices,
}

/// The times at which an entry was fetched, was last confirmed, and expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The time at which the body arrived.
    pub fetched_at: Timestamp,
    /// The time at which the upstream last confirmed the body; of two entries, the one with the
    /// later time is the newer.
    pub checked_at: Timestamp,
    /// The time of the last full check, by the body or its ETag. A check by date does not change
    /// it.
    pub fully_checked_at: Timestamp,
    /// The entry is expired from this time on.
    pub expires_at: Timestamp,
}

/// A remembered failure: until `retry_at`, the copy is served without a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentFailure {
    /// The time from which on the upstream may be called again.
    pub retry_at: Timestamp,
    /// The length of this pause; the next pause is twice as long.
    pub pause: Duration,
    /// The reason of the failure.
    pub reason: Reason,
}

impl RecentFailure {
    /// Returns the time of the failure.
    pub fn at(&self) -> Timestamp {
        self.retry_at - self.pause
    }

    /// Returns true within the pause. A pause that begins in the future dates from before the clock
    /// was set back, and does not count.
    pub fn is_in_pause(&self, now: Timestamp) -> bool {
        self.at() <= now && now < self.retry_at
    }
}

impl Persisted {
    /// Creates the mark of an entry that was pushed with this expiry.
    pub fn until(expiry: Timestamp) -> Self {
        Self(AtomicU64::new(expiry.as_millis()))
    }

    /// Returns the expiry with which it was pushed.
    pub fn expiry(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// Records that it is pushed with this expiry.
    pub fn set(&self, expiry: Timestamp) {
        self.0.store(expiry.as_millis(), Ordering::Relaxed);
    }
}

impl Clone for Persisted {
    fn clone(&self) -> Self {
        Self::until(self.expiry())
    }
}

impl PartialEq for Persisted {
    fn eq(&self, other: &Self) -> bool {
        self.expiry() == other.expiry()
    }
}

impl Eq for Persisted {}

impl Extras {
    /// Creates the extras; they take no memory if both are absent.
    pub fn new(moved: Option<Moved>, failure: Option<RecentFailure>) -> Self {
        let has_any = moved.is_some() || failure.is_some();
        Self(has_any.then(|| Box::new(ExtraFields { moved, failure, ..ExtraFields::default() })))
    }

    /// Adds the links that the upstream gave with the body.
    pub fn with_links(mut self, links: Links) -> Self {
        if !links.is_empty() {
            self.0.get_or_insert_default().links = links;
        }
        self
    }

    /// Adds the notices that the upstream gave with the body.
    pub fn with_notices(mut self, notices: Notices) -> Self {
        if !notices.is_empty() {
            self.0.get_or_insert_default().notices = notices;
        }
        self
    }

    /// Records that it is unknown whether the upstream gave links with the body.
    pub fn lacking_links(mut self) -> Self {
        self.0.get_or_insert_default().lacks_links = true;
        self
    }

    /// Sets or clears the doubt about the upstream's latest answer.
    pub fn with_doubt(mut self, doubt: Option<Doubt>) -> Self {
        if doubt.is_some() || self.doubt().is_some() {
            self.0.get_or_insert_default().doubt = doubt;
        }
        self
    }

    /// Sets the reason why the document hardly ever changes.
    pub fn with_pin(mut self, pin: Option<Pin>) -> Self {
        if pin.is_some() || self.pin().is_some() {
            self.0.get_or_insert_default().pin = pin;
        }
        self
    }

    /// Returns these extras for the same body, with another place and another failure.
    pub fn renewed(&self, moved: Option<Moved>, failure: Option<RecentFailure>) -> Self {
        let links = self.links().cloned().unwrap_or_default();
        let notices = self.notices().cloned().unwrap_or_default();
        let renewed = Self::new(moved, failure).with_links(links).with_pin(self.pin());
        let renewed = renewed.with_notices(notices);
        if self.lacks_links() { renewed.lacking_links() } else { renewed }
    }

    /// Creates the extras of a negative entry that remembers this refusal.
    pub fn refused(reason: Reason) -> Self {
        Self(Some(Box::new(ExtraFields { refusal: Some(reason), ..ExtraFields::default() })))
    }

    /// Returns the new place of the document after a permanent redirect.
    pub fn moved(&self) -> Option<&Moved> {
        self.0.as_ref()?.moved.as_ref()
    }

    /// Returns the links to other pages, if the document is a page of several.
    pub fn links(&self) -> Option<&Links> {
        self.0.as_ref().map(|fields| &fields.links).filter(|links| !links.is_empty())
    }

    /// Returns the notices about the end of the endpoint, if there are any.
    pub fn notices(&self) -> Option<&Notices> {
        self.0.as_ref().map(|fields| &fields.notices).filter(|notices| !notices.is_empty())
    }

    /// Returns how many bytes all texts have.
    pub fn text_bytes(&self) -> usize {
        let Some(fields) = &self.0 else { return 0 };
        let Notices { deprecation, sunset } = &fields.notices;
        let notices = [deprecation, sunset].into_iter().flatten().map(|text| text.len());
        let links = Relation::ALL.into_iter().filter_map(|it| fields.links.url(it)).map(str::len);
        let moved = fields.moved.iter().map(|moved| moved.to.len());
        notices.chain(links).chain(moved).sum()
    }

    /// Returns true if the links of the document are unknown, because an earlier version stored it.
    pub fn lacks_links(&self) -> bool {
        self.0.as_ref().is_some_and(|fields| fields.lacks_links)
    }

    /// Returns the last failure to revalidate the entry, if nothing has succeeded since.
    pub fn failure(&self) -> Option<&RecentFailure> {
        self.0.as_ref()?.failure.as_ref()
    }

    /// Returns the reason why the document hardly ever changes.
    pub fn pin(&self) -> Option<Pin> {
        self.0.as_ref()?.pin
    }

    /// Returns the doubt about the upstream's latest answer, if that claims a loss.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.0.as_ref()?.doubt.as_ref()
    }

    /// Returns the reason why the upstream gave no document, if a negative entry remembers another
    /// one than "no such document".
    pub fn refusal(&self) -> Option<Reason> {
        self.0.as_ref()?.refusal
    }
}

impl Times {
    /// Creates the times of an entry that arrived at `now`.
    pub fn starting(now: Timestamp, lifetime: Duration) -> Self {
        Self { fetched_at: now, checked_at: now, fully_checked_at: now, expires_at: now + lifetime }
    }

    /// Returns true if the last check was a full one.
    pub fn last_check_was_full(&self) -> bool {
        self.fully_checked_at == self.checked_at
    }

    /// Returns true if the lifetime begins later than `now` by more than clocks differ. The clock
    /// was then set back, and the age of the entry is unknown.
    pub fn begin_after(&self, now: Timestamp) -> bool {
        self.checked_at > now + CLOCK_DIFFERENCE
    }
}

impl Entry {
    /// Creates an entry that has neither validators nor a token, and was not pushed to the
    /// persistent tier yet.
    pub fn new(
        url: impl Into<Box<str>>,
        status: StatusCode,
        body: impl Into<Body>,
        times: Times,
    ) -> Self {
        Self {
            url: url.into(),
            status,
            body: body.into(),
            validators: Validators::default(),
            token: None,
            times,
            has_adopted_check: false,
            persisted: Persisted::default(),
            extras: Extras::default(),
        }
    }

    /// Returns the key under which this entry is stored.
    pub fn key(&self) -> Key {
        Key::of(&self.url)
    }

    /// Returns true if GitHub gave the body, and its ETag, to a request without a token.
    pub fn came_without_token(&self) -> bool {
        self.token.is_none() && self.validators.etag.is_some()
    }

    /// Returns true if the entry holds no document: none exists, or the upstream refuses it.
    pub fn is_negative(&self) -> bool {
        self.status != StatusCode::OK
    }

    /// Returns true if the last check is known to have been one by date.
    pub fn was_checked_by_date(&self) -> bool {
        !self.times.last_check_was_full() && !self.has_adopted_check
    }

    /// Returns true if the body is small enough for the persistent tier, as far as that is known
    /// without its gzip form.
    pub fn is_persistable(&self) -> bool {
        let stored = self.body.stored().map_or(0, Bytes::len);
        self.body.len() <= LARGEST_PERSISTED_BODY && stored <= LARGEST_STORED_FORM
    }

    /// Returns true if the entry may be served without a call. A lifetime that begins after `now`
    /// counts as over.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.times.expires_at && !self.times.begin_after(now)
    }

    /// Returns the remaining seconds of freshness, rounded up as `Age` is rounded down, so that
    /// both add up to the lifetime. Negative for an expired entry.
    pub fn seconds_left(&self, now: Timestamp) -> i64 {
        let left = self.times.expires_at.since(now).as_millis().div_ceil(1000);
        let over = now.since(self.times.expires_at).as_secs();
        i64::try_from(left).unwrap_or(i64::MAX) - i64::try_from(over).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_texts_of_the_extras_count() {
        assert_eq!(Extras::default().text_bytes(), 0);
        let moved = Moved { to: "12345".into(), seen_at: Timestamp::from_secs(1) };
        let links = Links::from_urls([None, Some("123".into()), Some("1".into()), None]);
        let notices = Notices::parse(Some(b"1234567"), Some(b"12"));
        let extras = Extras::new(Some(moved), None).with_links(links).with_notices(notices);
        assert_eq!(extras.text_bytes(), 5 + 3 + 1 + 7 + 2);
        assert_eq!(extras.renewed(None, None).text_bytes(), 3 + 1 + 7 + 2);
    }
}
