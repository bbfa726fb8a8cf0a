//! The requests of wrk: header lines, and a list of paths, which it goes through again and again.

use std::fs;
use std::path::Path;

use fastrand::Rng;

use crate::scenario::{Draw, Keys, Scenario};

/// As many as a turn of two seconds has use for.
const DRAWN: usize = 200_000;

/// As real clients send them.
const HEADERS: [&str; 3] = ["Host: svm.example", "User-Agent: curl/8.5.0", "Accept: */*"];

/// Of who has a connection for each request.
pub(crate) const CLOSE: &str = "Connection: close";

/// Chooses documents.
pub(crate) struct Choice {
    draw: Draw,
    count: usize,
    /// The frequency of all documents up to each one, in some unit; for Zipf's law alone.
    cumulated: Vec<f64>,
}

impl Choice {
    /// Chooses from the documents of a scenario.
    pub(crate) fn new(scenario: &Scenario, many: usize) -> Self {
        let count = scenario.keys.count(many);
        let mut sum = 0.0;
        let mut cumulate = |rank: usize| {
            sum += 1.0 / rank as f64;
            sum
        };
        let cumulated = match scenario.draw {
            Draw::Uniform => Vec::new(),
            Draw::Zipf => (1..=count).map(&mut cumulate).collect(),
        };
        Self { draw: scenario.draw, count, cumulated }
    }

    fn next(&self, rng: &mut Rng) -> usize {
        match (self.draw, self.cumulated.last()) {
            (Draw::Zipf, Some(all)) => {
                let at = rng.f64() * all;
                self.cumulated.partition_point(|sum| *sum <= at).min(self.count - 1)
            }
            _ => rng.usize(..self.count),
        }
    }
}

/// Writes the paths of a round, the same for all servers, to a file.
pub(crate) fn write(file: &Path, scenario: &Scenario, choice: &Choice, round: usize) {
    let mut rng = Rng::with_seed(round as u64);
    let count = if scenario.keys == Keys::One { 1 } else { DRAWN };
    let paths = (0..count).map(|_| scenario.document(choice.next(&mut rng)).path() + "\n");
    fs::write(file, paths.collect::<String>()).expect("a file");
}

/// The header lines of a scenario, of clients that hold the document with this validator where they
/// hold one.
pub(crate) fn headers(scenario: &Scenario, etag: &str) -> Vec<String> {
    let mut headers = HEADERS.map(str::to_owned).to_vec();
    if scenario.closes {
        headers.push(CLOSE.to_owned());
    }
    if scenario.is_conditional {
        headers.push(format!("If-None-Match: {etag}"));
    }
    headers
}

/// One request, as it is sent.
pub(crate) fn whole(path: &str, headers: &[String]) -> String {
    format!("GET {path} HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n"))
}
