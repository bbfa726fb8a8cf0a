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

/// Places for exchanges.
#[derive(Debug)]
pub(super) struct Places {
    all: Semaphore,
    background: Semaphore,
}

/// One place, for as long as it is held.
pub(super) struct Place<'a> {
    _background: Option<SemaphorePermit<'a>>,
    _place: Option<SemaphorePermit<'a>>,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self { all: Semaphore::new(count), background: Semaphore::new((count / 2).max(1)) }
    }

    /// Waits for a place. The caller's deadline covers the wait.
    pub(super) async fn take(&self, priority: Priority) -> Place<'_> {
        // The background queues for its half first, so that it never holds a place while it waits.
        let background = match priority {
            Priority::Foreground => None,
            Priority::Background => self.background.acquire().await.ok(),
        };
        Place { _background: background, _place: self.all.acquire().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_background_may_hold_half() {
        let places = Places::new(4);
        let _one = places.take(Priority::Background).await;
        let two = places.take(Priority::Background).await;
        assert_eq!(places.background.available_permits(), 0);
        assert_eq!(places.all.available_permits(), 2, "the other half is the foreground's");
        let _three = places.take(Priority::Foreground).await;
        let _four = places.take(Priority::Foreground).await;
        drop(two);
        assert_eq!(places.all.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_single_place_still_serves_the_background() {
        let places = Places::new(1);
        drop(places.take(Priority::Background).await);
        drop(places.take(Priority::Foreground).await);
        assert_eq!(places.all.available_permits(), 1);
    }
}
