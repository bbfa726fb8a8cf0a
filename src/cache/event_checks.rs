//! The checks that follow GitHub's events about repositories.
//!
//! An event causes checks of the documents in use, whether in memory or in the store, up to a
//! bound, the most used first: clients decide which documents are in use. Negative entries are
//! dropped instead, so that the next request asks the upstream: anybody can request any number of
//! unknown names, and each of their checks costs quota.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::activity::Repositories;
use crate::target::{Key, Target};
use crate::upstream::Priority;

use super::Cache;
use super::flight::Role;
use super::flight_result::FlightResult;
use super::pushes::{Pushes, Repository};

/// The most documents that one event checks.
const MOST_DOCUMENTS: usize = 256;
/// The most documents that are checked at once.
const AT_ONCE: usize = 8;

impl Cache {
    /// Returns GitHub's events.
    pub fn pushes(&self) -> &Pushes {
        &self.0.pushes
    }

    /// Checks the documents of repositories after their events. Runs until it is dropped.
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

    /// Returns the keys of the documents in use of a repository, and a few others by chance.
    async fn in_use(&self, repository: &Repository) -> Vec<Key> {
        let [by_name, by_number] = repository.paths();
        let repositories = Repositories::at([Some(&by_name), Some(&by_number)]);
        self.0.activity.of_repositories(repositories, MOST_DOCUMENTS).await
    }

    fn forget_absent(&self, repository: &Repository) {
        let paths = repository.paths();
        let parts = &self.0;
        parts.memory.forget_absent(|entry| {
            // A search first: parsing each of a million names in memory would take a second.
            paths.iter().any(|path| entry.url.contains(path.as_str()))
                && Target::parse_name(&entry.url, &parts.targets)
                    .is_ok_and(|target| repository.has(&target, entry, &parts.targets))
        });
    }

    /// Checks a document with foreground priority, if it belongs to the repository. Skips it while
    /// only the quota is left that is kept for clients: events come from outside, in any number.
    async fn check(&self, key: Key, repository: &Arc<Repository>) {
        let Ok(Some(entry)) = self.stored(key).await else { return };
        let Ok(target) = Target::parse_name(&entry.url, &self.0.targets) else { return };
        let is_due = !entry.is_negative() && repository.has(&target, &entry, &self.0.targets);
        if is_due && self.0.upstream.has_quota_to_spare() {
            self.check_after_event(&target).await;
        }
    }

    /// Checks a document by a flight that began after the event. A flight that it joins may have
    /// asked the upstream before, or not at all; the next one begins after that one has ended.
    async fn check_after_event(&self, target: &Target) {
        let mut began_after = false;
        loop {
            let (result, role) = self.revalidate_once(target, Priority::Foreground).await;
            let is_found = matches!(*result, FlightResult::Found(_));
            let has_asked = !is_found && !result.is_without_call();
            if role == Role::Leader || began_after && has_asked {
                return;
            }
            began_after = true;
        }
    }
}
