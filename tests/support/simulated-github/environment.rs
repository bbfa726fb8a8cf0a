//! The variables that send the service's requests to the simulation.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use crate::readiness;
use crate::store::FreshStore;
use crate::support::github::GitHub;

/// A name and its value.
pub(crate) type Variable = (&'static str, String);

/// Returns the variables that a command must have in its environment. A variable that is only a
/// default is left out if it is already set.
pub(crate) fn of(github: &GitHub) -> Vec<Variable> {
    let defaults = [
        ("GITHUB_PATS", "simulated-token-1,simulated-token-2".to_owned()),
        ("API_USAGE_THRESHOLD", "100".to_owned()),
        // A person reads this log.
        ("LOG_FORMAT", "text".to_owned()),
    ];
    let missing = defaults.into_iter().filter(|(name, _)| variable(name).is_none());
    let mut environment = vec![
        ("UPSTREAM_CONNECT_TO", github.connect_to()),
        ("UPSTREAM_CA_FILE", github.ca_file().display().to_string()),
    ];
    environment.extend(missing);
    environment
}

/// Returns the variable that places the service's store in this folder.
pub(crate) fn of_store(store: &FreshStore) -> Variable {
    ("CACHE_DIR", store.folder().display().to_string())
}

/// Returns the variables as lines for a shell.
pub(crate) fn exports(environment: &[Variable]) -> String {
    environment.iter().fold(String::new(), |mut lines, (name, value)| {
        let _ = writeln!(lines, "export {name}='{value}'");
        lines
    })
}

/// Prints the address of the API over plain HTTP, as a line for a shell.
pub(crate) fn say_api(address: SocketAddr) {
    let _ =
        io::stdout().write_all(format!("export GITHUB_API_URL='http://{address}'\n").as_bytes());
}

/// Returns the port on which the service will listen.
pub(crate) fn port() -> String {
    variable("PORT").unwrap_or_else(|| "8000".to_owned())
}

/// Returns the address at which the service will answer; `None` if it cannot be known.
pub(crate) fn address() -> Option<SocketAddr> {
    let host = variable("HOST").map_or(Ok(Ipv4Addr::LOCALHOST.into()), |host| host.parse());
    let port = port().parse().ok().filter(|port| *port != 0)?;
    Some(SocketAddr::new(readiness::reachable(host.ok()?), port))
}

/// Returns the value of a variable that is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own, apart from the service's configuration"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
