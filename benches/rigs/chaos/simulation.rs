//! The simulated GitHub as a process of its own.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::documents::Family;
use crate::harness::github::GitHub;
use crate::process::{self, Process};

/// The word that asks for this role.
const ROLE: &str = "simulated-github";

/// The tokens of the one user, who never runs out of quota.
pub(crate) const TOKENS: &str = "ghp_first,ghp_second";

/// A simulation that runs; killed when dropped.
pub(crate) struct Simulation(pub(crate) Process);

/// The counts so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Requests that cost quota.
    pub(crate) charged: u64,
    /// Answers 304, which cost none.
    pub(crate) free: u64,
    /// Requests for each document of the first family.
    pub(crate) calls: Vec<u64>,
}

impl Simulation {
    /// Starts one with these documents.
    pub(crate) fn start(families: &[Family<'_>]) -> Self {
        let families = families.iter().map(Family::to_string);
        let words: Vec<_> = [ROLE.to_owned()].into_iter().chain(families).collect();
        Self(Process::start(&words))
    }

    /// Asks what it has counted.
    pub(crate) fn told(&mut self) -> Told {
        let told = self.0.told();
        let number = |value: &Value| value.as_u64().expect("a number");
        let calls = told["calls"].as_array().expect("a list").iter().map(number).collect();
        Told { charged: number(&told["charged"]), free: number(&told["free"]), calls }
    }
}

impl Told {
    /// Requests for all documents of the first family.
    pub(crate) fn total(&self) -> u64 {
        self.calls.iter().sum()
    }

    /// Returns the difference to `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let calls = self.calls.iter().zip(&earlier.calls).map(|(now, then)| now - then);
        Self {
            charged: self.charged - earlier.charged,
            free: self.free - earlier.free,
            calls: calls.collect(),
        }
    }
}

/// The documents of this role, if these words ask for it.
pub(crate) fn role(words: &[String]) -> Option<Vec<Family<'_>>> {
    let (role, families) = words.split_first()?;
    let families = families.iter().filter_map(|text| Family::parse(text)).collect();
    (role == ROLE).then_some(families)
}

/// Serves until the standard input ends.
pub(crate) fn serve(families: &[Family<'_>]) {
    let runtime = Runtime::new().expect("a runtime");
    let github = runtime.block_on(GitHub::start());
    let user = github.user("chaos").limit(u64::MAX);
    TOKENS.split(',').fold(user, |user, token| user.token(token));
    for document in families.iter().flat_map(Family::documents) {
        github.document_bytes(document.path(), document.body());
    }
    let told = |_: &str| {
        let calls = families.first().map(|family| {
            family.documents().map(|document| github.calls(document.path())).collect::<Vec<_>>()
        });
        json!({"charged": github.charged(), "free": github.free(), "calls": calls})
    };
    process::answer(&github.connect_to(), &github.ca_file().display().to_string(), told);
}
