//! A second rate-limit window of one user, shown in turn with the first.
//!
//! A request spends from the window that its answer shows. Each of the two ends by itself.

use std::mem::swap;

use super::account::Account;
use super::builder::User;

/// The window that is not shown next.
#[derive(Clone, Debug)]
pub struct OtherWindow {
    used: u64,
    reset_at_secs: Option<u64>,
}

impl Account {
    /// Shows the other window from now until the next request.
    pub fn take_turns(&mut self) {
        if let Some(other) = &mut self.other {
            swap(&mut self.used, &mut other.used);
            swap(&mut self.reset_at_secs, &mut other.reset_at_secs);
        }
    }
}

impl User<'_> {
    /// Shows another window in turn with the first: so much of it is used, and it ends so many
    /// seconds from now.
    pub fn second_window(self, used: u64, resets_in_secs: u64) -> Self {
        let reset_at_secs = Some(self.now_secs() + resets_in_secs);
        self.change(|account| account.other = Some(OtherWindow { used, reset_at_secs }))
    }

    /// Sets the end of the first window, in seconds from now.
    pub fn resets_in(self, seconds: u64) -> Self {
        let reset_at_secs = Some(self.now_secs() + seconds);
        self.change(|account| account.reset_at_secs = reset_at_secs)
    }
}
