//! The cost of a document's checks, as far as it affects the time of the next one.

use crate::clock::Timestamp;

/// The checks of a document that were charged to the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charges {
    /// The latest of them, between which no client requested the document.
    count: u32,
    /// The time of the last one.
    last_at: Timestamp,
    /// True if the last check was charged.
    is_latest: bool,
    /// True if at least one check has ended.
    is_known: bool,
}

impl Charges {
    /// Returns the number of charged checks since the last use of the document, at `used_at`.
    pub fn unused(self, used_at: Timestamp) -> u32 {
        if used_at >= self.last_at { 0 } else { self.count }
    }

    /// Returns true if the next check is likely to be charged as well, as the last one was.
    pub fn are_likely(self) -> bool {
        self.is_latest
    }

    /// Returns true if no check has shown yet whether it is charged.
    pub fn are_unknown(self) -> bool {
        !self.is_known
    }

    /// Returns the charges after a charged check by another replica at `at`, unless it is counted.
    #[must_use]
    pub(super) fn with_adopted(self, used_at: Timestamp, at: Timestamp) -> Self {
        if at > self.last_at { self.with(true, used_at, at) } else { self }
    }

    /// Returns the charges after one more check at `now`.
    #[must_use]
    pub fn with(self, is_charged: bool, used_at: Timestamp, now: Timestamp) -> Self {
        match is_charged {
            true => Self {
                count: self.unused(used_at) + 1,
                last_at: now,
                is_latest: true,
                is_known: true,
            },
            false => Self { is_latest: false, is_known: true, ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn charged_checks_count_until_a_client_asks() {
        let used_at = at(0);
        assert!(Charges::default().are_unknown());
        let charges = Charges::default().with(true, used_at, at(60)).with(true, used_at, at(180));
        assert_eq!(charges.unused(used_at), 2);
        let free = charges.with(false, used_at, at(420));
        assert_eq!((free.unused(used_at), free.are_likely()), (2, false));
        assert!(!charges.are_unknown() && !free.are_unknown());
        assert_eq!(charges.unused(at(200)), 0, "somebody asked since");
        let again = charges.with(true, at(200), at(240));
        assert_eq!((again.unused(at(200)), again.are_likely()), (1, true));
    }
}
