//! A second rate-limit window of one user, shown in alternation with the first.
//!
//! A request spends from the window that its answer shows. Each window ends at its own time.

use std::mem::swap;

use super::account::Account;
use super::builder::User;

/// The window that the next answer does not show.
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
    /// Shows another window in alternation with the first, with these used requests and this time
    /// to its end.
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
