//! A circuit breaker for the persistent store. Failed reads open it; successful looks close it.
//!
//! Looks that succeed do not keep it closed: a cheap look every half second must not hide that each
//! read in between is too slow. While it is open nothing is read, so looks alone can close it. It
//! neither reads nor looks itself, and knows no time.

/// Reads that fail in a row until the store is left alone.
const FAILURES_TO_OPEN: u32 = 5;
/// Looks that succeed in a row until it is used again.
const SUCCESSES_TO_CLOSE: u32 = 3;
/// Looks that fail in a row until the store is called down: one may be a hiccup of a busy machine.
const FAILED_LOOKS_TO_BE_DOWN: u32 = 2;

/// The state of a store, as its last reads and looks tell it.
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

    /// Returns true if the store is left alone.
    pub fn is_open(self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Returns true if the store is up, as far as the looks tell.
    pub fn is_up(self) -> bool {
        self.up
    }

    /// Returns true if neither reads nor looks fail: an outage is one, whether a read or a look
    /// noticed it.
    pub fn is_well(self) -> bool {
        self.up && !self.is_open()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Breaker;

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Read(bool),
        Look(bool),
    }

    use Event::{Look, Read};

    fn after(events: impl IntoIterator<Item = Event>) -> Breaker {
        events.into_iter().fold(Breaker::default(), |mut breaker, event| {
            match event {
                Read(answered) => breaker.read(answered),
                Look(answered) => breaker.looked(answered),
            }
            breaker
        })
    }

    fn opened() -> impl Iterator<Item = Event> {
        [Read(false); 5].into_iter()
    }

    #[test]
    fn the_fifth_read_that_fails_in_a_row_opens_it() {
        assert!(!after([Read(false); 4]).is_open());
        assert!(after([Read(false); 5]).is_open());
        let interrupted = [Read(false); 4].into_iter().chain([Read(true)]).chain([Read(false); 4]);
        assert!(!after(interrupted).is_open());
    }

    #[test]
    fn looks_that_succeed_do_not_hide_reads_that_fail() {
        assert!(after([Read(false), Look(true)].repeat(5)).is_open());
    }

    #[test]
    fn looks_that_fail_do_not_open_it() {
        assert!(!after([Look(false); 100]).is_open());
    }

    #[test]
    fn the_third_look_that_succeeds_in_a_row_closes_it() {
        assert!(after(opened().chain([Look(true); 2])).is_open());
        assert!(!after(opened().chain([Look(true); 3])).is_open());
        let interrupted = [Look(true), Look(true), Look(false), Look(true), Look(true)];
        assert!(after(opened().chain(interrupted)).is_open());
    }

    #[test]
    fn a_read_that_ends_after_it_opened_changes_nothing() {
        assert_eq!(after(opened().chain([Read(true), Read(false)])), after(opened()));
    }

    #[test]
    fn it_starts_over_when_it_closes() {
        let closed = opened().chain([Look(true); 3]);
        assert_eq!(after(closed), Breaker::default());
    }

    #[test]
    fn one_failed_look_is_no_outage_unless_reads_fail_too() {
        assert!(after([Look(false)]).is_up());
        assert!(after([Look(false), Look(true), Look(false)]).is_up());
        assert!(!after([Look(false), Look(false)]).is_up());
        assert!(after(opened()).is_up());
        assert!(!after(opened().chain([Look(false)])).is_up());
    }

    #[test]
    fn one_look_that_succeeds_makes_it_up_again() {
        assert!(after([Look(false), Look(false), Look(true)]).is_up());
        let down = after([Look(false), Look(false), Look(true), Look(false), Look(false)]);
        assert!(!down.is_up());
    }

    #[test]
    fn all_is_well_when_neither_complains() {
        assert!(after([]).is_well());
        assert!(!after(opened()).is_well());
        assert!(!after([Look(false); 2]).is_well());
        assert!(!after(opened().chain([Look(false), Look(true)])).is_well());
    }

    /// The same by looking back at all that happened.
    #[derive(Default)]
    struct Model {
        /// Since it last closed.
        reads: Vec<bool>,
        /// Since it last opened.
        looks_while_open: Vec<bool>,
        /// All looks, and whether it was open then.
        looks: Vec<(bool, bool)>,
        open: bool,
    }

    impl Model {
        fn happens(&mut self, event: Event) {
            match event {
                Read(answered) if !self.open => {
                    self.reads.push(answered);
                    self.open = self.reads.ends_with(&[false; 5]);
                }
                Read(_) => {}
                Look(answered) => {
                    self.looks.push((answered, self.open));
                    if self.open {
                        self.looks_while_open.push(answered);
                    }
                }
            }
            if self.looks_while_open.ends_with(&[true; 3]) {
                self.open = false;
                self.reads.clear();
                self.looks_while_open.clear();
            }
        }

        fn is_up(&self) -> bool {
            let failed: Vec<_> = self.looks.iter().rev().take_while(|(ok, _)| !ok).collect();
            failed.len() < 2 && !failed.iter().any(|(_, open)| *open)
        }
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Read(false)),
            1 => Just(Read(true)),
            2 => Just(Look(true)),
            1 => Just(Look(false)),
        ]
    }

    proptest! {
        #[test]
        fn it_says_what_the_whole_history_says(events in prop::collection::vec(event(), 0..200)) {
            let (mut breaker, mut model) = (Breaker::default(), Model::default());
            for event in events {
                match event {
                    Read(answered) => breaker.read(answered),
                    Look(answered) => breaker.looked(answered),
                }
                model.happens(event);
                prop_assert_eq!(breaker.is_open(), model.open);
                prop_assert_eq!(breaker.is_up(), model.is_up());
            }
        }
    }
}
