//! The search for secrets in everything that the harness sees of a service. It runs in every test
//! without any code there.
//!
//! The search covers answers, logs, files, requests to other hosts, and panics. The code that sees
//! one of these does not know the configuration behind it, so the secrets are those of the whole
//! process. The subtle part is that a hit must fail the test wherever it is noticed: the runtime
//! catches the panic of a task, and a panic within a panic would end the process. So a hit is
//! recorded, and the next search from the test's own thread panics; each holder of secrets searches
//! when it is dropped.
//!
//! A secret must be long enough not to occur by chance. Tests name their tokens `a` and `b`, so the
//! service gets longer ones ([`dressed`]): `a` becomes `a_canaryOfATest`. The simulated GitHub
//! restores the short ones ([`undressed`]), so no test needs to know the long ones.

use std::fmt::Debug;
use std::panic;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use memchr::memmem::Finder;

/// The shortest secret that is searched for. Shorter texts occur everywhere.
const SHORTEST: usize = 8;
/// The suffix that makes a short token long.
const DRESS: &str = "_canaryOfATest";
/// The number of bytes shown on each side of a hit.
const CONTEXT: usize = 60;

static STATE: Mutex<State> =
    Mutex::new(State { needles: Vec::new(), token_hosts: Vec::new(), hits: Vec::new() });

struct State {
    needles: Vec<Needle>,
    /// Hosts that may see tokens, besides GitHub's API.
    token_hosts: Vec<String>,
    hits: Vec<String>,
}

/// A secret in one spelling.
#[derive(Clone)]
struct Needle {
    spelling: &'static str,
    finder: Arc<Finder<'static>>,
}

/// Searches for these secrets from now on, except for those that are too short.
pub fn guard<'a>(secrets: impl IntoIterator<Item = &'a str>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(watch_panics);
    let mut state = state();
    for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST) {
        for (spelling, text) in spellings(secret.as_bytes()) {
            if state.needles.iter().all(|known| known.finder.needle() != text.as_slice()) {
                let finder = Arc::new(Finder::new(&text).into_owned());
                state.needles.push(Needle { spelling, finder });
            }
        }
    }
}

/// Searches for the secrets of a configuration: the tokens, and the password of Redis. The hosts
/// that it names may see the tokens. The values may have the quotes of a `.env`, and a list of
/// tokens may contain other words.
pub fn guard_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in variables {
        match name {
            "GITHUB_PATS" => guard(value.split([',', ' ', '\'', '"'])),
            "WEBHOOK_SECRETS" => guard(value.split([',', ' ', '\'', '"'])),
            "REDIS_HOST" => guard(password(value)),
            "GITHUB_TOKEN_HOSTS" => {
                let hosts = value.split(',').map(|host| host.trim().to_ascii_lowercase());
                state().token_hosts.extend(hosts);
            }
            _ => {}
        }
    }
}

/// Returns the password of `user:password@`.
fn password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (login, _) = rest.rsplit_once('@')?;
    Some(login.split_once(':')?.1)
}

/// Returns the value of a variable as the service gets it, with long tokens.
pub fn dressed(name: &str, value: &str) -> String {
    let dress = |token: &str| match token.trim() {
        short if (1..SHORTEST).contains(&short.len()) => format!("{short}{DRESS}"),
        long => long.to_owned(),
    };
    match name {
        "GITHUB_PATS" => value.split(',').map(dress).collect::<Vec<_>>().join(","),
        _ => value.to_owned(),
    }
}

/// Returns a token under the name that the test uses.
pub fn undressed(token: &str) -> &str {
    token.strip_suffix(DRESS).unwrap_or(token)
}

/// Asserts that no secret is in these bytes, and that none was found before.
pub fn assert_absent(place: &str, bytes: &[u8]) {
    look(place, bytes);
    assert_none_found();
}

/// Asserts that the `Debug` form shows no secret.
pub fn assert_not_shown(place: &str, thing: &impl Debug) {
    assert_absent(place, format!("{thing:?}{thing:#?}").as_bytes());
}

/// Asserts that no secret is in a file below this folder, except for a `.env` that the test wrote.
pub fn assert_not_in_files(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            assert_not_in_files(&path);
        } else if path.is_file() && path.file_name().is_some_and(|name| name != ".env") {
            look(&path.display().to_string(), &std::fs::read(&path).unwrap_or_default());
        }
    }
    assert_none_found();
}

/// Returns true if the service may send a token to this host.
pub fn is_token_host(host: &str) -> bool {
    host == "api.github.com" || state().token_hosts.iter().any(|known| known == host)
}

/// Returns true if the bytes are exactly one of the secrets.
pub fn is_secret(bytes: &[u8]) -> bool {
    state().needles.iter().any(|needle| needle.finder.needle() == bytes)
}

/// Searches bytes and records a hit; for threads other than the test's own.
pub fn look(place: &str, bytes: &[u8]) {
    let needles = state().needles.clone();
    for Needle { spelling, finder } in needles {
        if let Some(at) = finder.find(bytes) {
            let around = at.saturating_sub(CONTEXT)..bytes.len().min(at + CONTEXT);
            let context = String::from_utf8_lossy(&bytes[around]);
            report(format!("a secret ({spelling}) in {place}, at {at}: {context:?}"));
        }
    }
}

fn report(hit: String) {
    let mut state = state();
    if !state.hits.contains(&hit) {
        state.hits.push(hit);
    }
}

/// Panics if a secret was found, unless the thread already panics.
pub fn assert_none_found() {
    let hits = state().hits.join("\n");
    if !hits.is_empty() && !thread::panicking() {
        panic!("{hits}");
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Searches the message of each panic as well: the message of a task goes only to standard error.
fn watch_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or_default();
        // The message that reports hits contains the hits.
        if !message.starts_with("a secret (") {
            look("a panic", message.as_bytes());
        }
        before(info);
    }));
}

/// Returns a secret itself, and its encodings that may appear in texts.
fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |byte: &u8| format!("{byte:02x}").into_bytes();
    let percent = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => vec![*byte],
        _ => format!("%{byte:02X}").into_bytes(),
    };
    let mut spellings = vec![
        ("as it is", secret.to_vec()),
        ("in hex", secret.iter().flat_map(hex).collect()),
        ("percent-encoded", secret.iter().flat_map(percent).collect()),
    ];
    // A prefix, such as a user's name, shifts the secret by up to two bytes.
    for shift in 0..3 {
        for alphabet in [b"+/", b"-_"] {
            spellings.push(("in base64", base64(secret, shift, *alphabet)));
        }
    }
    spellings
}

/// Returns the base64 digits that depend only on these bytes, if they begin `shift` bytes after the
/// start of a group.
fn base64(bytes: &[u8], shift: usize, last: [u8; 2]) -> Vec<u8> {
    let digits: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(last).collect();
    let shifted = [&vec![0; shift], bytes].concat();
    let bit = |n: usize| usize::from(shifted[n / 8] >> (7 - n % 8) & 1);
    let bits = shifted.len() * 8;
    let first = (shift * 8).div_ceil(6);
    let digit = |n: usize| digits[(0..6).fold(0, |value, k| value * 2 + bit(n * 6 + k))];
    (first..bits / 6).map(digit).collect()
}
