//! The results of one scenario, and svm's ratios to the others.

use crate::say;
use crate::scenario::Scenario;
use crate::server::Kind;
use crate::statistics::median;
use crate::turn::Sample;

const MEBIBYTE: f64 = 1_048_576.0;
/// A core that works more than this part of the time has no time left; the kernel does not charge
/// all it does to anybody.
const SATURATED: f64 = 0.9;
/// The note for a figure that is the client's and not the server's.
const CLIENT: &str = " (the client)";
const MACHINE: &str = " (the machine)";

/// The samples of a scenario, a list for each server, in the order of the rounds.
pub(crate) struct Table {
    /// The scenario.
    pub(crate) scenario: &'static Scenario,
    rows: Vec<(Kind, Vec<Sample>)>,
}

impl Table {
    /// One without samples.
    pub(crate) fn new(scenario: &'static Scenario, kinds: &[Kind]) -> Self {
        Self { scenario, rows: kinds.iter().map(|kind| (*kind, Vec::new())).collect() }
    }

    /// Adds what a server's turn in the next round came to.
    pub(crate) fn add(&mut self, kind: Kind, sample: Sample) {
        let row = self.rows.iter_mut().find(|(known, _)| *known == kind);
        row.expect("a server that is compared").1.push(sample);
    }

    /// The samples of a server, none if it is not compared.
    pub(crate) fn of(&self, kind: Kind) -> &[Sample] {
        let row = self.rows.iter().find(|(known, _)| *known == kind);
        row.map_or(&[], |(_, samples)| samples)
    }

    /// Returns true if neither server nor client limited the figures of a server: something else
    /// ran too.
    pub(crate) fn is_disturbed(&self, kind: Kind) -> bool {
        note(busy(self.of(kind))) == MACHINE
    }

    /// Prints it.
    pub(crate) fn print(&self, many: usize) {
        say(&format!("\n{}", self.scenario.description(many)));
        say(
            "server         requests/s  svm/it   p50 us   p99 us   CPU us  svm/it  RSS MiB  busy  client",
        );
        for (kind, samples) in &self.rows {
            self.print_row(*kind, samples);
        }
    }

    fn print_row(&self, kind: Kind, samples: &[Sample]) {
        let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value));
        let (rate, cpu) = (of(|sample| sample.rate), of(|sample| sample.cpu));
        let (p50, p99) = (of(|sample| sample.p50), of(|sample| sample.p99));
        let resident = of(|sample| sample.resident) / MEBIBYTE;
        let (busy, client) = busy(samples);
        let svm = self.of(Kind::Svm);
        let rates = ratio(svm, samples, |sample| sample.rate);
        let cpus = ratio(svm, samples, |sample| sample.cpu);
        let note = note((busy, client));
        say(&format!(
            "{:<14} {rate:>10.0} {rates:>7.2} {p50:>8.0} {p99:>8.0} {cpu:>8.2} {cpus:>7.2} {resident:>8.0} {:>4.0}% {:>5.0}%{note}",
            kind.name(),
            busy * 100.0,
            client * 100.0,
        ));
    }
}

/// The parts of the time in which server and client worked.
fn busy(samples: &[Sample]) -> (f64, f64) {
    let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value));
    (of(|sample| sample.server_busy), of(|sample| sample.client_busy))
}

/// Returns the note on the limit of a figure if that was not the server.
fn note((server, client): (f64, f64)) -> &'static str {
    match (server > SATURATED, client > SATURATED) {
        (true, _) => "",
        (false, true) => CLIENT,
        (false, false) => MACHINE,
    }
}

/// A figure of these in that of those: the median of what it is in each round.
pub(crate) fn ratio(these: &[Sample], those: &[Sample], value: fn(&Sample) -> f64) -> f64 {
    median(these.iter().zip(those).map(|(this, that)| value(this) / value(that)))
}
