//! Builders of a release, a user and a failure.

use super::GitHub;
use super::account::Account;
use super::failure::Failure;
use super::script::{Scope, Script};

/// A release that [`NewRelease::serve`] publishes.
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

    /// Sets the git tag; the default is `v1.0.0`.
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// Sets the number of assets; the default is 1.
    pub fn assets(mut self, assets: usize) -> Self {
        self.assets = assets;
        self
    }

    /// Keeps the release out of `/releases/latest`.
    pub fn prerelease(mut self) -> Self {
        self.prerelease = true;
        self
    }

    /// Locks the tag and the assets.
    pub fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Publishes the release, as the newest of its repository.
    pub fn serve(self) {
        let mut world = self.github.world();
        let now_secs = world.now_secs();
        let repository = world.repository(&self.name);
        let release = repository.publish(&self.tag, self.assets, now_secs);
        (release.prerelease, release.immutable) = (self.prerelease, self.immutable);
    }
}

/// A user. Each call changes it at once.
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

    /// Sets the requests per hour; the default is 5,000.
    pub fn limit(self, limit: u64) -> Self {
        self.change(|account| account.limit = limit)
    }

    /// Sets the requests that are already spent in this window.
    pub fn used(self, used: u64) -> Self {
        let now_secs = self.now_secs();
        self.change(|account| {
            account.roll(now_secs);
            account.reset_at_secs = Some(account.reset_secs(now_secs));
            account.used = used.min(account.limit);
        })
    }

    /// Spends all remaining requests.
    pub fn exhaust(self) -> Self {
        self.used(u64::MAX)
    }

    /// Sets the value of `x-oauth-scopes`; the default is empty.
    pub fn scopes(self, scopes: &str) -> Self {
        self.change(|account| scopes.clone_into(&mut account.scopes))
    }

    /// Sets the value of `github-authentication-token-expiration`, such as `2026-07-02 09:51:24
    /// UTC`; the default is no header.
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

/// The scope of a failure that has no kind yet.
#[must_use]
pub struct NewFailure<'a> {
    github: &'a GitHub,
    scope: Scope,
}

impl<'a> NewFailure<'a> {
    pub(super) fn new(github: &'a GitHub, scope: Scope) -> Self {
        Self { github, scope }
    }

    /// Fails in this way from now on, until the failure is cleared. Failures of one scope happen in
    /// the order of their creation.
    pub fn with(self, failure: Failure) -> Scripted<'a> {
        let number = self.github.world().script(self.scope, failure);
        Scripted { github: self.github, number }
    }
}

/// A failure that waits for its requests and can still be restricted.
pub struct Scripted<'a> {
    github: &'a GitHub,
    number: u64,
}

impl Scripted<'_> {
    /// Restricts the failure to the next `times` requests.
    pub fn times(self, times: u32) -> Self {
        self.change(|script| script.left = Some(times))
    }

    /// Restricts the failure to requests with this token.
    pub fn for_token(self, token: &str) -> Self {
        self.change(|script| script.token = Some(token.to_owned()))
    }

    /// Restricts the failure to the connections that exist now: they die without notice.
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
