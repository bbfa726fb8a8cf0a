//! The subject of a measurement: a process, connections to it, and the documents that they request.
//!
//! Subjects are measured in turns, so that the machine's other work falls on all of them.

use std::time::Duration;

use crate::service::Service;
use crate::statistics::{median, quantile};
use crate::system;
use crate::verdict::Verdict;

use super::crowd::{Crowd, Draw};
use super::series::Series;

/// A process that is asked for documents which it has in memory.
pub(super) struct Subject<'a> {
    service: &'a Service,
    series: Series,
    documents: usize,
    crowd: Crowd,
    turns: Vec<Turn>,
}

/// The results of a turn.
struct Turn {
    hits: usize,
    others: usize,
    took: Duration,
    cpu: Duration,
    clients: Duration,
    median: f64,
    p99: f64,
}

impl<'a> Subject<'a> {
    /// A process that has the first so many documents; the connections are opened.
    pub(super) async fn new(
        service: &'a Service,
        connections: usize,
        series: &Series,
        documents: usize,
    ) -> Self {
        let crowd = Crowd::open(service.address, connections, series).await;
        Self { service, series: series.clone(), documents, crowd, turns: Vec::new() }
    }

    /// So many requests that do not count.
    pub(super) async fn warm_up(&mut self, requests: usize) {
        let _unmeasured = self.turn(requests).await;
    }

    async fn turn(&mut self, requests: usize) -> Turn {
        let before = (self.service.cpu_time(), system::cpu_time(std::process::id()));
        let asked = self.crowd.ask(Draw::any(&self.series, self.documents, requests)).await;
        let cpu = self.service.cpu_time().saturating_sub(before.0);
        let clients = system::cpu_time(std::process::id()).saturating_sub(before.1);
        let others = requests.saturating_sub(asked.hits);
        let (hits, took) = (asked.hits, asked.took);
        let (median, p99) = (quantile(asked.millis.clone(), 0.5), quantile(asked.millis, 0.99));
        Turn { hits, others, took, cpu, clients, median, p99 }
    }

    /// CPU time of the process for a hit, in microseconds: over all turns, for the system counts in
    /// steps of 10 ms. Between its turns the process does next to nothing, so what one turn loses
    /// the next one gets.
    pub(super) fn cpu_micros(&self) -> f64 {
        let cpu: Duration = self.turns.iter().map(|turn| turn.cpu).sum();
        let hits: usize = self.turns.iter().map(|turn| turn.hits).sum();
        cpu.as_secs_f64() * 1e6 / hits as f64
    }

    /// Hits a second, in the median of the turns.
    pub(super) fn rate(&self) -> f64 {
        median(self.turns.iter().map(Turn::rate))
    }

    /// The same in that of another subject, in the median of the turns that they took after each
    /// other.
    pub(super) fn rate_against(&self, other: &Self) -> f64 {
        let turns = self.turns.iter().zip(&other.turns);
        median(turns.map(|(turn, other)| turn.rate() / other.rate()))
    }

    /// The median time of a hit in the median turn, in milliseconds.
    pub(super) fn median(&self) -> f64 {
        median(self.turns.iter().map(|turn| turn.median))
    }

    /// The same of its p99.
    pub(super) fn p99(&self) -> f64 {
        median(self.turns.iter().map(|turn| turn.p99))
    }

    /// Returns the number of cores that the process and its client kept busy: the one that uses its
    /// whole core limits the rate.
    pub(super) fn busy(&self) -> String {
        let took: Duration = self.turns.iter().map(|turn| turn.took).sum();
        let part = |time: fn(&Turn) -> Duration| {
            self.turns.iter().map(time).sum::<Duration>().as_secs_f64() / took.as_secs_f64()
        };
        format!("busy {:.2}, client {:.2}", part(|turn| turn.cpu), part(|turn| turn.clients))
    }

    fn others(&self) -> usize {
        self.turns.iter().map(|turn| turn.others).sum()
    }
}

/// Every answer has to be a hit with the right bytes.
pub(super) fn judge(subjects: &[&Subject<'_>], verdict: &mut Verdict) {
    let others: usize = subjects.iter().map(|subject| subject.others()).sum();
    verdict.exactly("  requests that were no hits", others as f64, 0.0);
}

impl Turn {
    fn rate(&self) -> f64 {
        self.hits as f64 / self.took.as_secs_f64()
    }
}

/// Has each of them take so many turns, with so many requests of each over all of them.
pub(super) async fn in_turns(subjects: &mut [&mut Subject<'_>], rounds: usize, requests: usize) {
    for _ in 0..rounds {
        for subject in subjects.iter_mut() {
            let turn = subject.turn(requests / rounds).await;
            subject.turns.push(turn);
        }
    }
}
