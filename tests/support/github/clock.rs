//! The clock of the simulated GitHub: the value of `Date`, and the offset from the clock that it
//! follows.

use super::GitHub;
use super::date;
use super::world::World;

/// The value of `Date` by which the terminator knows that the client must get no `Date`.
pub const NO_DATE: &str = "none";

/// The form in which answers state times.
#[derive(Debug, Default)]
pub struct ToldClock {
    /// The seconds by which it is ahead of the clock that it follows.
    ahead_secs: i64,
    date: DateHeader,
    /// The seconds of `Age`, by which `Date` is older as well.
    age_secs: Option<u64>,
    /// True if `Retry-After` is a date.
    pub waits_are_dates: bool,
}

#[derive(Debug, Default)]
enum DateHeader {
    #[default]
    Present,
    Missing,
    Text(String),
}

impl ToldClock {
    /// Returns the time of this clock, from that of the followed clock.
    pub fn present(&self, followed_secs: u64) -> u64 {
        followed_secs.saturating_add_signed(self.ahead_secs)
    }

    /// Returns the value of `Date`.
    pub fn date(&self, now_secs: u64) -> String {
        match &self.date {
            DateHeader::Present => date::http(now_secs - self.age_secs.unwrap_or(0)),
            DateHeader::Missing => NO_DATE.to_owned(),
            DateHeader::Text(text) => text.clone(),
        }
    }

    /// Returns the value of `Age`, if there is one.
    pub fn age(&self) -> Option<String> {
        self.age_secs.map(|age| age.to_string())
    }
}

impl GitHub {
    /// Sets the clock ahead of the one that it follows by these seconds; behind it, if negative.
    pub fn clock_ahead(&self, seconds: i64) {
        self.told(|told| told.ahead_secs = seconds);
    }

    /// Sends this as `Date`, independently of the clock.
    pub fn date(&self, text: &str) {
        self.told(|told| told.date = DateHeader::Text(text.to_owned()));
    }

    /// Sends no `Date`.
    pub fn no_date(&self) {
        self.told(|told| told.date = DateHeader::Missing);
    }

    /// Sends the `Date` of its clock again.
    pub fn own_date(&self) {
        self.told(|told| told.date = DateHeader::Present);
    }

    /// Sends answers as a cache would that received them this many seconds ago.
    pub fn aged(&self, seconds: u64) {
        self.told(|told| told.age_secs = Some(seconds));
    }

    /// Writes `Retry-After` as a date of this clock.
    pub fn waits_are_dates(&self) {
        self.told(|told| told.waits_are_dates = true);
    }

    fn told(&self, change: impl FnOnce(&mut ToldClock)) {
        let world: &mut World = &mut self.world();
        change(&mut world.told_clock);
    }
}
