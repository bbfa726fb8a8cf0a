//! Users, their tokens and their quota.
//!
//! The subtle part: a quota belongs to a user, and all tokens of that user spend it together. A
//! window begins with the first charged request and ends an hour later, by the world's clock.

use std::collections::{HashMap, HashSet};

use super::etag;
use super::received::Received;
use super::second_window::OtherWindow;
use sha2::{Digest, Sha256};

const WINDOW_SECS: u64 = 3_600;
const ANONYMOUS: &str = "";

/// One user, or all clients without a token (with an empty login).
#[derive(Clone, Debug)]
pub struct Account {
    /// The login; empty for requests without a token.
    pub login: String,
    /// The requests per hour.
    pub limit: u64,
    /// The requests spent in this window.
    pub used: u64,
    /// The end of the window, if one has started.
    pub reset_at_secs: Option<u64>,
    /// The value of `x-oauth-scopes` for this user's classic tokens.
    pub scopes: String,
    /// The value of `github-authentication-token-expiration`, if there is one.
    pub expires: Option<String>,
    /// A second window, if answers alternate between two.
    pub other: Option<OtherWindow>,
}

impl Account {
    fn new(login: &str, limit: u64) -> Self {
        let (login, scopes) = (login.to_owned(), String::new());
        Self { login, limit, used: 0, reset_at_secs: None, scopes, expires: None, other: None }
    }

    /// Returns a stable number for the login.
    pub fn id(&self) -> u64 {
        number_of(&self.login)
    }

    /// Returns true if the account is that of requests without a token.
    pub fn is_anonymous(&self) -> bool {
        self.login == ANONYMOUS
    }

    /// Returns the requests that are left in the window.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Returns the end of the window, or of the window that would begin now.
    pub fn reset_secs(&self, now_secs: u64) -> u64 {
        self.reset_at_secs.unwrap_or(now_secs + WINDOW_SECS)
    }

    /// Spends one request; a spent account stays spent.
    pub fn charge(&mut self, now_secs: u64) {
        self.reset_at_secs = Some(self.reset_secs(now_secs));
        self.used = (self.used + 1).min(self.limit);
    }

    /// Begins a new window if the last one has ended.
    pub fn roll(&mut self, now_secs: u64) {
        if self.reset_at_secs.is_some_and(|reset| now_secs >= reset) {
            self.used = 0;
            self.reset_at_secs = None;
        }
    }
}

/// All users, and the owner of each token.
#[derive(Debug)]
pub struct Accounts {
    by_login: HashMap<String, Account>,
    owners: HashMap<String, String>,
    revoked: HashSet<String>,
    /// True if an unknown token is refused; otherwise it becomes a user of its own.
    pub strict: bool,
}

impl Default for Accounts {
    fn default() -> Self {
        let anonymous = (ANONYMOUS.to_owned(), Account::new(ANONYMOUS, 60));
        let by_login = HashMap::from([anonymous]);
        Self { by_login, owners: HashMap::new(), revoked: HashSet::new(), strict: false }
    }
}

impl Accounts {
    /// Returns the user with this login, creating it if necessary.
    pub fn user(&mut self, login: &str) -> &mut Account {
        self.by_login.entry(login.to_owned()).or_insert_with(|| Account::new(login, 5_000))
    }

    /// Gives `token` to a user.
    pub fn own(&mut self, token: &str, login: &str) {
        self.user(login);
        self.revoked.remove(token);
        self.owners.insert(token.to_owned(), login.to_owned());
    }

    /// Makes `token` a bad credential.
    pub fn revoke(&mut self, token: &str) {
        self.revoked.insert(token.to_owned());
    }

    /// Returns the account whose quota the request spends, in the window of `now_secs`. Returns
    /// `None` if its credentials are bad.
    pub fn identify(&mut self, request: &Received, now_secs: u64) -> Option<&mut Account> {
        let login = match request.header("authorization") {
            None => ANONYMOUS.to_owned(),
            Some(_) => self.owner(request.token()?)?,
        };
        let account = self.user(&login);
        account.take_turns();
        account.roll(now_secs);
        Some(account)
    }

    fn owner(&mut self, token: &str) -> Option<String> {
        if self.revoked.contains(token) {
            return None;
        }
        if let Some(login) = self.owners.get(token) {
            return Some(login.clone());
        }
        let login = format!("user-{:08x}", number_of(token));
        (!self.strict).then(|| self.own(token, &login));
        (!self.strict).then_some(login)
    }
}

/// Returns a stable number for a name, similar to GitHub's.
pub fn number_of(name: &str) -> u64 {
    let digest = etag::hex(&Sha256::digest(name.as_bytes()));
    u64::from_str_radix(&digest[..7], 16).unwrap_or_default() + 1
}
