//! The tests of every input of the corpus, without a fuzzer.

use std::fs;
use std::path::Path;

use super::{
    accept, duration, env, event, forwarded, identity, link, pointer, query, rate_limit, record,
    redis_url, signature, target,
};

type Law = fn(&[u8]);

const TARGETS: [(&str, Law); 14] = [
    ("accept", accept),
    ("duration", duration),
    ("env", env),
    ("event", event),
    ("forwarded", forwarded),
    ("identity", identity),
    ("link", link),
    ("pointer", pointer),
    ("query", query),
    ("rate_limit", rate_limit),
    ("record", record),
    ("redis_url", redis_url),
    ("signature", signature),
    ("target", target),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names(folder: &str) -> Vec<String> {
    let entries =
        fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_laws_hold_for_the_whole_corpus() {
    let mut broken = Vec::new();
    for (target, law) in TARGETS {
        let folder = format!("fuzz/corpus/{target}");
        let inputs = names(&folder);
        assert!(inputs.len() >= 5, "{folder} is nearly empty");
        for input in inputs {
            let path = format!("{folder}/{input}");
            let data = fs::read(root().join(&path)).unwrap();
            // Collects all inputs that fail, for the message.
            if std::panic::catch_unwind(|| law(&data)).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn each_law_has_a_program_and_a_corpus() {
    let targets = TARGETS.map(|(target, _)| target.to_owned());
    assert_eq!(names("fuzz/corpus"), targets);
    assert_eq!(names("fuzz/fuzz_targets"), targets.map(|target| format!("{target}.rs")));
}
