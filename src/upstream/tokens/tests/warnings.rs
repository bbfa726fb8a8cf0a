//! The log lines about tokens: each is written once.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the lines that are logged meanwhile.
fn logged(meanwhile: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, meanwhile);
    let bytes = log.0.lock().unwrap();
    str::from_utf8(&bytes).unwrap().lines().map(|line| line.trim().to_owned()).collect()
}

const REFUSED: &str = "WARN GitHub refused a token; it is put aside until it works again token=0";

#[test]
fn a_refused_token_is_logged_once() {
    let pool = identifying(1);
    let token = nth(&pool, 0);
    assert_eq!(logged(|| pool.quarantine(token, NOW)), [REFUSED]);
    assert!(logged(|| pool.quarantine(token, NOW)).is_empty());
    assert!(logged(|| pool.found(token, &Finding::Refused, NOW)).is_empty());
    pool.found(token, &user(1), NOW);
    assert_eq!(logged(|| pool.found(token, &Finding::Refused, NOW)), [REFUSED]);
    assert!(logged(|| pool.found(token, &Finding::Refused, NOW)).is_empty());
}

#[test]
fn the_owner_of_a_token_is_logged_once() {
    let pool = identifying(2);
    let [first, second] = [0, 1].map(|index| nth(&pool, index));
    let known = r#"INFO a token's account is known token=0 account=0 login="user-7""#;
    assert_eq!(logged(|| pool.found(first, &user(7), NOW)), [known]);
    assert!(logged(|| pool.found(first, &user(7), NOW)).is_empty());
    let shared = "WARN a token shares its account: a second token of one account adds no quota";
    let shared = format!(r#"{shared} token=1 account=0 login="user-7""#);
    assert_eq!(logged(|| pool.found(second, &user(7), NOW)), [shared]);
    let nothing = "DEBUG token inquiry inconclusive token=1 finding=NoAnswer";
    assert_eq!(logged(|| pool.found(second, &Finding::NoAnswer, NOW)), [nothing]);
}

#[test]
fn the_expiry_of_a_token_is_logged_once_a_day() {
    let pool = pool(1);
    let expires = "1970-01-14 13:46:40 UTC".parse().unwrap();
    let headers = [("github-authentication-token-expiration".parse().unwrap(), expires)];
    pool.saw(nth(&pool, 0), &HeaderMap::from_iter(headers), NOW);
    let day = 24 * 60 * MINUTE;
    let told_at = |now| logged(|| pool.log_expiring(now));
    assert_eq!(told_at(NOW), ["WARN a token expires soon token=0 days=2"]);
    assert!(told_at(NOW + day / 2).is_empty());
    assert_eq!(told_at(NOW + 2 * day), ["WARN a token expires soon token=0 days=0"]);
    assert_eq!(told_at(NOW + 3 * day), ["WARN a token has expired token=0 days=-1"]);
}

#[test]
fn private_data_is_logged_with_its_scopes() {
    let pool = pool(1);
    let headers = [("x-oauth-scopes".parse().unwrap(), "repo, gist".parse().unwrap())];
    let headers = HeaderMap::from_iter(headers);
    let line =
        r#"WARN a token sees private data, and so does every client token=0 scopes="repo, gist""#;
    assert_eq!(logged(|| pool.saw(nth(&pool, 0), &headers, NOW)), [line]);
    assert!(logged(|| pool.saw(nth(&pool, 0), &headers, NOW)).is_empty());
}
