//! A full cache, documents that clients go on asking for, and a flood of URLs that nobody has asked
//! for before.
//!
//! Three floods, one after the other on one process: names that do not exist, small documents that
//! do (which is worse for a cache that evicts what was not used for longest), and documents for
//! which there is no quota left. Each comes as fast as the machine takes it. Meanwhile documents in
//! use are asked for at a steady rate, and have to be hits.

mod hot;
mod pour;

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::process::Setup;
use crate::process::Process;
use crate::say;
use crate::service::{self, Service};
use crate::statistics::{median, quantile};
use crate::upstream::{self, LARGE, LARGE_BODY, MISSING, SPENT};
use crate::verdict::Verdict;

use self::hot::Hot;
use self::pour::{Poured, pour};

/// The most memory, in relation to the bound of L1.
const MEMORY_RATIO: f64 = 1.15;
/// The part of the requests for documents in use that have to be hits.
const HIT_RATIO: f64 = 0.99;
/// Hosts without tokens, and the one with.
const FILES: &str = "https://raw.githubusercontent.com";
const API: &str = "https://api.github.com";

/// The number of requests, and the bound of L1.
pub(crate) struct Plan {
    /// URLs of each flood.
    pub(crate) urls: usize,
    /// Connections over which it comes.
    pub(crate) connections: usize,
    /// The bound of L1, in MiB.
    pub(crate) l1_mib: usize,
}

impl Plan {
    /// The documents that fill L1 to begin with, a good part more than it holds.
    fn filling(&self) -> usize {
        self.l1_mib * (1 << 20) / LARGE_BODY * 5 / 4
    }
}

/// One flood.
struct Flood {
    name: &'static str,
    host: &'static str,
    folder: &'static str,
    /// The expected status.
    status: u16,
}

const FLOODS: [Flood; 3] = [
    Flood { name: "names that do not exist", host: FILES, folder: MISSING, status: 404 },
    Flood { name: "small documents", host: FILES, folder: "/small/", status: 200 },
    Flood { name: "no quota left", host: API, folder: SPENT, status: 503 },
];

/// Floods a service, and says how that was for the others.
pub(crate) async fn run(plan: &Plan) -> Verdict {
    let upstream = Process::start(&[upstream::ROLE.to_owned()]);
    let gigabytes = (plan.l1_mib as f64 / 1024.0).to_string();
    let setup = service::setup(&upstream).set("CACHE_L1_MAX_GB", &gigabytes);
    let service = Service::start(&setup).await;
    let idle = service.memory("VmRSS");
    say(&format!("idle: RSS {} MiB", mebibytes(idle)));

    let filling = |number: usize| format!("{FILES}{LARGE}{number}");
    let filled = pour(service.address, plan.connections, plan.filling(), &filling);
    say(&format!("L1 filled: {filled}, {}", level(&service, &setup)));

    let mut verdict = Verdict::new();
    for flood in &FLOODS {
        let (hot, poured) = beside(service.address, plan, flood);
        report(flood, &hot, &poured);
        say(&format!("  {}", level(&service, &setup)));
        verdict.at_least("  hits of documents in use", hot.ratio(), HIT_RATIO, "");
        let expected = poured.answers(flood.status) as f64 / plan.urls as f64;
        verdict.at_least(&format!("  answered with {}", flood.status), expected, 0.99, "");
        verdict.at_most("  flights left over", service.metric("svm_flights"), 0.0, "");
    }
    let peak = service.memory("VmHWM");
    say(&format!("without what it took when idle: {} MiB", mebibytes(peak - idle)));
    verdict.at_most(
        "memory at its peak",
        mebibytes(peak),
        plan.l1_mib as f64 * MEMORY_RATIO,
        " MiB",
    );
    service.stop().await;
    verdict
}

/// The flood, and the documents in use until it is over.
fn beside(address: SocketAddr, plan: &Plan, flood: &Flood) -> (Hot, Poured) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let hot = scope.spawn(|| hot::ask(address, &is_over));
        let url = |number: usize| format!("{}{}{number}", flood.host, flood.folder);
        let poured = pour(address, plan.connections, plan.urls, &url);
        is_over.store(true, Ordering::Relaxed);
        (hot.join().expect("a thread that ends"), poured)
    })
}

fn report(flood: &Flood, hot: &Hot, poured: &Poured) {
    say(&format!("{}: {poured}", flood.name));
    let millis = || hot.millis.iter().copied();
    say(&format!(
        "  documents in use: {} asked, median {:.2} ms, p99 {:.2} ms, from the store {}, wrong: {:?}",
        hot.millis.len(),
        median(millis()),
        quantile(millis(), 0.99),
        hot.from_store,
        hot.wrong,
    ));
}

/// Describes the memory of the process.
fn level(service: &Service, setup: &Setup) -> String {
    let stored = fs::read_dir(setup.folder().join("data")).expect("the store's folder");
    let stored = stored.flatten().filter_map(|file| Some(file.metadata().ok()?.len() as f64));
    format!(
        "L1 {} entries and {} MiB, RSS {} MiB, peak {} MiB, known documents {}, log lines dropped {}, store's file {} MiB",
        service.metric("svm_l1_entries"),
        mebibytes(service.metric("svm_l1_bytes")),
        mebibytes(service.memory("VmRSS")),
        mebibytes(service.memory("VmHWM")),
        service.metric("svm_active_keys"),
        service.metric("svm_log_lines_dropped_total"),
        mebibytes(stored.sum()),
    )
}

const MEBIBYTE: f64 = 1_048_576.0;

fn mebibytes(bytes: f64) -> f64 {
    (bytes / MEBIBYTE).round()
}
