//! The faults of the server, sorted by their remedy.
//!
//! The texts are made here and not by the client: a batch that fails altogether has an error for
//! each change, and the log needs one of them.

use std::time::Duration;

use ::redis::{ErrorKind, RedisError, ServerError};

use crate::store::Error;
use crate::store::cause::WriteRefusal;

/// The reason for which a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerFault {
    /// Nobody has connected yet, or not again.
    #[error("there is no connection to the server")]
    NotConnected,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The server did not answer in time.
    #[error("the server does not answer within {0:?}")]
    TooSlow(Duration),
    /// The call never reached the client.
    #[error(transparent)]
    Lost(#[from] crate::tasks::Lost),
    /// The server refused some of what it was asked.
    #[error("the server refuses {count} of what it was asked: {code}")]
    Refused {
        /// Its code for the first of them. Its words may hold keys or values.
        code: String,
        /// The meaning of that code.
        #[source]
        cause: WriteRefusal,
        /// The number of them.
        count: usize,
        /// True if another connection may help.
        elsewhere: bool,
    },
    /// The connection cannot be made or is broken.
    #[error("{0}")]
    Broken(RedisError),
}

impl ServerFault {
    /// Returns true if the connection is of no use any more. A server that is loading, full or
    /// misused says the same on every connection.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::TooSlow(_) | Self::Broken(_))
    }

    /// Returns true if the connection works, but leads to a server that cannot take writes any more
    /// or wants another login.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Refused { elsewhere: true, .. })
    }
}

impl From<RedisError> for ServerFault {
    fn from(error: RedisError) -> Self {
        let Some(refusals) = error.clone().into_server_errors() else { return Self::Broken(error) };
        let Some((_, first)) = refusals.first() else { return Self::Broken(error) };
        let elsewhere = refusals.iter().any(|(_, error)| is_about_this_server(error));
        let is_hidden = |word: &str| first.details().is_some_and(|text| text.contains(word));
        let cause = WriteRefusal::of_code(first.code(), is_hidden);
        Self::Refused { code: code(first), cause, count: refusals.len(), elsewhere }
    }
}

impl From<ServerFault> for Error {
    fn from(fault: ServerFault) -> Self {
        match fault {
            ServerFault::TooSlow(limit) => Self::TooSlow(limit),
            fault => Self::Unavailable(Box::new(fault)),
        }
    }
}

/// Returns true if the key holds a value of another type than the command is for.
pub(super) fn is_wrong_type(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Extension && error.code() == Some("WRONGTYPE")
}

/// After a failover the name may lead elsewhere. Old servers hide the code in the text of a
/// script's error.
fn is_about_this_server(error: &ServerError) -> bool {
    let is_hidden = || error.details().is_some_and(|text| text.contains("READONLY"));
    ["READONLY", "NOAUTH"].contains(&error.code()) || is_hidden()
}

/// A code is a word in capitals; nothing else is repeated.
fn code(error: &ServerError) -> String {
    let is_code = |code: &&str| code.len() <= 20 && code.bytes().all(|b| b.is_ascii_uppercase());
    Some(error.code()).filter(is_code).unwrap_or("an unknown code").to_owned()
}
