//! A load at a fixed rate, whatever the answers take.
//!
//! Requests are due at moments that are fixed beforehand. A connection that still waits for an
//! answer when its next request is due asks late, and that wait counts as the service's; that the
//! system wakes this program late does not. Each connection has a thread that blocks: a timer of
//! the runtime would be coarser than what is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use svm::clock::Stopwatch;

use crate::client::{Answer, Connection};
use crate::documents::Document;

/// Requests of one kind.
pub(crate) struct Stream<'a> {
    /// Over so many connections.
    pub(crate) connections: usize,
    /// So many a second, over all of them.
    pub(crate) rate: u32,
    /// The request of that number.
    pub(crate) request: &'a (dyn Fn(usize) -> Request + Sync),
}

/// A request and what has to come of it.
pub(crate) struct Request {
    path: String,
    body: Vec<u8>,
}

/// One request.
pub(crate) struct Sample {
    /// The time at which it was due, from the beginning of the load.
    pub(crate) due: Duration,
    /// The time that it took.
    pub(crate) took: Duration,
    /// The fault of its answer, if it has one.
    pub(crate) fault: Option<String>,
}

impl From<&Document> for Request {
    fn from(document: &Document) -> Self {
        Self { path: document.ours(), body: document.body() }
    }
}

/// Puts this load on a service; returns the samples of each stream.
pub(crate) fn run<const N: usize>(
    address: SocketAddr,
    streams: [Stream<'_>; N],
    length: Duration,
) -> [Vec<Sample>; N] {
    let began = Stopwatch::start();
    thread::scope(|scope| {
        let streams = streams.map(|stream| {
            let stream = Arc::new(stream);
            let lanes = (0..stream.connections).map(|lane| {
                let stream = Arc::clone(&stream);
                scope.spawn(move || stream.drive(lane, address, began, length))
            });
            lanes.collect::<Vec<_>>()
        });
        streams.map(|lanes| {
            let samples = lanes.into_iter().map(|lane| lane.join().expect("a thread that ends"));
            samples.flatten().collect()
        })
    })
}

impl Stream<'_> {
    /// The part of the load that goes over one connection.
    fn drive(
        &self,
        lane: usize,
        address: SocketAddr,
        began: Stopwatch,
        length: Duration,
    ) -> Vec<Sample> {
        let mut connection = Connection::open(address).ok();
        let mut samples = Vec::new();
        let mut free_at = Duration::ZERO;
        for number in (lane..).step_by(self.connections) {
            let due = Duration::from_secs(1).mul_f64(number as f64 / f64::from(self.rate));
            if due >= length {
                break;
            }
            let request = (self.request)(number);
            thread::sleep(due.saturating_sub(began.elapsed()));
            let asked = if free_at > due { due } else { began.elapsed() };
            let fault = request.fault(&mut connection, address);
            free_at = began.elapsed();
            samples.push(Sample { due, took: free_at - asked, fault });
        }
        samples
    }
}

impl Request {
    /// Asks, on a new connection if there is none; returns what is wrong with the answer.
    pub(crate) fn fault(
        &self,
        connection: &mut Option<Connection>,
        address: SocketAddr,
    ) -> Option<String> {
        let open = connection.take().map_or_else(|| Connection::open(address), Ok);
        let answer = open.and_then(|mut open| {
            let answer = open.get(&self.path);
            *connection = answer.is_ok().then_some(open);
            answer
        });
        match answer {
            Ok(Answer { status: 200, body, .. }) if body == self.body => None,
            Ok(Answer { status: 200, .. }) => Some(format!("{}: another body", self.path)),
            Ok(Answer { status, body, .. }) => {
                Some(format!("{}: {status} {}", self.path, String::from_utf8_lossy(&body)))
            }
            Err(error) => Some(format!("{}: {error}", self.path)),
        }
    }
}
