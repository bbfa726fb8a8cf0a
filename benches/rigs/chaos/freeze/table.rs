//! The rounds as a table.

use super::Round;
use super::half::{Half, Times};
use crate::say;

/// Of what went wrong, as much as anyone reads.
const SHOWN_FAULTS: usize = 3;

/// The names of the columns; times are in milliseconds.
pub(super) fn head() {
    say(&format!(
        "round  {:<24}{:>8}{:>8}{:>9}{:>9}{:>9}",
        "ms", "count", "failed", "median", "p99", "max"
    ));
}

/// The rows of a round.
pub(super) fn round(number: usize, round: &Round) {
    half(number, "healthy", &round.healthy);
    half(number, "frozen", &round.frozen);
    times(number, "misses, breaker closed", "", &round.before_open);
    times(number, "misses, breaker open", "", &round.after_open);
    let opened = round.opened.map(|after| format!("opened after {:.2} s", after.as_secs_f64()));
    let well =
        round.recovered.map(|after| format!("well {:.2} s after the thaw", after.as_secs_f64()));
    say(&format!(
        "{number:<7}breaker {}, {}",
        opened.as_deref().unwrap_or("never opened"),
        well.as_deref().unwrap_or("NOT WELL after the thaw")
    ));
}

fn half(number: usize, name: &str, half: &Half) {
    let failed = half.faults.len().to_string();
    times(number, &format!("{name} hits"), "", &half.hits);
    times(number, &format!("{name} misses"), &failed, &half.misses);
    half.faults.iter().take(SHOWN_FAULTS).for_each(|fault| say(&format!("       FAILED {fault}")));
}

fn times(number: usize, name: &str, failed: &str, times: &Times) {
    let Times { count, median, p99, max } = times;
    say(&format!("{number:<7}{name:<24}{count:>8}{failed:>8}{median:>9.3}{p99:>9.3}{max:>9.3}"));
}
