//! When a store is left alone, and what is said of it.
//!
//! It learns from two sources, and each has its own say. Reads open the breaker: a look that succeeds every half
//! second must not hide that each read in between is too slow. Looks close it: while it is open nothing is read.
//! It neither reads nor looks, and knows no time: how often one looks is the business of whoever does.

/// Reads that fail in a row until the store is left alone.
const FAILURES_TO_OPEN: u32 = 5;
/// Looks that succeed in a row until it is used again.
const SUCCESSES_TO_CLOSE: u32 = 3;
/// Looks that fail in a row until the store is called down: one may be a hiccup of a busy machine.
const FAILED_LOOKS_TO_BE_DOWN: u32 = 2;

/// What the last reads and looks say of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    failed_looks: u32,
    up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The store is used.
    Closed {
        /// Reads that failed in a row.
        failures: u32,
    },
    /// The store is left alone.
    Open {
        /// Looks that succeeded in a row.
        successes: u32,
    },
}

impl Default for Breaker {
    /// Closed, and up: a store is trusted until it fails.
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 }, failed_looks: 0, up: true }
    }
}

impl Breaker {
    /// A read has ended. One that was under way when the breaker opened changes nothing.
    pub fn read(&mut self, answered: bool) {
        let State::Closed { failures } = &mut self.state else { return };
        *failures = if answered { 0 } else { *failures + 1 };
        if *failures == FAILURES_TO_OPEN {
            self.state = State::Open { successes: 0 };
        }
    }

    /// A look has ended. One that fails is enough to be down if the reads fail as well.
    pub fn looked(&mut self, answered: bool) {
        self.failed_looks = if answered { 0 } else { self.failed_looks.saturating_add(1) };
        self.up = match self.failed_looks {
            0 => true,
            failed => self.up && !self.is_open() && failed < FAILED_LOOKS_TO_BE_DOWN,
        };
        let State::Open { successes } = &mut self.state else { return };
        *successes = if answered { *successes + 1 } else { 0 };
        if *successes == SUCCESSES_TO_CLOSE {
            self.state = State::Closed { failures: 0 };
        }
    }

    /// Whether the store is left alone.
    pub fn is_open(self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the store is up, as far as the looks tell.
    pub fn is_up(self) -> bool {
        self.up
    }

    /// Whether neither reads nor looks have anything to complain about: an outage is one thing, whoever noticed it.
    pub fn is_well(self) -> bool {
        self.up && !self.is_open()
    }
}
