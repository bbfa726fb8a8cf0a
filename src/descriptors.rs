//! File descriptors: the limit of the system, and the number of them for clients.
//!
//! Each client connection takes one. Some are reserved, since a service without free descriptors
//! can neither call GitHub nor open its store.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{self, Config};

/// Descriptors for each exchange: its connection, and a second one that is tried in parallel.
const OF_AN_EXCHANGE: usize = 2;
/// Descriptors for idle connections to GitHub, the store, the log, look-ups of names, and client
/// connections beyond the limit.
const OF_ALL_ELSE: usize = 128;

/// Raises the soft limit of this process to the hard limit.
///
/// # Errors
///
/// If the system refuses; the limit stays as it was.
pub fn raise() -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(());
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Returns the hard limit of this process; `None` if there is none.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Lowers `MAX_CONNECTIONS` to fit the limit. Returns a warning for the operator if it did.
pub fn fit(config: &mut Config, limit: Option<u64>) -> Option<String> {
    let limit = limit?;
    let wanted = config.server.max_connections;
    let room = room(limit, &config.upstream);
    if wanted <= room {
        return None;
    }
    config.server.max_connections = room;
    Some(format!(
        "MAX_CONNECTIONS is {wanted}, but the limit of {limit} file descriptors has room for {room} client connections: allow more (ulimit -n, LimitNOFILE), or set MAX_CONNECTIONS to {room}"
    ))
}

/// Returns the number of client connections that fit the limit. At least half of the limit is for
/// clients.
fn room(limit: u64, upstream: &config::Upstream) -> usize {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let others =
        upstream.max_concurrency.saturating_mul(OF_AN_EXCHANGE).saturating_add(OF_ALL_ELSE);
    (limit - others.min(limit / 2)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Vars;

    fn fitted(max_connections: &str, limit: Option<u64>) -> (usize, Option<String>) {
        let vars = [
            ("GITHUB_PATS", "t"),
            ("API_USAGE_THRESHOLD", "0"),
            ("MAX_CONNECTIONS", max_connections),
        ];
        let mut config = Config::from_vars(&Vars::from_iter(vars)).unwrap();
        let warning = fit(&mut config, limit);
        (config.server.max_connections, warning)
    }

    #[test]
    fn clients_get_the_descriptors_that_are_not_reserved() {
        for (wanted, limit, room) in [
            ("10000", None, 10_000),
            ("10000", Some(1 << 20), 10_000),
            ("10000", Some(1_024), 1_024 - 256),
            ("768", Some(1_024), 768),
            ("10000", Some(256), 128),
            ("10000", Some(64), 32),
            ("10000", Some(1), 1),
        ] {
            let (connections, warning) = fitted(wanted, limit);
            assert_eq!(connections, room, "{wanted} {limit:?}");
            assert_eq!(warning.is_some(), connections.to_string() != wanted, "{warning:?}");
        }
        let (_, warning) = fitted("10000", Some(1_024));
        let warning = warning.unwrap();
        assert!(warning.contains("10000") && warning.contains("1024") && warning.contains("768"));
    }
}
