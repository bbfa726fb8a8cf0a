//! A malicious server: a reply takes no more memory than its bound.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use svm::entry::Check;
use svm::store::{Claim, Claimed, InUse, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{BUDGET, NOW, apply, at, body, entry, key, name, put, store_at, store_on};
use crate::support::eventually::eventually;
use crate::support::noise::noise;
use crate::support::process::Setup;
use crate::support::redis_server::{RedisServer, Reply};
use crate::support::tasks;

const ACTIVE: &str = "svm:v1:active";

/// The most bytes that a client may take: more than the buffers of two sockets, and far more than
/// any reply.
const MOST_TAKEN: u64 = 64 << 20;

/// The answers of a server: the first text once, then the second one repeatedly.
#[derive(Clone, Copy)]
struct Lie(&'static str, &'static str);

const LIES: [Lie; 16] = [
    Lie("$2147483648\r\n", "x"),
    Lie("$9223372036854775807\r\n", "x"),
    Lie("$2000000\r\n", "x"),
    Lie("+OK", "x"),
    Lie("-ERR ", "x"),
    Lie(":", "1"),
    Lie("$", "1"),
    Lie("*2147483647\r\n", "$1\r\nx\r\n"),
    Lie("*1000000\r\n", ":1\r\n"),
    Lie("*8\r\n", "*8\r\n"),
    Lie("", "*1\r\n"),
    Lie("%1000000\r\n", "+a\r\n"),
    Lie(">1000000\r\n", "+a\r\n"),
    Lie("=2147483647\r\n", "x"),
    Lie("(", "1"),
    // Replies without a request.
    Lie("", "+OK\r\n"),
];

/// A server that answers every request with such a lie.
struct Liar {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// The connections that the client ended before [`MOST_TAKEN`] bytes.
    given_up: Arc<AtomicUsize>,
    most_taken: Arc<AtomicU64>,
}

impl Liar {
    async fn start(lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let liar = Self {
            address,
            connections: Arc::default(),
            given_up: Arc::default(),
            most_taken: Arc::default(),
        };
        let (connections, given_up) = (Arc::clone(&liar.connections), Arc::clone(&liar.given_up));
        let most_taken = Arc::clone(&liar.most_taken);
        tasks::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (given_up, most_taken) = (Arc::clone(&given_up), Arc::clone(&most_taken));
                tasks::spawn(async move {
                    let taken = lie_to(stream, lie).await;
                    most_taken.fetch_max(taken, Ordering::SeqCst);
                    given_up.fetch_add(usize::from(taken < MOST_TAKEN), Ordering::SeqCst);
                });
            }
        });
        liar
    }

    fn given_up(&self) -> usize {
        self.given_up.load(Ordering::SeqCst)
    }
}

/// Sends the lie until the client ends the connection. Returns the number of bytes that the
/// client's system accepted.
async fn lie_to(mut stream: TcpStream, Lie(first, repeated): Lie) -> u64 {
    let mut request = [0; 4096];
    if stream.read(&mut request).await.unwrap_or(0) == 0 {
        return 0;
    }
    let repeated = repeated.repeat(16_384 / repeated.len());
    let mut taken = 0;
    let mut next = first.as_bytes();
    while taken < MOST_TAKEN {
        match stream.write(next).await {
            Ok(count) => taken += count as u64,
            Err(_) => return taken,
        }
        next = repeated.as_bytes();
    }
    // The client keeps all bytes that it holds now.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    taken
}

#[tokio::test]
async fn a_lie_ends_the_connection_before_it_fills_the_memory() {
    for lie in LIES {
        let liar = Liar::start(lie).await;
        let store = super::store_with(&[("REDIS_HOST", &liar.address.to_string())]);
        let _ = store.probe(BUDGET).await;
        // Each of the two connections must end.
        eventually(|| liar.given_up() >= 2).await;
        assert!(liar.most_taken.load(Ordering::SeqCst) < MOST_TAKEN);
        let batch = [put(&entry("a", 1, "")), put(&entry("b", 1, ""))];
        let written = apply(&store, &batch).await;
        assert!(written.is_err() || lie.0.is_empty(), "{}{}", lie.0, lie.1);
        let rows = store.in_use(NOW).await;
        assert!(rows.is_err() || lie.0.is_empty(), "{}{}: {rows:?}", lie.0, lie.1);
        store.close().await;
    }
}

