//! A comparison of two clients that ask in turn, in samples so short that whatever else the machine
//! does falls on both. The medians count, and a run over the limit is repeated before it does.

use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::support::client::Client;

/// Short, so that a sample is either disturbed or not.
const REQUESTS_A_SAMPLE: u64 = 20;
const SAMPLES: usize = 3_000;
const ATTEMPTS: usize = 3;

/// A client, and the name of what it gets.
pub(crate) type Named<'a> = (&'a str, &'a mut Client);

/// Returns true if the first takes at most `allowed` times as long as the other, and says how long
/// both take.
pub(crate) fn is_fast(
    runtime: &Runtime,
    (name, client): Named<'_>,
    (base, other): Named<'_>,
    allowed: f64,
) -> bool {
    (0..ATTEMPTS).any(|_| {
        let [time, of_other] = medians(runtime, client, other);
        let ratio = time / of_other;
        let is_within = ratio <= allowed;
        let verdict = verdict(is_within);
        say(&format!(
            "time of {name}: {time:.1} us, of {base}: {of_other:.1} us, ratio: {ratio:.3}, allowed: {allowed}: {verdict}"
        ));
        is_within
    })
}

/// Returns the microseconds of a request of each.
fn medians(runtime: &Runtime, one: &mut Client, other: &mut Client) -> [f64; 2] {
    let (mut of_one, mut of_other) = (Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES));
    runtime.block_on(async {
        for _ in 0..SAMPLES {
            of_one.push(one.ask(REQUESTS_A_SAMPLE).await);
            of_other.push(other.ask(REQUESTS_A_SAMPLE).await);
        }
    });
    [of_one, of_other].map(|samples| micros(median(samples)))
}

pub(crate) fn median<T: Copy + Ord>(mut samples: Vec<T>) -> T {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// A request's share of a sample.
fn micros(sample: Duration) -> f64 {
    sample.as_secs_f64() * 1e6 / REQUESTS_A_SAMPLE as f64
}

pub(crate) fn verdict(is_within: bool) -> &'static str {
    if is_within { "ok" } else { "TOO MUCH" }
}

pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
