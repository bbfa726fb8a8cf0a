//! The model: the possible contents of the tiers for one document, and their possible changes.
//!
//! All times are in seconds. The model defines the lawful contents, and adopts the observed content
//! among them.

/// `CACHE_HARD_TTL`.
pub(super) const TTL: u64 = 100;
/// `CACHE_NEGATIVE_TTL`.
pub(super) const NEGATIVE_TTL: u64 = 10;
/// The time for which a policy, or an answer that is no document, is remembered.
pub(super) const REFUSAL_TTL: u64 = 60;
/// The same while L2 is silent.
const REFUSAL_TTL_WITHOUT_L2: u64 = 5;
/// `CACHE_STALE_IF_ERROR`.
pub(super) const STALE_IF_ERROR: u64 = 300;
/// The time for which a copy may be served after the end of a failure: the longest pause, and the
/// retry after it.
const REMEMBERED: u64 = 120;

/// A body that a tier holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// The version of the body.
    pub(super) version: u64,
    /// The time at which the body arrived.
    pub(super) fetched_at: u64,
    /// The time at which the upstream last confirmed it.
    pub(super) checked_at: u64,
    /// The expiry in the last write to L2.
    pub(super) persisted: u64,
}

/// The content of L1 for one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing.
    Nothing,
    /// A body, fresh or not.
    Copy(Copy),
    /// The absence of the document.
    Gone {
        /// The time of the upstream's answer.
        since: u64,
    },
    /// A refusal by the upstream.
    Refused {
        /// The end of the time for which the refusal is remembered.
        since: u64,
        /// Until when that is remembered.
        until: u64,
        /// The status that clients get.
        status: u16,
    },
}

/// The events of one step that concern a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The time of the step.
    pub(super) now: u64,
    /// The number of requests to the upstream.
    pub(super) calls: u64,
    /// True if each request to the upstream must get its answer.
    pub(super) healthy: bool,
}

/// One document.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// The version that the upstream serves, if it serves one.
    pub(super) live: Option<u64>,
    /// True if requests for it fail.
    pub(super) failing: bool,
    /// The oldest version that may be served.
    pub(super) floor: u64,
    /// The content of L1.
    pub(super) l1: Held,
    /// The possible contents of L2: the last observed one, and every write since. The last write is
    /// the one that L2 will hold, and that the queue has.
    pub(super) l2: Vec<Option<Copy>>,
    /// The times at which the upstream confirmed the newest body, also before a restart.
    checks: Vec<u64>,
    /// True if the service certainly knows those checks: it loads those of an earlier process in
    /// the background.
    remembers_checks: bool,
    troubled_at: Option<u64>,
}

impl Copy {
    /// Returns the time from which on the copy is expired.
    pub(super) fn expires_at(self) -> u64 {
        self.checked_at + TTL
    }

    /// Returns true if the copy may be served as it is.
    pub(super) fn is_fresh(self, now: u64) -> bool {
        now < self.expires_at()
    }

    /// Returns true if the copy may be served instead of a failure.
    pub(super) fn may_stand_in(self, now: u64) -> bool {
        now < self.expires_at() + STALE_IF_ERROR
    }

    fn stored(version: u64, now: u64) -> Self {
        Self { version, fetched_at: now, checked_at: now, persisted: now + TTL }
    }

    /// Returns the copy after a check. The check is written to L2 if it moves the expiry by more
    /// than a tenth.
    fn freshened(self, now: u64) -> Self {
        let is_told = now + TTL - self.persisted > TTL / 10;
        let persisted = if is_told { now + TTL } else { self.persisted };
        Self { checked_at: now, persisted, ..self }
    }
}

impl Document {
    /// Creates a document without requests.
    pub(super) fn new(version: u64) -> Self {
        Self {
            live: Some(version),
            failing: false,
            floor: 0,
            l1: Held::Nothing,
            l2: vec![None],
            checks: Vec::new(),
            remembers_checks: true,
            troubled_at: None,
        }
    }

    /// Returns the copies that svm may find without a request to the upstream.
    pub(super) fn copies(&self) -> Vec<Copy> {
        let found = match self.l1 {
            Held::Copy(copy) => Some(copy),
            Held::Nothing => self.newest(),
            Held::Gone { .. } | Held::Refused { .. } => None,
        };
        let Some(found) = found else { return Vec::new() };
        let later = self.checks.iter().copied().filter(|at| *at > found.checked_at);
        let checks: Vec<_> = match self.remembers_checks {
            true => vec![later.max().unwrap_or(found.checked_at)],
            false => later.chain([found.checked_at]).collect(),
        };
        checks.into_iter().map(|checked_at| Copy { checked_at, ..found }).collect()
    }

