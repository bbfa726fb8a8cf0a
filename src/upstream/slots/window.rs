//! The window: the number of exchanges with a token that may run at once. A slow-down sets it to
//! one, and each success since then adds one.
//!
//! Pure. A success counts only if its exchange began after the last slow-down; an earlier one says
//! nothing about the rate that is allowed now.

/// The window.
#[derive(Debug)]
pub(super) struct Window {
    most: usize,
    size: usize,
    epoch: Epoch,
}

/// The time between two slow-downs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Window {
    /// Creates a window that is fully open.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, size: most, epoch: Epoch(0) }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Sets the window to one.
    pub(super) fn slow_down(&mut self) {
        self.size = 1;
        self.epoch = Epoch(self.epoch.0 + 1);
    }

    /// Records the success of an exchange that began in this epoch.
    pub(super) fn succeeded(&mut self, began: Epoch) {
        if began == self.epoch {
            self.size = (self.size + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_starts_wide_open_and_successes_do_not_open_it_further() {
        let mut window = Window::new(3);
        assert_eq!(window.size(), 3);
        window.succeeded(window.epoch());
        assert_eq!(window.size(), 3);
    }

    #[test]
    fn after_a_slow_down_each_success_adds_one() {
        let mut window = Window::new(3);
        window.slow_down();
        let sizes = [(); 4].map(|()| {
            window.succeeded(window.epoch());
            window.size()
        });
        assert_eq!(sizes, [2, 3, 3, 3]);
        window.slow_down();
        assert_eq!(window.size(), 1);
    }

    #[test]
    fn an_answer_from_before_a_slow_down_says_nothing() {
        let mut window = Window::new(3);
        let before = window.epoch();
        window.slow_down();
        window.succeeded(before);
        assert_eq!(window.size(), 1);
    }

    proptest! {
        /// The size is never 0 and never above the maximum; below it, the size is one more than the
        /// successes since the last slow-down.
        #[test]
        fn its_size_grows_by_successes_since_the_slow_down(
            most in 1..20usize,
            began in proptest::collection::vec(proptest::option::of(0..3u64), 0..80),
        ) {
            let mut window = Window::new(most);
            let mut earned = most;
            for age in began {
                match age {
                    None => {
                        window.slow_down();
                        earned = 1;
                    }
                    Some(age) => {
                        let epoch = Epoch(window.epoch().0.saturating_sub(age));
                        earned += usize::from(epoch == window.epoch());
                        window.succeeded(epoch);
                    }
                }
                prop_assert_eq!(window.size(), earned.min(most));
                prop_assert!((1..=most).contains(&window.size()));
            }
        }
    }
}
