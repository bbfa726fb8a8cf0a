//! The handle with which a test changes and observes the running simulation.

use std::fmt::Display;
use std::sync::{Arc, MutexGuard};

use serde_json::Value;
use svm::clock::{Clock, ManualClock, Timestamp};

use super::GitHub;
use super::builder::{NewFailure, NewRelease, Scripted, User};
use super::document::Document;
use super::failure::Failure;
use super::gate::Gate;
use super::journal::Counts;
use super::lies::{Lie, Untruth};
use super::received::Received;
use super::script::Scope;
use super::world::{API_HOST, Resource, World, lock};

/// The host of files in repositories.
const RAW_HOST: &str = "raw.githubusercontent.com";

/// Documents and files.
impl GitHub {
    /// Returns a release to publish in the repository `owner/name`, which is created if necessary.
    pub fn release(&self, name: &str) -> NewRelease<'_> {
        NewRelease::new(self, name)
    }

    /// Publishes a newer release with the same number of assets as the latest one.
    pub fn publish(&self, name: &str, tag: &str) {
        let mut world = self.world();
        let now_secs = world.now_secs();
        let repository = world.repository(name);
        let assets = repository.latest().map_or(1, |latest| latest.downloads.len());
        let _ = repository.publish(tag, assets, now_secs);
    }

    /// Deletes the latest release; the previous one becomes the latest again.
    pub fn unpublish(&self, name: &str) {
        self.world().repository(name).unpublish();
    }

    /// Gives a false answer for a path and query of the API for these seconds.
    pub fn lie(&self, target: &str, lie: Lie, for_secs: u64) {
        let mut world = self.world();
        let until_secs = world.now_secs() + for_secs;
        world.lies.tell(target, Untruth::Told(lie), until_secs);
    }

    /// Makes a path and query of the API lag behind all writes for these seconds, with its tag.
    pub fn lag(&self, target: &str, for_secs: u64) {
        let mut world = self.world();
        let until_secs = world.now_secs() + for_secs;
        let present = world.find(API_HOST, target);
        world.lies.tell(target, Untruth::Lagging(present), until_secs);
    }

    /// Serves JSON (text or a value) at a path and query of the API, always in compact form.
    #[track_caller]
    pub fn document(&self, target: &str, json: impl Display) {
        let value: Value = serde_json::from_str(&json.to_string()).expect("a JSON document");
        self.document_bytes(target, value.to_string().into_bytes());
    }

    /// Serves JSON at a path and query of the API, byte for byte; it should be compact.
    #[track_caller]
    pub fn document_bytes(&self, target: &str, compact: Vec<u8>) {
        let value: Value = serde_json::from_slice(&compact).expect("a JSON document");
        self.world().document(target, compact, &value);
    }

    /// Serves JSON as a page with this `Link`.
    #[track_caller]
    pub fn document_with_link(&self, target: &str, compact: &[u8], link: &str) {
        let mut document = Document::new(compact.to_vec(), None);
        document.link = Some(link.to_owned());
        self.world().resource(API_HOST, target, Resource::Document(Arc::new(document)));
    }

    /// Serves a document with these notices that its endpoint will end.
    #[track_caller]
    pub fn deprecated(&self, target: &str, compact: &[u8], notices: [&str; 2]) {
        let mut document = Document::new(compact.to_vec(), None);
        document.notices = Some(notices.map(ToOwned::to_owned));
        self.world().resource(API_HOST, target, Resource::Document(Arc::new(document)));
    }

    /// Serves a text file on raw.githubusercontent.com.
    pub fn raw_document(&self, path: &str, text: &str) {
        self.file_on(RAW_HOST, path, text);
    }

    /// Serves a text file on any host, by the rules of the hosts that serve files.
    pub fn file_on(&self, host: &str, target: &str, text: &str) {
        let document = Document::new(text.as_bytes().to_vec(), None);
        self.world().resource(host, target, Resource::File(Arc::new(document)));
    }

    /// Redirects a path and query of the API.
    pub fn redirect(&self, target: &str, status: u16, location: &str) {
        self.redirect_on(API_HOST, target, status, location);
    }

    /// Redirects a path and query of any host.
    pub fn redirect_on(&self, host: &str, target: &str, status: u16, location: &str) {
        self.world().resource(host, target, Resource::Redirect(status, location.to_owned()));
    }

    /// Makes a path and query of any host always fail; [`GitHub::recover`] does not end this.
    pub fn failing_on(&self, host: &str, target: &str, failure: Failure) {
        self.world().resource(host, target, Resource::Failing(failure));
    }

    /// Answers `status` (404 or 410) for a repository and everything below it, until something is
    /// served there.
    pub fn remove(&self, name: &str, status: u16) {
        self.world().remove(name, status);
    }

    /// Renames a repository: the old name redirects to `/repositories/<id>`, followed by the rest
    /// of the path. Returns the id.
    pub fn rename(&self, old: &str, new: &str) -> u64 {
        self.world().rename(old, new)
    }

    /// Counts a download of each asset of the latest release: the body changes, `Last-Modified`
    /// does not.
    #[track_caller]
    pub fn bump_downloads(&self, name: &str) {
        self.world().repository(name).change_latest(|latest| {
            latest.downloads.iter_mut().for_each(|count| *count += 1);
        });
    }

    /// Makes tags by another, unknown rule from now on.
    pub fn change_etag_rule(&self) {
        self.world().etag_rule += 1;
    }

    /// Adds an asset to the latest release: the body changes, `Last-Modified` does not.
    #[track_caller]
    pub fn grow_asset(&self, name: &str) {
        let mut world = self.world();
        let now_secs = world.now_secs();
        world.repository(name).change_latest(|latest| {
            latest.downloads.push(0);
            latest.uploads_secs.push(now_secs);
        });
    }
}

