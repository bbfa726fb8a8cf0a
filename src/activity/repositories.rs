//! The repositories of documents in use, as digests: enough to find the documents of one
//! repository, and a few others by chance.

use std::hash::BuildHasher;
use std::num::NonZeroU32;

use foldhash::fast::FixedState;

use super::top::Top;
use super::{Activity, Known};
use crate::entry::Entry;
use crate::target::{Key, repository};

/// The repositories of a document: the one in its name, and the one in its new place. Or the two
/// paths of one repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repositories([Option<NonZeroU32>; 2]);

impl Repositories {
    /// Returns the repositories of a stored document.
    pub fn of(entry: &Entry) -> Self {
        let moved = entry.extras.moved().and_then(|moved| repository(path(&moved.to)));
        Self::at([repository(path(&entry.url)), moved])
    }

    /// Returns the repositories at these paths, such as `/repos/octo/app`.
    pub fn at(paths: [Option<&str>; 2]) -> Self {
        Self(paths.map(|path| path.map(digest)))
    }

    fn meet(self, others: Self) -> bool {
        self.0.iter().flatten().any(|digest| others.0.contains(&Some(*digest)))
    }
}

impl Activity {
    /// Records the repositories of a document that L1 does not hold.
    pub fn note_repositories(&self, key: Key, repositories: Repositories) {
        self.documents.with_known(key, |known| known.repositories = repositories);
    }

    /// Finds the documents of repositories that may change: at most `most` of them, the most used
    /// first. Lets other tasks run in between.
    pub async fn of_repositories(&self, repositories: Repositories, most: usize) -> Vec<Key> {
        let mut found = Top::of(most);
        let walk = self.documents.visit(|piece| {
            let is_one =
                |known: &Known| known.repositories.meet(repositories) && known.is_checked();
            for (key, known) in piece.iter().filter(|(_, known)| is_one(known)) {
                found.offer(known.recent_uses(), || *key);
            }
        });
        walk.await;
        found.into_items()
    }
}

fn digest(path: &str) -> NonZeroU32 {
    let upper = u32::try_from(FixedState::default().hash_one(path) >> 32).unwrap_or_default();
    NonZeroU32::MIN.saturating_add(upper)
}

/// Returns the path of a canonical URL.
fn path(url: &str) -> &str {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = behind_scheme.find('/').map_or("", |at| &behind_scheme[at..]);
    path.split(['?', ' ']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::StatusCode;

    use super::*;
    use crate::activity::Holding;
    use crate::clock::Timestamp;
    use crate::entry::{Check, Extras, Moved, Times};

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn stored(url: &str, moved: Option<&str>) -> Entry {
        let moved = moved.map(|to| Moved { to: to.into(), seen_at: NOW });
        let times = Times::starting(NOW, Duration::from_secs(60));
        let entry = Entry::new(url, StatusCode::OK, Bytes::from("{}"), times);
        Entry { extras: Extras::new(moved, None), ..entry }
    }

    #[test]
    fn a_document_is_one_of_the_repository_in_its_url() {
        let by_number = "https://api.github.com/repositories/7/releases";
        for (url, moved, want) in [
            ("https://api.github.com/repos/octo/app", None, true),
            ("https://api.github.com/repos/octo/app?per_page=1", None, true),
            ("https://api.github.com/repos/octo/app/tags application/json", None, true),
            ("https://ghe.example:8443/api/v3/repos/octo/app/tags", None, true),
            (by_number, None, true),
            ("https://api.github.com/repos/octo/old/releases", Some(by_number), true),
            ("https://api.github.com/repos/octo/old/releases", None, false),
            ("https://api.github.com/repos/octo/app2/tags", None, false),
            ("https://api.github.com/repositories/77/tags", None, false),
            ("https://api.github.com/users/octo", None, false),
        ] {
            let paths = [Some("/repos/octo/app"), Some("/repositories/7")];
            let of_document = Repositories::of(&stored(url, moved));
            assert_eq!(of_document.meet(Repositories::at(paths)), want, "{url}");
        }
    }

    #[tokio::test]
    async fn the_most_used_documents_of_a_repository_are_found() {
        let activity = Activity::default();
        let repositories = Repositories::at([Some("/repos/octo/app"), None]);
        let check = Check { at: NOW, fetched_at: NOW };
        let key = |number: usize| Key::of(&number.to_string());
        for number in 0..5 {
            let holding = Holding { check, is_shared: true, repositories };
            let usage = activity.hold(key(number), holding, NOW);
            (0..number).for_each(|_| usage.mark(NOW));
        }
        let other = Holding { check, is_shared: true, repositories: Repositories::default() };
        activity.hold(key(9), other, NOW).mark(NOW);
        assert_eq!(activity.of_repositories(repositories, 3).await, [key(4), key(3), key(2)]);
        let all = activity.of_repositories(repositories, 9).await;
        assert_eq!(all.len(), 4, "of those in use");
    }
}
