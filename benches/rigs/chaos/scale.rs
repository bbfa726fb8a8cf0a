//! The cost of a hit, an entry and a connection when there is much of everything.
//!
//! The service has a core to itself unless stated otherwise, and the client, which is one thread,
//! shares another one with the upstream. Figures that are compared are measured in turns in one
//! run; a figure alone says little.

mod bytes;
mod cold;
mod connections;
mod cores;
mod crowd;
mod entries;
mod idle;
mod lane;
mod memory;
mod misses;
mod requested;
mod scan;
mod series;
mod stage;
mod stored;
mod storm;
mod subject;
mod sweep;

use std::str::FromStr;

use crate::say;
use crate::system;
use crate::verdict::Verdict;

use self::stage::Stage;

/// Files that a process has open beside its connections.
const OTHER_FILES: usize = 1_000;

/// The parts, and their sizes.
pub(crate) struct Plan {
    /// The parts to measure.
    pub(crate) parts: Vec<Part>,
    /// Turns of each subject.
    pub(crate) rounds: usize,
    /// Requests of each subject, in all turns together.
    pub(crate) requests: usize,
    /// Entries in L1, step by step.
    pub(crate) entries: Vec<usize>,
    /// The bound of L1 where twice as much is offered, in MiB.
    pub(crate) l1_mib: usize,
    /// Busy connections.
    pub(crate) connections: Vec<usize>,
    /// Idle connections.
    pub(crate) idle: usize,
    /// Requests at once for one cold key.
    pub(crate) crowd: usize,
    /// Cold keys at once.
    pub(crate) storm: usize,
    /// Documents in the store.
    pub(crate) stored: usize,
    /// Clients that ask for them at once.
    pub(crate) clients: usize,
    /// Documents in use.
    pub(crate) hot: usize,
    /// Documents that are asked for once beside them.
    pub(crate) scan: usize,
    /// Documents in the store to which records are written.
    pub(crate) bytes_stored: usize,
    /// Those records.
    pub(crate) written: usize,
    /// Documents in use beside sweeps.
    pub(crate) in_use: usize,
    /// Misses of an upstream that answers at once.
    pub(crate) misses: usize,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Many entries.
    Entries,
    /// More than L1 holds.
    Memory,
    /// Many busy connections.
    Connections,
    /// Many idle connections.
    Idle,
    /// Several cores.
    Cores,
    /// Many requests for one cold key.
    Cold,
    /// Many cold keys.
    Storm,
    /// Many stored documents after a restart.
    Stored,
    /// Documents in use beside a scan.
    Scan,
    /// Bytes written for a record.
    Bytes,
    /// Many documents in use.
    Sweep,
    /// Requests for documents whose checks are overdue.
    Requested,
    /// Many misses.
    Misses,
}

impl Part {
    /// Every part, in the order in which they run.
    pub(crate) const ALL: [Self; 13] = [
        Self::Entries,
        Self::Memory,
        Self::Connections,
        Self::Idle,
        Self::Cores,
        Self::Cold,
        Self::Storm,
        Self::Stored,
        Self::Scan,
        Self::Bytes,
        Self::Sweep,
        Self::Requested,
        Self::Misses,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Memory => "memory",
            Self::Connections => "connections",
            Self::Idle => "idle",
            Self::Cores => "cores",
            Self::Cold => "cold",
            Self::Storm => "storm",
            Self::Stored => "stored",
            Self::Scan => "scan",
            Self::Bytes => "bytes",
            Self::Sweep => "sweep",
            Self::Requested => "requested",
            Self::Misses => "misses",
        }
    }

    async fn run(self, stage: &mut Stage<'_>, verdict: &mut Verdict) {
        match self {
            Self::Entries => entries::run(stage, verdict).await,
            Self::Memory => memory::run(stage, verdict).await,
            Self::Connections => connections::run(stage, verdict).await,
            Self::Idle => idle::run(stage, verdict).await,
            Self::Cores => cores::run(stage, verdict).await,
            Self::Cold => cold::run(stage, verdict).await,
            Self::Storm => storm::run(stage, verdict).await,
            Self::Stored => stored::run(stage, verdict).await,
            Self::Scan => scan::run(stage, verdict).await,
            Self::Bytes => bytes::run(stage, verdict).await,
            Self::Sweep => sweep::run(stage, verdict).await,
            Self::Requested => requested::run(stage, verdict).await,
            Self::Misses => misses::run(stage, verdict).await,
        }
    }
}

impl FromStr for Part {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|part| part.as_str() == word).ok_or(())
    }
}

impl Plan {
    /// Fails if the plan cannot be measured.
    fn check(&self) -> Result<(), String> {
        // Of the smallest turn, which has a tenth of the requests.
        let requests = self.requests / 10 / self.rounds.max(1);
        let counts = [self.rounds, requests, self.l1_mib, self.idle, self.crowd, self.storm];
        let counts = counts.iter().chain([&self.stored, &self.clients, &self.hot, &self.scan]);
        let counts = counts.chain([&self.bytes_stored, &self.written]);
        let counts = counts.chain([&self.in_use, &self.misses]);
        if counts.chain(&self.entries).chain(&self.connections).any(|count| *count == 0) {
            return Err(
                "each count has to be one or more, and ten requests at least for each round".into(),
            );
        }
        let most = self.most_connections();
        let (needed, limit) = (most + OTHER_FILES, system::most_open_files());
        if needed > limit {
            return Err(format!(
                "{most} connections need {needed} open files, and a process may have {limit}: \
                 raise `ulimit -n`, or ask for fewer with --idle, --crowd, --storm, --connections"
            ));
        }
        Ok(())
    }

    /// The most connections that are open at once.
    fn most_connections(&self) -> usize {
        let of = |part: Part, count: usize| if self.parts.contains(&part) { count } else { 0 };
        let counts = [
            of(Part::Connections, self.connections.iter().sum()),
            of(Part::Idle, self.idle),
            of(Part::Cold, self.crowd),
            of(Part::Storm, self.storm),
            of(Part::Stored, self.clients),
        ];
        counts.into_iter().max().unwrap_or_default()
    }
}

/// Measures, prints, and judges.
pub(crate) async fn run(plan: &Plan) -> Verdict {
    let mut stage = match plan.check().and_then(|()| Stage::new(plan)) {
        Ok(stage) => stage,
        Err(why) => return Verdict::impossible(&why),
    };
    let mut verdict = Verdict::new();
    for part in Part::ALL.into_iter().filter(|part| plan.parts.contains(part)) {
        say(&format!("\n{}", part.as_str()));
        part.run(&mut stage, &mut verdict).await;
    }
    verdict
}
