//! The state of the simulated GitHub: repositories, documents, users, failures, and received
//! requests.
//!
//! One mutex guards all of it and is never held across an await, so every request sees one
//! consistent world.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use svm::clock::Clock;

use super::account::Accounts;
use super::clock::ToldClock;
use super::document::Document;
use super::failure::Failure;
use super::gate::Barrier;
use super::journal::Journal;
use super::lies::Lies;
use super::received::Received;
use super::repository::{Repository, last_modified_of};
use super::script::{Scope, Script};
use super::traffic::Traffic;

/// The host with tokens and quotas.
pub const API_HOST: &str = "api.github.com";

/// The world, shared between the handle, the terminator and the rules.
pub type Shared = Arc<Mutex<World>>;

/// Locks the world; a panic of another test's assertion does not poison it.
pub fn lock(shared: &Shared) -> MutexGuard<'_, World> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that can change while the simulation runs.
#[derive(Debug)]
pub struct World {
    /// The source of the current time.
    pub clock: Clock,
    /// The form in which answers state that time.
    pub told_clock: ToldClock,
    /// Users, tokens and quotas.
    pub accounts: Accounts,
    /// The received requests.
    pub journal: Journal,
    /// The waiting failures, in the order of their creation.
    pub scripts: Vec<Script>,
    /// The rule of tags: 0 is GitHub's, any other number is an unknown rule.
    pub etag_rule: u32,
    /// True if a `304` costs as much as other answers.
    pub charges_not_modified: bool,
    /// False answers.
    pub lies: Lies,
    /// Gates that hold requests back.
    pub barriers: Vec<Arc<Barrier>>,
    /// The requests in flight.
    pub traffic: Traffic,
    repositories: HashMap<String, Repository>,
    resources: HashMap<(String, String), Resource>,
    removed: HashMap<String, u16>,
    moved: HashMap<String, u64>,
    on_the_way: HashMap<u64, (Received, Option<Failure>)>,
    last_number: u64,
    /// Owners whose organization refuses all tokens without single sign-on.
    signing_on: HashSet<String>,
}

/// The resource that a test has set at a path.
#[derive(Clone, Debug)]
pub enum Resource {
    /// A document by GitHub's rules for JSON.
    Document(Arc<Document>),
    /// A text file on a host that serves files.
    File(Arc<Document>),
    /// A redirect.
    Redirect(u16, String),
    /// Always this failure.
    Failing(Failure),
    /// Nothing, with this status.
    Missing(u16),
}

impl Default for World {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            told_clock: ToldClock::default(),
            accounts: Accounts::default(),
            journal: Journal::default(),
            scripts: Vec::new(),
            etag_rule: 0,
            charges_not_modified: false,
            lies: Lies::default(),
            barriers: Vec::new(),
            traffic: Traffic::default(),
            repositories: HashMap::new(),
            resources: HashMap::new(),
            removed: HashMap::new(),
            moved: HashMap::new(),
            on_the_way: HashMap::new(),
            last_number: 0,
            signing_on: HashSet::new(),
        }
    }
}

impl World {
    /// Returns the current time, in seconds since the epoch.
    pub fn now_secs(&self) -> u64 {
        self.told_clock.present(self.clock.now().as_secs())
    }

    /// Returns an unused number.
    pub fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Returns the next failure for `request`, if one waits.
    pub fn next_failure(&mut self, request: &Received) -> Option<Failure> {
        let index = self.scripts.iter().position(|script| script.applies_to(request))?;
        Some(self.play(index))
    }

    /// Returns the next failure for a connection to `host`, if one waits.
    pub fn next_handshake_failure(&mut self, host: &str) -> Option<Failure> {
        let index = self.scripts.iter().position(|script| script.applies_to_handshake(host))?;
        Some(self.play(index))
    }

    /// Returns true if a new connection to `host` would fail.
    pub fn refuses_handshakes(&self, host: &str) -> bool {
        self.scripts.iter().any(|script| script.applies_to_handshake(host))
    }

    /// Returns the gate in front of a path and query, if one is shut.
    pub fn barrier(&self, target: &str) -> Option<Arc<Barrier>> {
        self.barriers.iter().find(|barrier| barrier.target == target).cloned()
    }

    /// Adds a failure for everything in `scope`, until it is cleared. Returns its number.
    pub fn script(&mut self, scope: Scope, failure: Failure) -> u64 {
        let number = self.number();
        let (token, last_connection, left) = (None, None, None);
        self.scripts.push(Script { failure, scope, token, last_connection, left, number });
        number
    }

    /// Passes a request to the rules, which find it by the returned number.
    pub fn hand_over(&mut self, mut request: Received, failure: Option<Failure>) -> u64 {
        let number = self.number();
        request.etag_rule = self.etag_rule;
        self.on_the_way.insert(number, (request, failure));
        number
    }

    /// Takes the request with this number.
    pub fn take(&mut self, number: u64) -> Option<(Received, Option<Failure>)> {
        self.on_the_way.remove(&number)
    }

