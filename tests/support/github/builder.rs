//! Builders for a release, a user and a failure.

use super::GitHub;
use super::account::Account;
use super::failure::Failure;
use super::script::{Scope, Script};

/// A release that is served at the end of the sentence.
#[must_use]
pub struct NewRelease<'a> {
    github: &'a GitHub,
    name: String,
    tag: String,
    assets: usize,
    prerelease: bool,
    immutable: bool,
}

impl<'a> NewRelease<'a> {
    pub(super) fn new(github: &'a GitHub, name: &str) -> Self {
        Self {
            github,
            name: name.to_owned(),
            tag: "v1.0.0".to_owned(),
            assets: 1,
            prerelease: false,
            immutable: false,
        }
    }

    /// Its git tag; `v1.0.0` otherwise.
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// The number of its assets; 1 otherwise.
    pub fn assets(mut self, assets: usize) -> Self {
        self.assets = assets;
        self
    }

    /// Keeps it out of `/releases/latest`.
    pub fn prerelease(mut self) -> Self {
        self.prerelease = true;
        self
    }

    /// Locks its tag and its assets.
    pub fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Publishes it, as the newest of its repository.
    pub fn serve(self) {
        let mut world = self.github.world();
        let now_secs = world.now_secs();
        let repository = world.repository(&self.name);
        let release = repository.publish(&self.tag, self.assets, now_secs);
        (release.prerelease, release.immutable) = (self.prerelease, self.immutable);
    }
}

/// A user, changed at each word.
pub struct User<'a> {
    github: &'a GitHub,
    login: String,
}

impl<'a> User<'a> {
    pub(super) fn new(github: &'a GitHub, login: &str) -> Self {
        github.world().accounts.user(login);
        Self { github, login: login.to_owned() }
    }

    /// Gives the user a token.
    pub fn token(self, token: &str) -> Self {
        self.github.world().accounts.own(token, &self.login);
        self
    }

    /// Requests an hour; 5,000 otherwise.
    pub fn limit(self, limit: u64) -> Self {
        self.change(|account| account.limit = limit)
    }

    /// Requests already spent in this window.
    pub fn used(self, used: u64) -> Self {
        let now_secs = self.now_secs();
        self.change(|account| {
            account.roll(now_secs);
            account.reset_at_secs = Some(account.reset_secs(now_secs));
            account.used = used.min(account.limit);
        })
    }

    /// Spends all that is left.
    pub fn exhaust(self) -> Self {
        self.used(u64::MAX)
    }

    /// Sets the value of `x-oauth-scopes`; the default is empty.
    pub fn scopes(self, scopes: &str) -> Self {
        self.change(|account| scopes.clone_into(&mut account.scopes))
    }

    /// Sets the value of `github-authentication-token-expiration`, as `2026-07-02 09:51:24 UTC`;
    /// absent otherwise.
    pub fn expires(self, expires: &str) -> Self {
        self.change(|account| account.expires = Some(expires.to_owned()))
    }

    /// Returns the requests that are left in the window.
    pub fn remaining(&self) -> u64 {
        self.github.world().accounts.user(&self.login).remaining()
    }

    pub(super) fn now_secs(&self) -> u64 {
        self.github.world().now_secs()
    }

    pub(super) fn change(self, change: impl FnOnce(&mut Account)) -> Self {
        change(self.github.world().accounts.user(&self.login));
        self
    }
}

/// The scope of a failure that is still to be named.
#[must_use]
pub struct NewFailure<'a> {
    github: &'a GitHub,
    scope: Scope,
}

impl<'a> NewFailure<'a> {
    pub(super) fn new(github: &'a GitHub, scope: Scope) -> Self {
        Self { github, scope }
    }

    /// Fails like this from now on, until it is cleared; failures of one scope happen in the order
    /// they were written.
    pub fn with(self, failure: Failure) -> Scripted<'a> {
        let number = self.github.world().script(self.scope, failure);
        Scripted { github: self.github, number }
    }
}

/// A failure that waits for its requests, and can still be narrowed.
pub struct Scripted<'a> {
    github: &'a GitHub,
    number: u64,
}

impl Scripted<'_> {
    /// Only for the next `times` requests.
    pub fn times(self, times: u32) -> Self {
        self.change(|script| script.left = Some(times))
    }

    /// Only for requests with this token.
    pub fn for_token(self, token: &str) -> Self {
        self.change(|script| script.token = Some(token.to_owned()))
    }

    /// Only on connections that exist by now: they have died, and nobody has noticed.
    pub fn on_known_connections(self) -> Self {
        let known = self.github.connections();
        self.change(|script| script.last_connection = Some(known))
    }

    fn change(self, change: impl FnOnce(&mut Script)) -> Self {
        let mut world = self.github.world();
        let script = world.scripts.iter_mut().find(|script| script.number == self.number);
        script.map(change);
        drop(world);
        self
    }
}
