//! A hit of a part of a document, beside a plain one of the same document: `pointer` and `min_age`
//! may cost little more.
//!
//! The parts are in demand, so svm remembers them. Plain hits and hits of parts are asked in turn,
//! in short samples, and the medians are compared. A run over the limit is repeated before it
//! counts.

use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::support::client::Client;
use crate::support::documents::Document;
use crate::support::notes::notes;
use crate::support::service::{Filled, Served};

/// The time of a hit of a part in plain hits.
const ALLOWED_RATIO: f64 = 1.1;

/// A list of some 7 KiB.
const RELEASES: usize = 7;
const NOTES_BYTES: usize = 900;
/// Short, so that a sample is either disturbed or not.
const REQUESTS_A_SAMPLE: u64 = 20;
const SAMPLES: usize = 2_000;
const ATTEMPTS: usize = 3;
/// The requests after which a part is remembered.
const FIRST_REQUESTS: u64 = 10;

/// The parameters of the parts, and the part.
const PARTS: [(&str, &str); 3] = [
    ("&pointer=/1/tag_name", "\"v6\""),
    ("&min_age=7d&pointer=/tag_name", "\"v7\""),
    ("&min_age=7d", ""),
];

/// A kind of hit that is compared with a plain one.
pub(crate) struct Hit {
    pub(crate) name: &'static str,
    pub(crate) client: Client,
    /// Its time in plain hits.
    pub(crate) allowed: f64,
}

/// Returns true if the hits of all parts are as fast as they have to be, and says how fast they
/// are.
pub(crate) fn are_fast(runtime: &Runtime) -> bool {
    let (mut plain, parts, _served) = runtime.block_on(start());
    let slow = parts.into_iter().filter_map(|(name, client)| {
        let hit = Hit { name, client, allowed: ALLOWED_RATIO };
        (!is_as_fast(runtime, &mut plain, hit)).then_some(())
    });
    slow.count() == 0
}

/// Returns true if a hit of some kind is as fast beside a plain one as it has to be, and says how
/// fast it is.
pub(crate) fn is_as_fast(runtime: &Runtime, plain: &mut Client, mut hit: Hit) -> bool {
    (0..ATTEMPTS).any(|_| compare(runtime, plain, &mut hit))
}

/// A client of the whole list, and one of each part.
async fn start() -> (Client, Vec<(&'static str, Client)>, Served) {
    let list = list();
    let served = Filled::with(std::slice::from_ref(&list)).await.serve();
    let plain = client(&list, "", &served).await;
    assert_eq!(plain.first().body, list.body, "the document's bytes");
    let mut parts = Vec::new();
    for (parameters, value) in PARTS {
        let mut part = client(&list, parameters, &served).await;
        assert!(value.is_empty() || part.first().body == value.as_bytes(), "the part");
        assert!(part.first().body.len() < list.body.len() / 2, "a part");
        part.ask(FIRST_REQUESTS).await;
        parts.push((parameters, part));
    }
    (plain, parts, served)
}

fn list() -> Document {
    let release = |number: usize| {
        let notes = notes(NOTES_BYTES);
        let published = format!("2020-01-0{number}T00:00:00Z");
        format!(r#"{{"tag_name":"v{number}","published_at":"{published}","body":"{notes}"}}"#)
    };
    let releases: Vec<_> = (1..=RELEASES).rev().map(release).collect();
    let body = format!("[{}]", releases.join(",")).into_bytes();
    Document { path: "/repos/octo/parts/releases".to_owned(), body }
}

async fn client(list: &Document, parameters: &str, served: &Served) -> Client {
    let request = String::from_utf8(list.request("")).expect("a text head");
    let request = request.replace(&list.ours(), &format!("{}{parameters}", list.ours()));
    let client = Client::connect(served.address, request.into_bytes()).await;
    assert_eq!(client.first().header("x-cache"), "HIT");
    client
}

fn compare(runtime: &Runtime, plain: &mut Client, hit: &mut Hit) -> bool {
    let Hit { name, client, allowed } = hit;
    let (mut of_plain, mut of_hit) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        for _ in 0..SAMPLES {
            of_plain.push(plain.ask(REQUESTS_A_SAMPLE).await);
            of_hit.push(client.ask(REQUESTS_A_SAMPLE).await);
        }
    });
    let [plain, time] = [of_plain, of_hit].map(|samples| micros(median(samples)));
    let ratio = time / plain;
    let verdict = if ratio <= *allowed { "ok" } else { "TOO MUCH" };
    let _ = writeln!(
        io::stdout(),
        "time of a hit: {plain:.1} us, {name}: {time:.1} us, ratio: {ratio:.3}, allowed: {allowed}: {verdict}"
    );
    ratio <= *allowed
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// A request's share of a sample.
fn micros(sample: Duration) -> f64 {
    sample.as_secs_f64() * 1e6 / REQUESTS_A_SAMPLE as f64
}
