//! The scripted failures: their requests and their number.

use super::failure::Failure;
use super::received::Received;

/// A failure that waits for its requests.
#[derive(Debug)]
pub struct Script {
    /// The failure.
    pub failure: Failure,
    /// The requests that fail.
    pub scope: Scope,
    /// The token of those requests, if only one token fails.
    pub token: Option<String>,
    /// The last connection that fails, by its number, if later ones do not.
    pub last_connection: Option<u64>,
    /// The number of failures that are left; `None` until the script is cleared.
    pub left: Option<u32>,
    /// The number by which the handle finds the script.
    pub number: u64,
}

/// The requests that a script applies to.
#[derive(Clone, Debug)]
pub enum Scope {
    /// One path and query, on any host.
    Target(String),
    /// The path after the name of any repository, on any host.
    Endpoint(String),
    /// Everything on one host.
    Host(String),
    /// Everything.
    Everything,
}

impl Script {
    /// Returns true if this script applies to `request`.
    pub fn applies_to(&self, request: &Received) -> bool {
        let in_scope = match &self.scope {
            Scope::Target(target) => *target == request.target,
            Scope::Endpoint(resource) => {
                let path = request.target.split('?').next().unwrap_or_default();
                path.split('/').nth(4) == Some(resource)
            }
            Scope::Host(host) => *host == request.host,
            Scope::Everything => true,
        };
        in_scope
            && !self.failure.spoils_handshakes()
            && self.last_connection.is_none_or(|last| request.connection <= last)
            && self.token.as_deref().is_none_or(|token| request.token() == Some(token))
    }

    /// Returns true if this script applies to a connection to `host`.
    pub fn applies_to_handshake(&self, host: &str) -> bool {
        self.failure.spoils_handshakes()
            && match &self.scope {
                Scope::Target(_) | Scope::Endpoint(_) => false,
                Scope::Host(known) => known == host,
                Scope::Everything => true,
            }
    }
}
