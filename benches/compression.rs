//! The cost and the savings of the gzip forms of documents: time, memory, the store's file, bytes
//! on the wire.
//!
//! `cargo bench --bench hit -- compression`, with files and folders behind that these in place of
//! the simulated GitHub's documents. It prints the tables of docs/benchmarks.md within seconds.
//! Times are the best of some rounds on one core, so that they leave out the machine's other work.
//! It is a part of `hit` only because to link one program takes longer than all it does.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use svm::clock::{Clock, Timestamp};
use svm::config;
use svm::entry::{Body, Entry, LARGEST_UNCOMPRESSED, Times};
use svm::gzip;
use svm::store::embedded::Embedded;
use svm::store::{Change, Store};

/// The documents of the simulated GitHub.
const OURS: &str = "testdata/github/repos";
const ROUNDS: usize = 9;
/// Records in the file.
const RECORDS: usize = 1_000;
const BATCH: usize = 50;
const FILE_BYTES: u64 = 4 << 30;
const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

/// Measures the documents in these files and folders, or ours, and prints.
pub(crate) fn print(paths: Vec<PathBuf>) {
    let ours = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(OURS)];
    let documents = documents(if paths.is_empty() { ours } else { paths });
    assert!(!documents.is_empty(), "there is no JSON");
    let text = [each(&documents), levels(&documents), tiers(&documents)].join("\n");
    io::stdout().write_all(text.as_bytes()).expect("somebody who reads");
}

/// A document as GitHub sends it: compact.
struct Document {
    name: String,
    bytes: Bytes,
}

fn documents(mut paths: Vec<PathBuf>) -> Vec<Document> {
    let mut documents = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(
                fs::read_dir(path).expect("a folder").map(|entry| entry.expect("a file").path()),
            );
            continue;
        }
        let Ok(json) =
            serde_json::from_slice::<serde_json::Value>(&fs::read(&path).expect("a file"))
        else {
            continue;
        };
        let bytes = serde_json::to_vec(&json).expect("what was read can be written").into();
        documents.push(Document { name: name(&path), bytes });
    }
    documents.sort_by_key(|document| document.bytes.len());
    documents
}

/// The end of its path: the file, and its folder where that is named.
fn name(path: &Path) -> String {
    let start = path.components().count().saturating_sub(2);
    path.components().skip(start).collect::<PathBuf>().display().to_string()
}

fn total<T: std::iter::Sum>(documents: &[Document], of: impl Fn(&Document) -> T) -> T {
    documents.iter().map(of).sum()
}

/// The least time that it takes.
fn time<T>(mut work: impl FnMut() -> T) -> Duration {
    let once = |_| {
        let start = started();
        std::hint::black_box(work());
        start.elapsed()
    };
    (0..ROUNDS).map(once).min().expect("several rounds")
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn started() -> Instant {
    Instant::now()
}

/// The bytes that go over the wire to who takes gzip.
fn sent(document: &Document) -> usize {
    let body = Body::from(document.bytes.clone());
    body.gzip_or_make().map_or(body.len(), Bytes::len)
}

fn compressing(document: &Document) -> Duration {
    if document.bytes.len() <= LARGEST_UNCOMPRESSED {
        Duration::ZERO
    } else {
        time(|| gzip::compress(&document.bytes))
    }
}

fn inflating(document: &Document) -> Duration {
    let form = gzip::compress(&document.bytes);
    if document.bytes.len() <= LARGEST_UNCOMPRESSED {
        return Duration::ZERO;
    }
    time(|| gzip::inflate(&form, document.bytes.len()).expect("its own form"))
}

fn each(documents: &[Document]) -> String {
    let mut table = String::from(
        "| Document | Bytes | As gzip | Share | Compressing | Inflating |\n| --- | --: | --: | --: | --: | --: |\n",
    );
    let mut row = |name: &str, bytes: usize, sent: usize, times: [Duration; 2]| {
        let share = sent as f64 * 100.0 / bytes as f64;
        let [compressing, inflating] = times.map(|time| time.as_micros());
        let _ = writeln!(
            table,
            "| {name} | {bytes} | {sent} | {share:.1} % | {compressing} us | {inflating} us |"
        );
    };
    let mut all = [Duration::ZERO; 2];
    for document in documents {
        let times = [compressing(document), inflating(document)];
        all = [all[0] + times[0], all[1] + times[1]];
        row(&document.name, document.bytes.len(), sent(document), times);
    }
    row("total", total(documents, |it| it.bytes.len()), total(documents, sent), all);
    table
}

fn levels(documents: &[Document]) -> String {
    let mut table =
        String::from("| Level | All as gzip | Share | Compressing |\n| --: | --: | --: | --: |\n");
    let bytes = total(documents, |document| document.bytes.len());
    for level in [1, 6, 9] {
        let sent = total(documents, |document| gzip::compress_at(level, &document.bytes).len());
        let took = total(documents, |document| time(|| gzip::compress_at(level, &document.bytes)));
        let share = sent as f64 * 100.0 / bytes as f64;
        let _ = writeln!(table, "| {level} | {sent} | {share:.1} % | {} us |", took.as_micros());
    }
    table
}

/// L1 and the store's file, with forms and without. Noise of the same lengths has none: it stands
/// for the documents as they are.
fn tiers(documents: &[Document]) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let mut noise = |length: usize| {
        let mut noise = vec![0; length];
        random.fill(&mut noise);
        Bytes::from(noise)
    };
    let noises =
        documents.iter().map(|it| Document { name: it.name.clone(), bytes: noise(it.bytes.len()) });
    let noises: Vec<_> = noises.collect();
    let weight = |documents: &[Document]| {
        total(documents, |it| {
            let body = Body::from(it.bytes.clone());
            let _form = body.gzip_or_make();
            body.weight()
        })
    };
    format!(
        "| | Without forms | With |\n| --- | --: | --: |\n\
         | L1, bodies and forms of one each | {} | {} |\n\
         | the store's files, {RECORDS} records of them in turn | {} | {} |\n",
        weight(&noises),
        weight(documents),
        files_of(&noises),
        files_of(documents),
    )
}

fn files_of(documents: &[Document]) -> u64 {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    runtime.block_on(async {
        let config = config::Embedded { dir: folder.path().to_path_buf(), max_bytes: FILE_BYTES };
        let opened =
            Embedded::open(&config, &Clock::System, Duration::ZERO).await.expect("a store");
        let records: Vec<_> = (0..RECORDS).zip(documents.iter().cycle()).map(put).collect();
        for batch in records.chunks(BATCH) {
            opened.store.apply(batch.into(), NOW).await.expect("room for them");
        }
        opened.store.close().await;
    });
    let files = fs::read_dir(folder.path()).expect("the folder");
    files.map(|file| file.and_then(|file| file.metadata()).expect("a file").len()).sum()
}

fn put((number, document): (usize, &Document)) -> Change {
    let times = Times::starting(NOW, Duration::from_secs(86_400));
    let url = format!("https://api.github.com/repos/octo/r{number}/releases/latest");
    let entry = Arc::new(Entry::new(url, StatusCode::OK, document.bytes.clone(), times));
    Change::Put { entry, keep_until: times.expires_at }
}
