//! Many connections on one thread, each of which asks again as soon as it is answered.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use svm::clock::Stopwatch;

use crate::harness::tasks;
use crate::say;
use crate::statistics::millis;

use super::lane::{Answer, Lane};
use super::series::Series;

/// Connections that are open.
pub(super) struct Crowd(Vec<Lane>);

/// So many requests, and for which documents.
pub(super) struct Draw {
    series: Series,
    requests: usize,
    taken: AtomicUsize,
    number: Number,
}

enum Number {
    /// Any below this one, each as likely as the others.
    Below(usize),
    /// One after the other, from this one on.
    From(usize),
    /// Always this one.
    Just(usize),
}

/// The results of a draw.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) took: Duration,
    /// The time of each request that was answered with its document, in milliseconds.
    pub(super) millis: Vec<f64>,
    /// The number of those that were hits.
    pub(super) hits: usize,
}

impl Crowd {
    /// Opens so many connections, or as many as are served: on each of them this document is asked
    /// for once.
    pub(super) async fn open(address: SocketAddr, connections: usize, series: &Series) -> Self {
        let mut lanes = Vec::with_capacity(connections);
        while lanes.len() < connections {
            match opened(address, series).await {
                Ok(lane) => lanes.push(lane),
                Err(error) => {
                    say(&format!("  no connection after {}: {error}", lanes.len()));
                    break;
                }
            }
        }
        Self(lanes)
    }

    /// Asks for what is drawn, over all connections at once. One that breaks is not used again.
    pub(super) async fn ask(&mut self, draw: Draw) -> Asked {
        let (draw, began) = (Arc::new(draw), Stopwatch::start());
        let lanes = mem::take(&mut self.0).into_iter();
        let lanes = lanes.map(|lane| tasks::spawn(drive(lane, Arc::clone(&draw))));
        let mut asked = Asked::default();
        for lane in lanes.collect::<Vec<_>>() {
            let (lane, some) = lane.await.expect("a lane that ends");
            self.0.extend(lane);
            asked.hits += some.hits;
            asked.millis.extend(some.millis);
        }
        Asked { took: began.elapsed(), ..asked }
    }
}

async fn opened(address: SocketAddr, series: &Series) -> io::Result<Lane> {
    let mut lane = Lane::open(address).await?;
    lane.ask(series, 0).await?;
    Ok(lane)
}

async fn drive(mut lane: Lane, draw: Arc<Draw>) -> (Option<Lane>, Asked) {
    let mut asked = Asked::default();
    while let Some(number) = draw.take() {
        let began = Stopwatch::start();
        let Ok(answer) = lane.ask(&draw.series, number).await else { return (None, asked) };
        if answer != Answer::Wrong {
            asked.millis.push(millis(began.elapsed()));
            asked.hits += usize::from(answer == Answer::Hit);
        }
    }
    (Some(lane), asked)
}

impl Draw {
    /// Any of the first so many documents.
    pub(super) fn any(series: &Series, of: usize, requests: usize) -> Self {
        Self::new(series, Number::Below(of), requests)
    }

    /// So many documents from this one on, each once.
    pub(super) fn each(series: &Series, first: usize, requests: usize) -> Self {
        Self::new(series, Number::From(first), requests)
    }

    /// One document, so many times.
    pub(super) fn just(series: &Series, number: usize, requests: usize) -> Self {
        Self::new(series, Number::Just(number), requests)
    }

    fn new(series: &Series, number: Number, requests: usize) -> Self {
        Self { series: series.clone(), requests, taken: AtomicUsize::new(0), number }
    }

    fn take(&self) -> Option<usize> {
        let turn = self.taken.fetch_add(1, Ordering::Relaxed);
        (turn < self.requests).then(|| match self.number {
            Number::Below(of) => fastrand::usize(..of),
            Number::From(first) => first + turn,
            Number::Just(number) => number,
        })
    }
}

impl Asked {
    /// Requests that were answered with their document.
    pub(super) fn answered(&self) -> usize {
        self.millis.len()
    }
}
