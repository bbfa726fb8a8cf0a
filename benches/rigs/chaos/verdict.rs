//! The measured values beside the allowed ones, and the verdict.

use crate::say;

/// True while everything that was checked holds.
pub(crate) struct Verdict(bool);

impl Verdict {
    /// Nothing was checked yet.
    pub(crate) fn new() -> Self {
        Self(true)
    }

    /// A run that could not begin.
    pub(crate) fn impossible(why: &str) -> Self {
        say(why);
        Self(false)
    }

    /// Says what was measured, what is allowed, and whether it is within that.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, allowed: f64, unit: &str) {
        let holds = measured <= allowed;
        self.0 &= holds;
        let verdict = if holds { "ok" } else { "TOO MUCH" };
        say(&format!("{what}: {measured:.2}{unit}, allowed: {allowed}{unit}: {verdict}"));
    }

    /// The same of what has to be at least as much.
    pub(crate) fn at_least(&mut self, what: &str, measured: f64, required: f64, unit: &str) {
        let holds = measured >= required;
        self.0 &= holds;
        let verdict = if holds { "ok" } else { "TOO LITTLE" };
        say(&format!("{what}: {measured:.3}{unit}, required: {required}{unit}: {verdict}"));
    }

    /// The same of what has to be just as much.
    pub(crate) fn exactly(&mut self, what: &str, measured: f64, expected: f64) {
        let holds = measured == expected;
        self.0 &= holds;
        let verdict = if holds { "ok" } else { "WRONG" };
        say(&format!("{what}: {measured}, expected: {expected}: {verdict}"));
    }

    /// Returns true if everything that was checked holds.
    pub(crate) fn holds(&self) -> bool {
        self.0
    }
}
