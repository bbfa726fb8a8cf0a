//! The run: servers are started and filled, checked, and asked in turns.

use std::process::{Command, Stdio};

use crate::arguments::Plan;
use crate::check::check;
use crate::cores::{Core, Cores};
use crate::figures;
use crate::fleet::Fleet;
use crate::floors;
use crate::requests::{self, Choice};
use crate::say;
use crate::scenario::{Keys, Scenario};
use crate::server::{Kind, Server};
use crate::table::Table;
use crate::turn;
use crate::upstream::Upstream;
use crate::verdict::Verdict;
use crate::wrk::Wrk;

/// The servers of the scenarios with few documents, and others for those with many, where there are
/// any: what a hit costs with few would not be known of servers that have many.
struct Fleets {
    few: Fleet,
    many: Fleet,
}

/// A scenario, with the floors that give its answer and how each server is asked.
struct Stage {
    scenario: &'static Scenario,
    choice: Choice,
    floors: Vec<Server>,
    /// With which header lines each server is asked.
    asked: Vec<(Kind, Vec<String>)>,
    table: Table,
}

/// Measures, prints, and judges.
pub(crate) async fn run(plan: &Plan) -> Verdict {
    let Some(cores) = Cores::find() else {
        return Verdict::impossible("servers and client need a core each, and there is one alone");
    };
    if let Some(missing) = missing(plan) {
        return Verdict::impossible(&format!("{missing} is not installed"));
    }
    let mut upstream = Upstream::start();
    let fleets = fleets(plan, cores.server, &mut upstream).await;
    let mut stages = Vec::new();
    for scenario in &plan.scenarios {
        stages.push(Stage::prepare(scenario, plan, cores.server, &fleets).await);
    }
    let wrk = Wrk::new(cores.client, plan.seconds);
    for round in 1..=plan.rounds {
        say(&format!("round {round} of {}", plan.rounds));
        for stage in &mut stages {
            stage.round(round, &wrk, fleets.of(stage.scenario), &mut upstream).await;
        }
    }
    let tables: Vec<Table> = stages.into_iter().map(|stage| stage.table).collect();
    tables.iter().for_each(|table| table.print(plan.keys));
    fleets.all().for_each(Fleet::print_svm);
    say("\nFigures to reach:");
    figures::judge(&tables)
}

/// The first program that is needed and not there.
fn missing(plan: &Plan) -> Option<&'static str> {
    let programs = plan.servers.iter().filter_map(|kind| kind.program());
    ["taskset", "setpriv", "wrk"].into_iter().chain(programs).find(|program| !is_installed(program))
}

/// The program's answer to that option does not matter.
fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    let silent = command.arg("-V").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok()
}

async fn fleets(plan: &Plan, core: Core, upstream: &mut Upstream) -> Fleets {
    let (many, few): (Vec<&Scenario>, Vec<_>) =
        plan.scenarios.iter().copied().partition(|scenario| scenario.keys == Keys::Many);
    let kinds = |scenarios: &[&Scenario]| {
        if scenarios.is_empty() { &[] } else { &plan.servers[..] }
    };
    let fleets = Fleets {
        few: Fleet::start(core, kinds(&few), &plan.binary, upstream),
        many: Fleet::start(core, kinds(&many), &plan.binary, upstream),
    };
    for scenario in few {
        fleets.few.fill(scenario.keys.count(plan.keys), &|number| scenario.document(number)).await;
    }
    if let Some(scenario) = many.first() {
        fleets.many.fill(plan.keys, &|number| scenario.document(number)).await;
    }
    fleets
}

impl Fleets {
    fn all(&self) -> impl Iterator<Item = &Fleet> {
        [&self.few, &self.many].into_iter().filter(|fleet| !fleet.0.is_empty())
    }

    fn of(&self, scenario: &Scenario) -> &Fleet {
        if scenario.keys == Keys::Many { &self.many } else { &self.few }
    }
}

impl Stage {
    /// Starts the floors of a scenario, and checks that each server gives what is to be timed.
    async fn prepare(
        scenario: &'static Scenario,
        plan: &Plan,
        core: Core,
        fleets: &Fleets,
    ) -> Self {
        let fleet = fleets.of(scenario);
        let kept = floors::request(scenario, &check(fleet.svm(), scenario).await);
        let is_floor = |kind: &&Kind| kind.is_floor();
        let floor = |kind: &Kind| floors::start(core, *kind, fleet.svm().address, &kept);
        let mut stage = Self {
            scenario,
            choice: Choice::new(scenario, plan.keys),
            floors: plan.servers.iter().filter(is_floor).map(floor).collect(),
            asked: Vec::new(),
            table: Table::new(scenario, &plan.servers),
        };
        for kind in &plan.servers {
            let headers = check(stage.server(*kind, fleet), scenario).await;
            stage.asked.push((*kind, headers));
        }
        stage
    }

    /// Every server's turn.
    async fn round(&mut self, round: usize, wrk: &Wrk, fleet: &Fleet, upstream: &mut Upstream) {
        requests::write(&wrk.paths(), self.scenario, &self.choice, round);
        for (kind, headers) in &self.asked {
            let server = self.server(*kind, fleet);
            let sample = turn::take(wrk, server, self.scenario, headers, upstream).await;
            self.table.add(*kind, sample);
        }
    }

    fn server<'a>(&'a self, kind: Kind, fleet: &'a Fleet) -> &'a Server {
        let mut servers = self.floors.iter().chain(&fleet.0);
        servers.find(|server| server.kind == kind).expect("a server that was started")
    }
}
