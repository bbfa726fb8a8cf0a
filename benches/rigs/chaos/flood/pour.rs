//! Requests for one URL after the other, as fast as they are answered.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use svm::clock::Stopwatch;

use crate::client::Connection;
use crate::harness::app::encode;

/// The results.
pub(super) struct Poured {
    /// The number of answers with each status; 0 is no answer.
    statuses: BTreeMap<u16, usize>,
    took: Duration,
}

/// Asks for so many URLs over so many connections.
pub(super) fn pour(
    address: SocketAddr,
    connections: usize,
    urls: usize,
    url: &(dyn Fn(usize) -> String + Sync),
) -> Poured {
    let (next, began) = (AtomicUsize::new(0), Stopwatch::start());
    let statuses = thread::scope(|scope| {
        let lanes = (0..connections).map(|_| scope.spawn(|| lane(address, &next, urls, url)));
        let lanes: Vec<_> = lanes.collect();
        let statuses = lanes.into_iter().map(|lane| lane.join().expect("a thread that ends"));
        statuses.reduce(merged).unwrap_or_default()
    });
    Poured { statuses, took: began.elapsed() }
}

fn lane(
    address: SocketAddr,
    next: &AtomicUsize,
    urls: usize,
    url: &(dyn Fn(usize) -> String + Sync),
) -> BTreeMap<u16, usize> {
    let (mut statuses, mut connection) = (BTreeMap::new(), None);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= urls {
            return statuses;
        }
        let path = format!("/version?url={}", encode(&url(number)));
        let open = connection.take().map_or_else(|| Connection::open(address), Ok);
        let status = open.and_then(|mut open| {
            let status = open.get(&path)?.status;
            connection = Some(open);
            Ok(status)
        });
        *statuses.entry(status.unwrap_or_default()).or_default() += 1;
    }
}

fn merged(mut all: BTreeMap<u16, usize>, some: BTreeMap<u16, usize>) -> BTreeMap<u16, usize> {
    for (status, count) in some {
        *all.entry(status).or_default() += count;
    }
    all
}

impl Poured {
    /// Returns the number of answers with this status.
    pub(super) fn answers(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or_default()
    }
}

impl fmt::Display for Poured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.statuses.values().sum();
        let seconds = self.took.as_secs_f64();
        let rate = count as f64 / seconds;
        write!(
            f,
            "{count} requests in {seconds:.0} s, {rate:.0} a second, by status {:?}",
            self.statuses
        )
    }
}
