//! Misses as fast as they are answered, by an upstream that answers at once: how many a second, and
//! what each costs. The same of refreshes that a 304 answers, and of hits, for comparison.

use crate::say;
use crate::verdict::Verdict;

use super::series::Series;
use super::stage::Stage;

const L1_MIB: usize = 1_024;
const BODY_BYTES: usize = 5_000;

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    let (count, series) = (stage.plan.misses, Series::of_bytes(BODY_BYTES));
    for cores in [1, stage.all_cores()] {
        let running = stage.start_on(cores, L1_MIB).await;
        let service = &running.service;
        let before = service.cpu_time();
        let took = running.fill(&series, 0, count, verdict).await.as_secs_f64();
        let during = service.cpu_time().saturating_sub(before).as_secs_f64();
        running.quiet().await;
        let in_all = service.cpu_time().saturating_sub(before).as_secs_f64();
        let a_miss = |seconds: f64| seconds * 1e6 / count as f64;
        say(&format!(
            "  on {cores} of the cores: {:.0} misses a second; CPU of a miss: {:.0} us, {:.0} us with all that follows",
            count as f64 / took,
            a_miss(during),
            a_miss(in_all),
        ));
        let dropped = service.metric("svm_gzip_dropped_total");
        let written = service.metric("svm_l2_writes_total");
        say(&format!("  compressions dropped: {dropped}; records written: {written}"));
        for (name, series) in [("refreshes by a 304", series.refreshed()), ("hits", series.clone())]
        {
            let before = service.cpu_time();
            let took = running.fill(&series, 0, count, verdict).await.as_secs_f64();
            let cost = service.cpu_time().saturating_sub(before).as_secs_f64();
            say(&format!(
                "  {:.0} {name} a second; CPU of each: {:.0} us",
                count as f64 / took,
                a_miss(cost)
            ));
        }
        running.stop().await;
    }
}