    /// Returns the newest copy of the queue and L2 together.
    pub(super) fn newest(&self) -> Option<Copy> {
        *self.l2.last().expect("it may always hold something")
    }

    /// Returns true if an expired copy may be served because a request failed recently.
    pub(super) fn is_excused(&self, step: &Step) -> bool {
        !step.healthy || self.troubled_at.is_some_and(|at| step.now < at + REMEMBERED)
    }

    /// Adopts the observed content of L1 after a step. Asserts that it is lawful.
    pub(super) fn observe(&mut self, observed: Held, step: &Step, l2_is_whole: bool) {
        let (before, now) = (self.clone(), step.now);
        let answers = if step.calls > 0 { before.exchanged(now) } else { Vec::new() };
        let is_answer = answers.contains(&observed);
        let is_kept = observed == before.l1
            || before.copies().iter().any(|copy| observed == Held::Copy(*copy));
        let is_refusal = step.calls > 0 && before.may_be_refused(observed, now, l2_is_whole);
        let is_lawful = match step.calls > 0 && step.healthy {
            true => is_answer,
            false => is_answer || is_kept || is_refusal,
        };
        assert!(is_lawful, "L1 holds {observed:?} after {step:?}\nbefore: {before:#?}");
        if !step.healthy {
            self.troubled_at = Some(now);
        }
        self.l1 = observed;
        if is_answer {
            self.accept(observed, now);
        }
    }

    /// Adopts the observed content of L2.
    pub(super) fn observe_l2(&mut self, observed: Option<Copy>) {
        let known = self.l2.iter().position(|lawful| *lawful == observed);
        let known = known.unwrap_or_else(|| panic!("L2 holds {observed:?}\n{self:#?}"));
        self.l2.drain(..known);
    }

    /// Asserts that L2 has all writes.
    pub(super) fn observe_flushed(&mut self, observed: Option<Copy>) {
        assert_eq!(observed, self.newest(), "after a flush L2 has the last write\n{self:#?}");
        self.l2 = vec![observed];
    }

    /// Starts a new process, with the remaining content of L2. An older body may be served again
    /// only if a newer one was lost.
    pub(super) fn restarted(&mut self, left: Option<Copy>) {
        self.observe_l2(left);
        self.l2 = vec![left];
        self.l1 = Held::Nothing;
        self.remembers_checks = false;
        self.troubled_at = None;
        if let Some(left) = left {
            self.floor = self.floor.min(left.version);
        }
    }

    /// Returns true if a refusal may be stored: no copy is left to serve, and the refusal has its
    /// lifetime.
    fn may_be_refused(&self, observed: Held, now: u64, l2_is_whole: bool) -> bool {
        let Held::Refused { since, until, status } = observed else { return false };
        let is_final = status == 451;
        let ttl = if is_final { NEGATIVE_TTL } else { REFUSAL_TTL };
        let may_serve = |copy: &Copy| copy.is_fresh(now) || !is_final && copy.may_stand_in(now);
        let copies = self.copies();
        let is_certain = l2_is_whole || self.l1 != Held::Nothing;
        let has_none = copies.is_empty() || !is_certain || !copies.iter().all(may_serve);
        // While L2 is silent, it may have a copy that a longer refusal would hide.
        let is_brief = !l2_is_whole && until == now + REFUSAL_TTL_WITHOUT_L2;
        let ends = until == now + ttl || is_brief;
        [401, 403, 451, 502].contains(&status) && since == now && ends && has_none
    }

    /// Returns true if the refusal with this status is still remembered.
    pub(super) fn is_refused(&self, now: u64, with: Option<u16>) -> bool {
        let is_it = |status| with.is_none_or(|with| status == with);
        matches!(self.l1, Held::Refused { until, status, .. } if now < until && is_it(status))
    }

    /// Returns the possible contents of L1 after an exchange with the upstream.
    fn exchanged(&self, now: u64) -> Vec<Held> {
        let Some(live) = self.live else { return vec![Held::Gone { since: now }] };
        let same = self.copies().into_iter().filter(|copy| copy.version == live);
        let freshened = same.map(|copy| copy.freshened(now));
        [Copy::stored(live, now)].into_iter().chain(freshened).map(Held::Copy).collect()
    }

    fn accept(&mut self, answer: Held, now: u64) {
        match answer {
            Held::Copy(copy) => {
                if copy.fetched_at == now {
                    self.checks.clear();
                }
                self.checks.push(copy.checked_at);
                self.remembers_checks = true;
                self.floor = self.floor.max(copy.version);
                if copy.persisted == now + TTL {
                    self.write(Some(copy));
                }
            }
            Held::Gone { .. } => self.write(None),
            Held::Nothing | Held::Refused { .. } => {}
        }
    }

    fn write(&mut self, change: Option<Copy>) {
        if self.newest() != change {
            self.l2.push(change);
        }
    }
}
