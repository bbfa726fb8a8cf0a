//! A circuit breaker for the persistent store. Failed reads open it; successful probes close it.
//!
//! Successful probes do not keep the breaker closed: a cheap probe every half second must not hide
//! that each read in between is too slow. While the breaker is open, svm makes no reads, so only
//! probes can close it. The breaker is pure: it makes no calls and reads no clock.

/// The consecutive failed reads that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
/// The consecutive successful probes that close it.
const SUCCESSES_TO_CLOSE: u32 = 3;
/// The consecutive failed probes after which the store is down. A busy machine may cause one.
const FAILED_PROBES_TO_BE_DOWN: u32 = 2;

/// The state of a store, derived from its latest reads and probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    failed_probes: u32,
    up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// svm reads the store.
    Closed {
        /// The consecutive failed reads.
        failures: u32,
    },
    /// svm does not read the store.
    Open {
        /// The consecutive successful probes.
        successes: u32,
    },
}

impl Default for Breaker {
    /// Creates a closed breaker. The store counts as up until it fails.
    fn default() -> Self {
        Self { state: State::Closed { failures: 0 }, failed_probes: 0, up: true }
    }
}

impl Breaker {
    /// Records the result of a read. A read that ends after the breaker opened changes nothing.
    pub fn read(&mut self, answered: bool) {
        let State::Closed { failures } = &mut self.state else { return };
        *failures = if answered { 0 } else { *failures + 1 };
        if *failures == FAILURES_TO_OPEN {
            self.state = State::Open { successes: 0 };
        }
    }

    /// Records the result of a probe. While the breaker is open, one failed probe is enough for the
    /// store to be down.
    pub fn probed(&mut self, answered: bool) {
        self.failed_probes = if answered { 0 } else { self.failed_probes.saturating_add(1) };
        self.up = match self.failed_probes {
            0 => true,
            failed => self.up && !self.is_open() && failed < FAILED_PROBES_TO_BE_DOWN,
        };
        let State::Open { successes } = &mut self.state else { return };
        *successes = if answered { *successes + 1 } else { 0 };
        if *successes == SUCCESSES_TO_CLOSE {
            self.state = State::Closed { failures: 0 };
        }
    }

    /// Returns true if the breaker is open: svm does not read the store.
    pub fn is_open(self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Returns true if the store is up, according to the probes.
    pub fn is_up(self) -> bool {
        self.up
    }

    /// Returns true if the store is up and the breaker is closed. Otherwise there is an outage,
    /// whether reads or probes noticed it.
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
        Probe(bool),
    }

    use Event::{Probe, Read};

    fn after(events: impl IntoIterator<Item = Event>) -> Breaker {
        events.into_iter().fold(Breaker::default(), |mut breaker, event| {
            match event {
                Read(answered) => breaker.read(answered),
                Probe(answered) => breaker.probed(answered),
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
        assert!(after([Read(false), Probe(true)].repeat(5)).is_open());
    }

    #[test]
    fn looks_that_fail_do_not_open_it() {
        assert!(!after([Probe(false); 100]).is_open());
    }

    #[test]
    fn the_third_look_that_succeeds_in_a_row_closes_it() {
        assert!(after(opened().chain([Probe(true); 2])).is_open());
        assert!(!after(opened().chain([Probe(true); 3])).is_open());
        let interrupted = [Probe(true), Probe(true), Probe(false), Probe(true), Probe(true)];
        assert!(after(opened().chain(interrupted)).is_open());
    }

    #[test]
    fn a_read_that_ends_after_it_opened_changes_nothing() {
        assert_eq!(after(opened().chain([Read(true), Read(false)])), after(opened()));
    }

    #[test]
    fn it_starts_over_when_it_closes() {
        let closed = opened().chain([Probe(true); 3]);
        assert_eq!(after(closed), Breaker::default());
    }

    #[test]
    fn one_failed_look_is_no_outage_unless_reads_fail_too() {
        assert!(after([Probe(false)]).is_up());
        assert!(after([Probe(false), Probe(true), Probe(false)]).is_up());
        assert!(!after([Probe(false), Probe(false)]).is_up());
        assert!(after(opened()).is_up());
        assert!(!after(opened().chain([Probe(false)])).is_up());
    }

    #[test]
    fn one_look_that_succeeds_makes_it_up_again() {
        assert!(after([Probe(false), Probe(false), Probe(true)]).is_up());
        let down = after([Probe(false), Probe(false), Probe(true), Probe(false), Probe(false)]);
        assert!(!down.is_up());
    }

    #[test]
    fn all_is_well_when_neither_complains() {
        assert!(after([]).is_well());
        assert!(!after(opened()).is_well());
        assert!(!after([Probe(false); 2]).is_well());
        assert!(!after(opened().chain([Probe(false), Probe(true)])).is_well());
    }

    /// A model of the breaker that derives its state from the whole history.
    #[derive(Default)]
    struct Model {
        /// The reads since the breaker last closed.
        reads: Vec<bool>,
        /// The probes since the breaker last opened.
        looks_while_open: Vec<bool>,
        /// All probes, each with a flag that is true if the breaker was open.
        probes: Vec<(bool, bool)>,
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
                Probe(answered) => {
                    self.probes.push((answered, self.open));
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
            let failed: Vec<_> = self.probes.iter().rev().take_while(|(ok, _)| !ok).collect();
            failed.len() < 2 && !failed.iter().any(|(_, open)| *open)
        }
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Read(false)),
            1 => Just(Read(true)),
            2 => Just(Probe(true)),
            1 => Just(Probe(false)),
        ]
    }

    proptest! {
        #[test]
        fn it_says_what_the_whole_history_says(events in prop::collection::vec(event(), 0..200)) {
            let (mut breaker, mut model) = (Breaker::default(), Model::default());
            for event in events {
                match event {
                    Read(answered) => breaker.read(answered),
                    Probe(answered) => breaker.probed(answered),
                }
                model.happens(event);
                prop_assert_eq!(breaker.is_open(), model.open);
                prop_assert_eq!(breaker.is_up(), model.is_up());
            }
        }
    }
}