    /// Returns the repository with this name, creating or restoring it if necessary.
    pub fn repository(&mut self, name: &str) -> &mut Repository {
        let now_secs = self.now_secs();
        self.removed.remove(name);
        self.moved.remove(name);
        self.repositories.entry(name.to_owned()).or_insert_with(|| Repository::new(name, now_secs))
    }

    /// Serves a compact document at a path of the API; `value` is its parsed form, for the dates.
    pub fn document(&mut self, target: &str, compact: Vec<u8>, value: &Value) {
        if let Some((name, _)) = split(target) {
            self.removed.remove(name);
        }
        let modified = last_modified_of(target, value, self.now_secs());
        let document = Document::new(compact, modified);
        self.resource(API_HOST, target, Resource::Document(Arc::new(document)));
    }

    /// Serves a resource at a path of any host.
    pub fn resource(&mut self, host: &str, target: &str, resource: Resource) {
        self.resources.insert((host.to_owned(), target.to_owned()), resource);
    }

    /// Makes an organization refuse all tokens without single sign-on.
    pub fn require_sign_on(&mut self, owner: &str) {
        self.signing_on.insert(owner.to_owned());
    }

    /// Returns true if a path belongs to an organization that requires single sign-on.
    pub fn wants_sign_on(&self, target: &str) -> bool {
        let owner = target.split('/').nth(2).unwrap_or_default();
        target.starts_with("/repos/") && self.signing_on.contains(owner)
    }

    /// Answers `status` for the repository and everything below it.
    pub fn remove(&mut self, name: &str, status: u16) {
        self.removed.insert(name.to_owned(), status);
    }

    /// Renames a repository and everything served below it. Returns its number.
    pub fn rename(&mut self, old: &str, new: &str) -> u64 {
        let now_secs = self.now_secs();
        let known = self.repositories.remove(old);
        let mut repository = known.unwrap_or_else(|| Repository::new(old, now_secs));
        let id = repository.id;
        repository.rename(new);
        self.repositories.insert(new.to_owned(), repository);
        self.moved.remove(new);
        self.moved.insert(old.to_owned(), id);
        let resources = std::mem::take(&mut self.resources);
        self.resources =
            resources.into_iter().map(|(key, value)| (moved_key(key, old, new), value)).collect();
        id
    }

    /// Returns the resource behind a path of a host.
    pub fn find(&mut self, host: &str, target: &str) -> Resource {
        let target = self.by_name(host, target);
        let parts = if host == API_HOST { split(&target) } else { None };
        if let Some(untruth) = self.lies.about(&target, self.now_secs()) {
            let repository = parts.and_then(|(name, _)| self.repositories.get(name));
            return untruth.resource(repository);
        }
        if let Some((name, below)) = parts {
            if let Some(status) = self.removed.get(name) {
                return Resource::Missing(*status);
            }
            if let Some(id) = self.moved.get(name) {
                return Resource::Redirect(
                    301,
                    format!("https://{API_HOST}/repositories/{id}{below}"),
                );
            }
        }
        if let Some(resource) = self.resources.get(&(host.to_owned(), target.clone())) {
            return resource.clone();
        }
        let document =
            parts.and_then(|(name, below)| self.repositories.get_mut(name)?.document(below));
        document.map_or(Resource::Missing(404), Resource::Document)
    }

    /// Returns the repository with this name, if it exists.
    pub fn known(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(name).filter(|_| !self.removed.contains_key(name))
    }

    /// Rewrites `/repositories/<id>/…` to `/repos/<name>/…`.
    pub fn by_name(&self, host: &str, target: &str) -> String {
        let named =
            target.strip_prefix("/repositories/").filter(|_| host == API_HOST).and_then(|rest| {
                let (id, below) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                let repository =
                    self.repositories.values().find(|known| known.id.to_string() == id)?;
                Some(format!("/repos/{}{below}", repository.name))
            });
        named.unwrap_or_else(|| target.to_owned())
    }

    fn play(&mut self, index: usize) -> Failure {
        let script = &mut self.scripts[index];
        let failure = script.failure.clone();
        script.left = script.left.map(|left| left.saturating_sub(1));
        if script.left == Some(0) {
            self.scripts.remove(index);
        }
        failure
    }
}

/// Splits a path of the API into the repository's name and the rest, including the query.
fn split(target: &str) -> Option<(&str, &str)> {
    let rest = target.strip_prefix("/repos/")?;
    let owner_length = rest.find('/')?;
    let name_length = rest[owner_length + 1..].find(['/', '?']);
    Some(rest.split_at(name_length.map_or(rest.len(), |length| owner_length + 1 + length)))
}

fn moved_key((host, target): (String, String), old: &str, new: &str) -> (String, String) {
    let moved = match split(&target) {
        Some((name, below)) if host == API_HOST && name == old => format!("/repos/{new}{below}"),
        _ => target,
    };
    (host, moved)
}
