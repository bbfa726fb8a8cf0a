//! The command line.

use crate::harness::process::binary;
use crate::options::Options;
use crate::scenario::{SCENARIOS, Scenario};
use crate::server::Kind;

/// The text for a wrong command line.
pub(crate) const HELP: &str = "\
peers [OPTION VALUE]...

  --rounds 5         in each of which every server has its turn in every scenario
  --seconds 2        of a turn
  --keys 1000000     documents of the scenarios with many
  --only LIST        of scenarios: 2k, 7k, 120k, 400k, each also as 2k-close...,
                     7k-304, 7k-zipf, 200b, 200b-many, 200b-many-zipf
  --servers LIST     beside svm: salvo, hyper, nginx, varnish, squid, trafficserver,
                     varnishncsa; all but the last otherwise
  --binary FILE      of svm, in place of target/release/svm

It needs two cores, taskset and setpriv of util-linux, wrk, and the servers that it is to start.";

/// The scenarios and servers, and the length of the measurement.
pub(crate) struct Plan {
    /// Rounds, of which medians are taken.
    pub(crate) rounds: usize,
    /// The length of a turn.
    pub(crate) seconds: u32,
    /// The documents of the scenarios with many.
    pub(crate) keys: usize,
    /// The scenarios, in the order of the table of all.
    pub(crate) scenarios: Vec<&'static Scenario>,
    /// svm, and those that it is compared with.
    pub(crate) servers: Vec<Kind>,
    /// The binary of svm.
    pub(crate) binary: String,
}

/// Reads the command line.
pub(crate) fn parse(words: &[String]) -> Result<Plan, String> {
    let mut options = Options::read(words.iter().map(String::as_str))?;
    let plan = Plan {
        rounds: options.number("--rounds", 5)?,
        seconds: options.number("--seconds", 2)?,
        keys: options.number("--keys", 1_000_000)?,
        scenarios: scenarios(options.take("--only"))?,
        servers: servers(options.take("--servers"))?,
        binary: options.take("--binary").map_or_else(binary, absolute),
    };
    options.are_used()?;
    if plan.rounds == 0 || plan.seconds == 0 || plan.keys == 0 {
        return Err("rounds, seconds and keys have to be 1 at least".to_owned());
    }
    Ok(plan)
}

/// Returns the path from the root: svm runs in a folder of its own.
fn absolute(file: &str) -> String {
    let path = std::path::absolute(file).expect("a path");
    path.into_os_string().into_string().expect("a path in UTF-8")
}

fn scenarios(list: Option<&str>) -> Result<Vec<&'static Scenario>, String> {
    let Some(list) = list else { return Ok(SCENARIOS.iter().collect()) };
    let is_known = |name: &&str| SCENARIOS.iter().any(|scenario| scenario.name == *name);
    if let Some(unknown) = list.split(',').find(|name| !is_known(name)) {
        return Err(format!("there is no scenario called {unknown}"));
    }
    let is_chosen = |scenario: &&Scenario| list.split(',').any(|name| name == scenario.name);
    Ok(SCENARIOS.iter().filter(is_chosen).collect())
}

fn servers(list: Option<&str>) -> Result<Vec<Kind>, String> {
    let Some(list) = list else { return Ok(Kind::usual()) };
    let kind = |name: &str| {
        let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| format!("there is no server called {name}"))
    };
    let mut servers = list.split(',').map(kind).collect::<Result<Vec<_>, _>>()?;
    // It is what the others are compared with, and the floors give its answers.
    servers.retain(|kind| *kind != Kind::Svm);
    servers.insert(0, Kind::Svm);
    Ok(servers)
}
