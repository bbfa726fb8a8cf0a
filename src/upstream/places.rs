//! How many exchanges run at once, and how many of them the background may hold.
//!
//! All share one number of places, which never changes. Exchanges with a token have to pass the window first, which
//! limits make small: what waits there holds none of the places of all, so that hosts without tokens do not suffer.

mod resizable;
mod window;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use resizable::{Permit, Resizable};
use window::{Epoch, Window};

/// On whose behalf an exchange runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A client waits for it.
    Foreground,
    /// Nobody waits for it.
    Background,
}

impl Priority {
    /// Every priority.
    pub const ALL: [Self; 2] = [Self::Foreground, Self::Background];

    /// The word for metric label and log field alike.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "foreground",
            Self::Background => "background",
        }
    }
}

/// Exchanges that may wait in a line. A client that leaves does not take its flight along, so without a bound those
/// who come and go could pile up work that nobody waits for.
const MOST_WAITING: usize = 4096;

/// Places for exchanges.
#[derive(Debug)]
pub(super) struct Places {
    all: Line,
    /// For those with a token, before `all`.
    with_token: Line,
    window: Mutex<Window>,
}

/// Places for which one waits in one line.
#[derive(Debug)]
struct Line {
    places: Resizable,
    /// Those that the background may hold.
    background: Resizable,
    queue: Semaphore,
}

/// One place, for as long as it is held.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _permits: Vec<Permit<'a>>,
    /// Since when it is held, if it is one in the window.
    epoch: Option<Epoch>,
}

/// More wait for a place than may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crowded;

impl Places {
    pub(super) fn new(count: usize) -> Self {
        let window = Mutex::new(Window::new(count));
        Self { all: Line::new(count), with_token: Line::new(count), window }
    }

    /// Waits for a place, if not too many do. The caller's deadline covers the wait.
    pub(super) async fn take(
        &self,
        priority: Priority,
        with_token: bool,
    ) -> Result<Place<'_>, Crowded> {
        let lines: &[&Line] =
            if with_token { &[&self.with_token, &self.all] } else { &[&self.all] };
        let _waiting = lines[0].queue.try_acquire().map_err(|_| Crowded)?;
        let mut permits = Vec::new();
        // The background waits for its halves first, so that it never holds a place while it waits for one of them.
        if priority == Priority::Background {
            for line in lines {
                permits.push(line.background.acquire().await);
            }
        }
        permits.push(lines[0].places.acquire().await);
        // Now, and not with the last place: a slow-down that comes between the two concerns this one.
        let epoch = with_token.then(|| self.window.lock().epoch());
        for line in &lines[1..] {
            permits.push(line.places.acquire().await);
        }
        Ok(Place { _permits: permits, epoch })
    }

    /// Whether the place is from after the last slow-down, if that concerns it.
    pub(super) fn is_current(&self, place: &Place<'_>) -> bool {
        place.epoch.is_none_or(|epoch| epoch == self.window.lock().epoch())
    }

    /// From here on, those with a token go one at a time.
    pub(super) fn slow_down(&self) {
        self.change(Window::slow_down);
    }

    /// An exchange in this place has shown that its token is welcome.
    pub(super) fn succeeded(&self, place: &Place<'_>) {
        if let Some(epoch) = place.epoch {
            self.change(|window| window.succeeded(epoch));
        }
    }

    /// How many exchanges with a token may run at once.
    pub(super) fn window(&self) -> usize {
        self.window.lock().size()
    }

    /// The line follows while the window is locked: two changes must not overtake each other.
    fn change(&self, change: impl FnOnce(&mut Window)) {
        let mut window = self.window.lock();
        change(&mut window);
        self.with_token.resize(window.size());
    }
}

impl Line {
    fn new(count: usize) -> Self {
        Self {
            places: Resizable::new(count),
            background: Resizable::new(half(count)),
            queue: Semaphore::new(MOST_WAITING),
        }
    }

    fn resize(&self, count: usize) {
        self.places.resize(count);
        self.background.resize(half(count));
    }
}

/// What the background may hold, so that clients find no more than that in front of them.
fn half(count: usize) -> usize {
    (count / 2).max(1)
}

#[cfg(test)]
mod tests;
