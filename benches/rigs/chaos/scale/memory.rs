//! Twice as many documents as L1 may hold.

use crate::say;
use crate::verdict::Verdict;

use super::series::Series;
use super::stage::Stage;

const BODY_BYTES: usize = 7_000;
const MEBIBYTE: f64 = 1_048_576.0;
/// The most memory beside L1 that is in no proportion to it, in MiB: documents in use, heaps of
/// threads, the store's cache.
const BESIDE_MIB: f64 = 80.0;
/// The most memory of the documents that wait to be written to the store, in MiB; that queue has a
/// bound of its own.
const QUEUE_MIB: f64 = 64.0;

pub(super) async fn run(stage: &Stage<'_>, verdict: &mut Verdict) {
    let series = Series::of_bytes(BODY_BYTES);
    let bound = stage.plan.l1_mib as f64;
    let documents = 2 * stage.plan.l1_mib * (1 << 20) / BODY_BYTES;
    let running = stage.start(stage.plan.l1_mib).await;
    let service = &running.service;
    let idle = running.quiet().await;
    let took = running.fill(&series, 0, documents, verdict).await.as_secs_f64();
    let resting = running.quiet().await;
    let (idle, resting) = (idle / MEBIBYTE, resting / MEBIBYTE);
    let peak = service.memory("VmHWM") / MEBIBYTE;
    say(&format!(
        "  {documents} documents of {BODY_BYTES} B in {took:.1} s; idle {idle:.1} MiB, peak {peak:.1}, resting {resting:.1}"
    ));
    say(&format!(
        "  L1 weighs {:.1} MiB, {} entries, its bound is {bound} MiB; without idle: peak {:.3} of it, resting {:.3}",
        service.metric("svm_l1_bytes") / MEBIBYTE,
        service.metric("svm_l1_entries"),
        (peak - idle) / bound,
        (resting - idle) / bound,
    ));
    let allowed = bound + BESIDE_MIB;
    verdict.at_most("  peak, without idle", peak - idle, allowed + QUEUE_MIB, " MiB");
    verdict.at_most("  resting, without idle", resting - idle, allowed, " MiB");
    running.stop().await;
}
