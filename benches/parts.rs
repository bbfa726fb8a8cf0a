//! A hit of a part of a document, beside a plain one of the same document: `pointer` and `min_age`
//! may cost little more.
//!
//! The parts are in demand, so svm remembers them.

use tokio::runtime::Runtime;

use crate::support::client::Client;
use crate::support::documents::Document;
use crate::support::notes::notes;
use crate::support::service::{Filled, Served};
use crate::turns::is_fast;

/// The time of a hit of a part in plain hits.
const ALLOWED_RATIO: f64 = 1.1;

/// A list of some 7 KiB.
const RELEASES: usize = 7;
const NOTES_BYTES: usize = 900;
/// The requests after which a part is remembered.
const FIRST_REQUESTS: u64 = 10;

/// The parameters of the parts, and the part.
const PARTS: [(&str, &str); 3] = [
    ("&pointer=/1/tag_name", "\"v6\""),
    ("&min_age=7d&pointer=/tag_name", "\"v7\""),
    ("&min_age=7d", ""),
];

/// Returns true if the hits of all parts are as fast as they have to be, and says how fast they
/// are.
pub(crate) fn are_fast(runtime: &Runtime) -> bool {
    let (mut plain, parts, _served) = runtime.block_on(start());
    // Each of them is compared, whatever becomes of the others.
    parts.into_iter().fold(true, |all, (parameters, mut part)| {
        let (name, base) = (format!("a hit with {parameters}"), "a plain one");
        all & is_fast(runtime, (&name, &mut part), (base, &mut plain), ALLOWED_RATIO)
    })
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
