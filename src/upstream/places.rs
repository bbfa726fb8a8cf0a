//! How many exchanges run at once, and how many of them the background may hold.

use tokio::sync::{Semaphore, SemaphorePermit};

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

/// Exchanges that may wait for a place. A client that leaves does not take its flight along, so without a bound those
/// who come and go could pile up work that nobody waits for.
const MOST_WAITING: usize = 4096;

/// Places for exchanges.
#[derive(Debug)]
pub(super) struct Places {
    all: Semaphore,
    background: Semaphore,
    queue: Semaphore,
}

/// One place, for as long as it is held.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _background: Option<SemaphorePermit<'a>>,
    _place: Option<SemaphorePermit<'a>>,
}

/// More wait for a place than may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crowded;

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            all: Semaphore::new(count),
            background: Semaphore::new((count / 2).max(1)),
            queue: Semaphore::new(MOST_WAITING),
        }
    }

    /// Waits for a place, if not too many do. The caller's deadline covers the wait.
    pub(super) async fn take(&self, priority: Priority) -> Result<Place<'_>, Crowded> {
        let _waiting = self.queue.try_acquire().map_err(|_| Crowded)?;
        // The background queues for its half first, so that it never holds a place while it waits.
        let background = match priority {
            Priority::Foreground => None,
            Priority::Background => self.background.acquire().await.ok(),
        };
        Ok(Place { _background: background, _place: self.all.acquire().await.ok() })
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn the_background_may_hold_half() {
        let places = Places::new(4);
        let _one = places.take(Priority::Background).await.unwrap();
        let two = places.take(Priority::Background).await.unwrap();
        assert_eq!(places.background.available_permits(), 0);
        assert_eq!(places.all.available_permits(), 2, "the other half is the foreground's");
        let _three = places.take(Priority::Foreground).await.unwrap();
        let _four = places.take(Priority::Foreground).await.unwrap();
        drop(two);
        assert_eq!(places.all.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_single_place_still_serves_the_background() {
        let places = Places::new(1);
        drop(places.take(Priority::Background).await.unwrap());
        drop(places.take(Priority::Foreground).await.unwrap());
        assert_eq!(places.all.available_permits(), 1);
    }

    #[tokio::test]
    async fn more_than_may_wait_are_turned_away_at_once() {
        let places = Places::new(1);
        let place = places.take(Priority::Foreground).await.unwrap();
        let waiting: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let mut waiting = Box::pin(places.take(Priority::Foreground));
                let mut context = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut context).is_pending());
                waiting
            })
            .collect();
        assert_eq!(places.take(Priority::Foreground).await.unwrap_err(), Crowded);
        drop((waiting, place));
        assert!(places.take(Priority::Foreground).await.is_ok());
    }
}
