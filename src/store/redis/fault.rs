//! The faults of the server, by their remedy.
//!
//! svm does not use the texts of the client: a batch that fails completely has an error for each
//! change, and the log needs one of them.

use std::time::Duration;

use ::redis::{ErrorKind, RedisError, ServerError};

use crate::store::Error;
use crate::store::cause::WriteRefusal;

/// The reason why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerFault {
    /// There is no connection yet, or no new one after a fault.
    #[error("there is no connection to the server")]
    NotConnected,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The server did not answer in time.
    #[error("the server does not answer within {0:?}")]
    TooSlow(Duration),
    /// The work on a blocking thread was lost.
    #[error(transparent)]
    Lost(#[from] crate::tasks::Lost),
    /// The server refused some of the commands.
    #[error("the server refuses {count} of what it was asked: {code}")]
    Refused {
        /// The code of the first refusal. The text of the server may contain keys or values.
        code: String,
        /// The meaning of that code.
        #[source]
        cause: WriteRefusal,
        /// The number of refusals.
        count: usize,
        /// True if another connection may help.
        elsewhere: bool,
    },
    /// The connection could not be made, or is broken.
    #[error("{0}")]
    Broken(RedisError),
}

impl ServerFault {
    /// Returns true if the connection is no longer usable. A server that is full or misused gives
    /// the same answer on every connection.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::TooSlow(_) | Self::Broken(_))
    }

    /// Returns true if the connection works, but leads to a server that no longer takes writes,
    /// cannot answer yet or wants another login.
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

/// Returns true if the value of the key has another type than the command expects.
pub(super) fn is_wrong_type(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Extension && error.code() == Some("WRONGTYPE")
}

/// Returns true if another server may give another answer: after a failover, the name may lead
/// elsewhere. For an error in a script, old servers name the code only in the text.
fn is_about_this_server(error: &ServerError) -> bool {
    let is_hidden = || error.details().is_some_and(|text| text.contains("READONLY"));
    ["READONLY", "NOAUTH", "MASTERDOWN", "LOADING"].contains(&error.code()) || is_hidden()
}

/// Returns the code of an error if it is a word in capitals. svm repeats nothing else.
fn code(error: &ServerError) -> String {
    let is_code = |code: &&str| code.len() <= 20 && code.bytes().all(|b| b.is_ascii_uppercase());
    Some(error.code()).filter(is_code).unwrap_or("an unknown code").to_owned()
}

#[cfg(test)]
mod tests {
    use ::redis::{Value, parse_redis_value};

    use super::*;

    fn fault(line: &str) -> ServerFault {
        let reply = parse_redis_value(format!("-{line}\r\n").as_bytes()).expect("a reply");
        let Value::ServerError(error) = reply else { panic!("{reply:?}") };
        RedisError::from(error).into()
    }

    #[test]
    fn another_server_may_help_against_some_refusals() {
        for (line, is_elsewhere) in [
            ("READONLY You can't write against a read only replica.", true),
            ("ERR Error running script: -READONLY You can't write against it.", true),
            ("NOAUTH Authentication required.", true),
            ("MASTERDOWN Link with MASTER is down.", true),
            ("LOADING Redis is loading the dataset in memory", true),
            ("OOM command not allowed when used memory > 'maxmemory'.", false),
            ("NOPERM this user has no permissions", false),
            ("BUSY Redis is busy running a script.", false),
        ] {
            let fault = fault(line);
            assert_eq!((fault.is_elsewhere(), fault.is_broken()), (is_elsewhere, false), "{line}");
        }
    }
}