#[tokio::test]
async fn the_process_stays_small_whatever_the_server_sends() {
    for lie in [LIES[0], LIES[3], LIES[7], LIES[15]] {
        let liar = Liar::start(lie).await;
        let setup = Setup::new().set("REDIS_HOST", &liar.address.to_string());
        let svm = setup.start().await;
        eventually(|| liar.connections.load(Ordering::SeqCst) >= 2).await;
        let before = svm.peak_bytes();
        eventually(|| liar.given_up() >= 6).await;
        let rise = svm.peak_bytes().saturating_sub(before);
        assert!(rise < 32 << 20, "{}{}: {rise} bytes", lie.0, lie.1);
        assert_eq!(svm.get("/ping").await.status, 200);
        svm.terminate().await.assert_code(0);
    }
}

#[tokio::test]
async fn a_long_check_and_a_long_member_are_not_fetched_as_a_whole() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let made = Check { at: at(2), fetched_at: NOW };
    let row = |path, check| InUse { key: key(path), used_at: at(60), check };
    store.remember([row("a", Some(made)), row("b", Some(made))].into(), NOW).await.unwrap();

    let long = vec![b'1'; 32 << 20];
    server.command(&[b"SET", name("check", "a").as_bytes(), &long]);
    server.command(&[b"ZADD", ACTIVE.as_bytes(), b"1000060000", &long]);
    server.command(&["CONFIG", "RESETSTAT"]);
    let mut found = store.in_use(NOW).await.unwrap();
    found.sort_by_key(|row| row.check);
    assert_eq!(found, [row("a", None), row("b", Some(made))]);
    let sent = sent_bytes(&server);
    assert!(sent < 100_000, "{sent} bytes");
}

/// Returns the number of bytes sent since the statistics were reset.
fn sent_bytes(server: &RedisServer) -> u64 {
    let Reply::Text(stats) = server.command(&["INFO", "stats"]) else { panic!() };
    let stats = String::from_utf8(stats).expect("text");
    let sent = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    sent.and_then(|sent| sent.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_turn_that_lies_far_in_the_future_is_none() {
    for reply in [":9000000000000000000\r\n", ":-9000000000000000000\r\n", ":1001\r\n"] {
        let address = answering(reply).await;
        let store = store_at(address).await;
        let claim = Claim {
            key: key("a"),
            lease: Duration::from_secs(60),
            spacing: Duration::ZERO,
            patience: Duration::from_millis(1),
        };
        let claimed = store.claim(claim).await.unwrap();
        assert_eq!(claimed, Claimed::NoTurn, "{reply}");
    }
}

/// Starts a server with one answer to the script of a claim, and a null reply to all other
/// requests.
async fn answering(reply: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    tasks::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tasks::spawn(async move {
                let mut request = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut request).await {
                    let is_claim = request[..count].windows(7).any(|word| word == b"EVALSHA");
                    let text = if is_claim { reply } else { "$0\r\n\r\n" };
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_record_of_the_largest_size_is_still_read() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    // The largest body, and one of the largest records: its gzip form saves at most a quarter.
    let text = "x".repeat(svm::entry::LARGEST_PERSISTED_BODY);
    let noise = noise(svm::entry::LARGEST_STORED_FORM / 4 * 5);
    let bodies = [&text, &noise];
    let entries: Vec<_> =
        (0..8).map(|number| entry(&format!("largest/{number}"), 1, bodies[number % 2])).collect();
    for entry in &entries {
        apply(&store, &[put(entry)]).await.unwrap();
    }
    let paths: Vec<_> = (0..8).map(|number| format!("largest/{number}")).collect();
    let reads = paths.iter().map(|path| body(&store, path));
    for (number, read) in futures_util::future::join_all(reads).await.into_iter().enumerate() {
        assert_eq!(read.unwrap().unwrap().len(), bodies[number % 2].len());
    }
}
