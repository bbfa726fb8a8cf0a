//! The rules of freshness: the use of a stored entry, the consequence of an exchange, the answer
//! for a waiter.
//!
//! Pure: no I/O, no clock; `now` is an argument. The rest of the cache moves entries and decides
//! nothing (RFC 9111 for freshness, RFC 5861 for stale copies).

mod asking;
mod freshness;
mod lifetime;
mod losses;
mod pages;
mod persisting;
mod refusal;
mod replica;
mod verdict;
mod waiter;

pub use freshness::Recall;

pub(super) use asking::{asked, at_stake, is_overdue};
pub(super) use freshness::{recall, serves};
pub(super) use lifetime::{
    checked_at, claimed_at, never_fully_checked, outdated, pinned, within_lifetime,
};
pub(super) use losses::{LostRelease, Witness, ask_at, claim, lost_releases, weigh};
pub(super) use persisting::{is_certain, is_worth_persisting, keep_until};
pub(super) use refusal::{briefly, remember_refusal};
pub(super) use replica::{confirmed_by_replica, is_newer, replaced_by_check};
pub(super) use verdict::{remember_failure, verdict};
pub(super) use waiter::{answer, late};

/// The demand of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A fresh answer, or a copy where the rules allow one.
    Cached,
    /// An answer that the upstream confirms now, unless it has done so within
    /// `REFRESH_MIN_INTERVAL`.
    Refresh,
    /// An answer that the upstream confirms now in any case: the interface that asks cannot use the
    /// stored one.
    Another,
    /// An entry that the upstream confirms now, in the background: no client waits.
    Revalidate,
}

#[cfg(test)]
mod tests;