/// Users, limits and time.
impl GitHub {
    /// Returns the user with this login, creating it if necessary.
    pub fn user(&self, login: &str) -> User<'_> {
        User::new(self, login)
    }

    /// Refuses tokens that belong to no user; by default, each becomes a user of its own.
    pub fn strict_tokens(&self) {
        self.world().accounts.strict = true;
    }

    /// Refuses all tokens for the repositories of an owner, which are readable without one.
    pub fn require_sign_on(&self, owner: &str) {
        self.world().require_sign_on(owner);
    }

    /// Charges for `304` answers from now on.
    pub fn charge_not_modified(&self) {
        self.world().charges_not_modified = true;
    }

    /// Makes a token a bad credential, until a user gets it again.
    pub fn revoke(&self, token: &str) {
        self.world().accounts.revoke(token);
    }

    /// Stops the clock at a moment, in seconds since the epoch.
    pub fn set_now(&self, epoch_secs: u64) {
        self.follow(Clock::Manual(ManualClock::at(Timestamp::from_secs(epoch_secs))));
    }

    /// Reads the time from a clock that the test shares.
    pub fn follow(&self, clock: Clock) {
        self.world().clock = clock;
    }
}

/// Failures.
impl GitHub {
    /// Returns a failure for a path and query on any host.
    pub fn fail(&self, target: &str) -> NewFailure<'_> {
        NewFailure::new(self, Scope::Target(target.to_owned()))
    }

    /// Returns a failure for everything on a host.
    pub fn fail_host(&self, host: &str) -> NewFailure<'_> {
        NewFailure::new(self, Scope::Host(host.to_owned()))
    }

    /// Returns a failure for one endpoint of all repositories, such as `commits`.
    pub fn fail_endpoint(&self, resource: &str) -> NewFailure<'_> {
        NewFailure::new(self, Scope::Endpoint(resource.to_owned()))
    }

    /// Makes everything fail.
    pub fn fail_all(&self, failure: Failure) -> Scripted<'_> {
        NewFailure::new(self, Scope::Everything).with(failure)
    }

    /// Makes requests for a path and query on any host wait until the gate is opened or dropped.
    pub fn hold(&self, target: &str) -> Gate {
        Gate::shut(&self.world, target)
    }

    /// Answers the secondary limit to requests of the API that arrive while `most` are in flight.
    pub fn concurrency_limit(&self, most: usize, retry_after_secs: Option<u64>) {
        self.world().traffic.limit = Some((most, retry_after_secs));
    }

    /// Clears all waiting failures.
    pub fn recover(&self) {
        self.world().scripts.clear();
    }
}

/// Received requests.
impl GitHub {
    /// Returns the number of requests for a path and query, on any host.
    pub fn calls(&self, target: &str) -> u64 {
        self.counts(target).requests
    }

    /// Returns the counts of a path and query on any host.
    pub fn counts(&self, target: &str) -> Counts {
        self.world().journal.of_target(target)
    }

    /// Returns the counts of a token; an empty token stands for requests without one.
    pub fn token_counts(&self, token: &str) -> Counts {
        self.world().journal.of_token(token)
    }

    /// Returns the counts of all requests.
    pub fn totals(&self) -> Counts {
        self.world().journal.total()
    }

    /// Returns the number of all requests.
    pub fn total_calls(&self) -> u64 {
        self.totals().requests
    }

    /// Returns the number of requests that cost quota.
    pub fn charged(&self) -> u64 {
        self.totals().charged
    }

    /// Returns the number of `304` answers that cost no quota.
    pub fn free(&self) -> u64 {
        self.totals().free
    }

    /// Returns the number of requests with a validator.
    pub fn conditional(&self) -> u64 {
        self.totals().conditional
    }

    /// Returns the number of TCP connections, including failed ones.
    pub fn accepted(&self) -> u64 {
        self.world().journal.accepted
    }

    /// Returns the number of completed TLS handshakes.
    pub fn connections(&self) -> u64 {
        self.world().journal.connections
    }

    /// Returns the number of connections that neither side has ended.
    pub fn open_connections(&self) -> u64 {
        let world = self.world();
        world.journal.connections - world.journal.ended
    }

    /// Returns the most requests that the API had in flight at once.
    pub fn peak(&self) -> usize {
        self.world().traffic.peak
    }

    /// Returns the most requests for a path and query of the API that were ever in flight at once.
    pub fn peak_of(&self, target: &str) -> usize {
        self.world().traffic.peak_of(target)
    }

    /// Resets the peak.
    pub fn reset_peak(&self) {
        self.world().traffic.peak = 0;
    }

    /// Returns the last requests (at most 20,000), the oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.world().journal.requests()
    }

    /// Returns the last requests for a path and query on any host.
    pub fn requests_for(&self, target: &str) -> Vec<Received> {
        self.requests().into_iter().filter(|request| request.target == target).collect()
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}
