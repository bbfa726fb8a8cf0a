//! A document under the old name of its repository, and the cost of its checks.

use std::panic::Location;
use std::time::Duration;

use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::{LATEST, LATEST_PATH};

/// The time for which a permanent redirect is remembered.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A service that has fetched a document of `octo/app`, which is now called `octo/new`.
pub(super) struct Renamed {
    pub(super) app: TestApp,
    /// The target of the old name.
    pub(super) place: String,
}

/// Requests to GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// By the old name.
    pub(super) old: u64,
    /// By the target of the old name.
    pub(super) place: u64,
    /// The requests that cost quota.
    pub(super) charged: u64,
}

impl Renamed {
    pub(super) async fn start(builder: TestAppBuilder) -> Self {
        let app = builder.start().await;
        app.github.release("octo/app").serve();
        let id = app.github.rename("octo/app", "octo/new");
        let renamed = Self { app, place: format!("/repositories/{id}/releases/latest") };
        assert_eq!(renamed.app.version(LATEST).await.status, 200);
        renamed
    }

    /// Refreshes the document. Returns the answer and its cost.
    pub(super) async fn refresh(&self) -> (Answer, Cost) {
        let before = self.cost();
        let answer = self.app.refresh(LATEST).await;
        (answer, self.cost() - before)
    }

    /// Refreshes an unchanged document. Returns the cost.
    #[track_caller]
    pub(super) fn confirm(&self) -> impl Future<Output = Cost> {
        let caller = Location::caller();
        async move {
            let (answer, cost) = self.refresh().await;
            assert_eq!(answer.header("x-cache"), "REVALIDATED", "at {caller}");
            cost
        }
    }

    /// Returns the cost of all requests so far.
    pub(super) fn cost(&self) -> Cost {
        let [old, place] = [LATEST_PATH, &self.place].map(|path| self.app.github.counts(path));
        Cost { old: old.requests, place: place.requests, charged: old.charged + place.charged }
    }
}

impl std::ops::Sub for Cost {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            old: self.old - earlier.old,
            place: self.place - earlier.place,
            charged: self.charged - earlier.charged,
        }
    }
}
