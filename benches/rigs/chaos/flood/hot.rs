//! Documents in use: a few, asked for at a steady rate.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use svm::clock::Stopwatch;

use crate::client::{Answer, Connection};
use crate::harness::app::encode;
use crate::statistics::millis;
use crate::upstream::{LARGE, document};

use super::FILES;

const DOCUMENTS: usize = 200;
/// Between two requests: each document is asked for twice a second or so.
const PAUSE: Duration = Duration::from_millis(2);

/// The results.
#[derive(Default)]
pub(super) struct Hot {
    /// The time of each, in milliseconds.
    pub(super) millis: Vec<f64>,
    /// The number of answers that came from the store and not from memory.
    pub(super) from_store: usize,
    /// The first few answers that were no hits.
    pub(super) wrong: Vec<String>,
    hits: usize,
}

impl Hot {
    /// The part that was hits.
    pub(super) fn ratio(&self) -> f64 {
        self.hits as f64 / self.millis.len() as f64
    }

    fn take(&mut self, path: &str, answer: &Answer, took: Duration) {
        self.millis.push(millis(took));
        let is_right = answer.status == 200 && answer.body == document(path).into_bytes();
        if is_right && answer.cache.starts_with("svm; hit") {
            self.hits += 1;
            self.from_store += usize::from(answer.cache.contains("l2"));
        } else if self.wrong.len() < 5 {
            self.wrong.push(format!("{path}: {} {}", answer.status, answer.cache));
        }
    }
}

/// Asks for each of them once, which is not counted, and then for any until it is over.
pub(super) fn ask(address: SocketAddr, is_over: &AtomicBool) -> Hot {
    let mut connection = Connection::open(address).expect("a service that accepts");
    let mut get = |number: usize| {
        let path = format!("{LARGE}hot/{number}");
        let ours = format!("/version?url={}", encode(&format!("{FILES}{path}")));
        let began = Stopwatch::start();
        let answer = connection.get(&ours).expect("an answer");
        (path, answer, began.elapsed())
    };
    for number in 0..DOCUMENTS {
        let _first = get(number);
    }
    let mut hot = Hot::default();
    while !is_over.load(Ordering::Relaxed) {
        let (path, answer, took) = get(fastrand::usize(..DOCUMENTS));
        hot.take(&path, &answer, took);
        thread::sleep(PAUSE);
    }
    hot
}
