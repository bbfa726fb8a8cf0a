//! The comparison of `x-ratelimit-used` before and after a call, which shows whether an answer that
//! should be free was charged.
//!
//! Only a call without concurrent calls of its account is compared, with the answer directly before
//! it. A call of another program on the same account looks like a charge, so one comparison proves
//! nothing.

use super::quota_windows::is_same_window;
use crate::clock::Timestamp;

/// The used quota of an account in consecutive answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    last: Option<QuotaReading>,
    /// True if another call was in progress beside the current one.
    is_shared: bool,
    /// True if the answer to the current call has been read.
    is_read: bool,
}

/// The used quota in one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upstream) struct QuotaReading {
    /// The requests used in the window.
    pub(in crate::upstream) used: u64,
    /// The end of the window.
    pub(in crate::upstream) reset_at: Timestamp,
}

impl Meter {
    /// Begins a call while this many others are in progress.
    pub(super) fn begin(&mut self, under_way: u64) {
        self.is_shared = under_way > 0;
        self.is_read = false;
    }

    /// Reads an answer. Returns whether the call was charged, if that can be known.
    pub(super) fn read(&mut self, reading: QuotaReading) -> Option<bool> {
        let is_same = |last: &QuotaReading| is_same_window(last.reset_at, reading.reset_at);
        let before = self.last.filter(|_| !self.is_shared).filter(is_same);
        self.last = (!self.is_shared).then_some(reading);
        self.is_read = true;
        // More than one was used by others, such as a replica: this call may have been free.
        match reading.used.saturating_sub(before?.used) {
            used @ 0..=1 => Some(used == 1),
            _ => None,
        }
    }

    /// Ends a call. If its answer was not read, it may have been charged.
    pub(super) fn end(&mut self) {
        if !self.is_read {
            self.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(meter: &mut Meter, used: u64, reset_secs: u64) -> Option<bool> {
        meter.begin(0);
        let charged = meter.read(QuotaReading { used, reset_at: Timestamp::from_secs(reset_secs) });
        meter.end();
        charged
    }

    #[test]
    fn calls_in_a_row_are_compared() {
        let mut meter = Meter::default();
        let calls =
            [(10, 3600), (10, 3601), (11, 3600), (11, 3600), (0, 7200), (1, 7200), (3, 7200)];
        let got = calls.map(|(used, reset)| call(&mut meter, used, reset));
        assert_eq!(got, [None, Some(false), Some(true), Some(false), None, Some(true), None]);
    }

    #[test]
    fn calls_beside_others_are_not_compared() {
        let mut meter = Meter::default();
        let _ = call(&mut meter, 10, 3600);
        meter.begin(0);
        meter.begin(1);
        let reading = QuotaReading { used: 12, reset_at: Timestamp::from_secs(3600) };
        assert_eq!([meter.read(reading), meter.read(reading)], [None, None]);
        meter.end();
        meter.end();
        assert_eq!(call(&mut meter, 12, 3600), None, "the order of the two is not known");
        assert_eq!(call(&mut meter, 12, 3600), Some(false));
    }

    #[test]
    fn a_call_without_an_answer_may_have_been_charged() {
        let mut meter = Meter::default();
        let _ = call(&mut meter, 10, 3600);
        meter.begin(0);
        meter.end();
        assert_eq!(call(&mut meter, 11, 3600), None);
    }
}
