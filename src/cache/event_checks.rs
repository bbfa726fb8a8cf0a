//! The checks of the documents of repositories of which GitHub has told an event.
//!
//! An event concerns the documents in use, in whichever tier they lie. Their number is bounded, the
//! most used first: clients choose what is in use. An answer that a document does not exist is
//! dropped instead, so that the next client has it asked for: anybody can ask for any number of
//! names that do not exist, and each check of one costs quota.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::activity::Repositories;
use crate::target::{Key, Target};
use crate::upstream::Priority;

use super::Cache;
use super::pushes::{Pushes, Repository};

/// The documents that an event has checked.
const MOST_DOCUMENTS: usize = 256;
/// The documents that are checked at once.
const AT_ONCE: usize = 8;

impl Cache {
    /// The events that GitHub has told.
    pub fn pushes(&self) -> &Pushes {
        &self.0.pushes
    }

    /// Checks the documents of repositories of which there was an event, for as long as it is
    /// awaited.
    pub async fn follow_pushes(&self) {
        loop {
            let due = self.0.pushes.next(&self.0.clock).await;
            let mut documents = Vec::new();
            for repository in &due {
                self.forget_absent(repository);
                let keys = self.in_use(repository).await;
                documents.extend(keys.into_iter().map(|key| (key, repository)));
            }
            for some in documents.chunks(AT_ONCE) {
                join_all(some.iter().map(|(key, repository)| self.check(*key, repository))).await;
            }
        }
    }

    /// The documents in use that are those of a repository, but for a few others by chance.
    async fn in_use(&self, repository: &Repository) -> Vec<Key> {
        let [by_name, by_number] = repository.paths();
        let repositories = Repositories::at([Some(&by_name), Some(&by_number)]);
        self.0.activity.of_repositories(repositories, MOST_DOCUMENTS).await
    }

    fn forget_absent(&self, repository: &Repository) {
        let paths = repository.paths();
        let tiers = &self.0;
        tiers.memory.forget_absent(|entry| {
            // To parse each name in memory would take a second for a million of them.
            paths.iter().any(|path| entry.url.contains(path.as_str()))
                && Target::parse_name(&entry.url, &tiers.targets)
                    .is_ok_and(|target| repository.has(&target, entry, &tiers.targets))
        });
    }

    /// Checks a document as urgently as for a client, if it is one of the repository.
    async fn check(&self, key: Key, repository: &Arc<Repository>) {
        let Ok(Some(entry)) = self.stored(key).await else { return };
        let Ok(target) = Target::parse_name(&entry.url, &self.0.targets) else { return };
        if !entry.is_negative() && repository.has(&target, &entry, &self.0.targets) {
            drop(self.revalidate_as(&target, Priority::Foreground).await);
        }
    }
}
