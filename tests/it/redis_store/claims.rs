//! Leases, and the turns that all replicas share.

use std::time::Duration;

use svm::store::{Change, Claim, Claimed, Store};

use super::{apply, at, entry, key, name, put, store_on};
use crate::support::redis_server::{RedisServer, Reply};

const SPACING: Duration = Duration::from_secs(60);
const PACE: &str = "svm:v1:pace";

/// Returns a claim that may wait for this number of turns.
fn claim(path: &str, turns: u32) -> Claim {
    let lease = Duration::from_secs(600);
    Claim { key: key(path), lease, spacing: SPACING, patience: SPACING * turns }
}

#[track_caller]
fn wait(claimed: &Claimed) -> Duration {
    let Claimed::Granted { wait } = claimed else { panic!("{claimed:?}") };
    *wait
}

#[tokio::test]
async fn of_two_replicas_one_gets_the_document() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = [store_on(&server).await, store_on(&server).await];
    assert_eq!(one.claim(claim("a", 9)).await.unwrap(), Claimed::Granted { wait: Duration::ZERO });
    assert_eq!(other.claim(claim("a", 9)).await.unwrap(), Claimed::Taken);
    let Reply::Number(left) = server.command(&["PTTL", &name("lease", "a")]) else { panic!() };
    assert!((500_000..=600_000).contains(&left), "{left} ms");
    server.command(&["DEL", &name("lease", "a")]);
    wait(&other.claim(claim("a", 9)).await.unwrap());
}

#[tokio::test]
async fn a_lease_does_not_keep_out_its_owner() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = [store_on(&server).await, store_on(&server).await];
    wait(&one.claim(claim("a", 0)).await.unwrap());
    // The answer was lost, so the replica claims again and waits for another turn.
    assert!(wait(&one.claim(claim("a", 1)).await.unwrap()) > Duration::ZERO);
    assert_eq!(other.claim(claim("a", 9)).await.unwrap(), Claimed::Taken);
}

#[tokio::test]
async fn a_lease_runs_from_its_turn_on() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = [store_on(&server).await, store_on(&server).await];
    wait(&one.claim(claim("before", 0)).await.unwrap());
    let turn = wait(&one.claim(claim("a", 1)).await.unwrap());
    assert!(turn > SPACING / 2, "{turn:?}");
    let Reply::Number(left) = server.command(&["PTTL", &name("lease", "a")]) else { panic!() };
    assert!((600_001..=660_001).contains(&left), "{left} ms");
    // The lease ends later than one that the other replica could get, but it counts.
    assert_eq!(other.claim(claim("a", 0)).await.unwrap(), Claimed::Taken);
}

#[tokio::test]
async fn a_document_that_is_gone_is_leased_to_nobody() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = [store_on(&server).await, store_on(&server).await];
    apply(&one, &[put(&entry("a", 2, "body"))]).await.unwrap();
    wait(&one.claim(claim("a", 0)).await.unwrap());
    let gone = |checked| [Change::Remove { key: key("a"), as_of: at(checked) }];
    apply(&one, &gone(1)).await.unwrap();
    assert_eq!(other.claim(claim("a", 9)).await.unwrap(), Claimed::Taken, "a newer record stays");
    apply(&one, &gone(2)).await.unwrap();
    wait(&other.claim(claim("a", 1)).await.unwrap());
}

#[tokio::test]
async fn replicas_stand_in_one_line() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = [store_on(&server).await, store_on(&server).await];
    let slack = SPACING / 2;
    assert_eq!(one.claim(claim("0", 0)).await.unwrap(), Claimed::Granted { wait: Duration::ZERO });
    for (turn, store) in [(1, &other), (2, &one), (3, &other)] {
        let wait = wait(&store.claim(claim(&turn.to_string(), turn)).await.unwrap());
        let turn = SPACING * turn;
        assert!(turn - slack < wait && wait <= turn, "{wait:?} for {turn:?}");
    }
    // A claim that would wait too long gets no turn and leaves no lease.
    assert_eq!(one.claim(claim("4", 3)).await.unwrap(), Claimed::NoTurn);
    wait(&other.claim(claim("4", 4)).await.unwrap());
}

/// Returns the time of the server in seconds.
fn time(server: &RedisServer) -> u64 {
    let Reply::List(time) = server.command(&["TIME"]) else { panic!() };
    let Some(Reply::Text(seconds)) = time.first() else { panic!() };
    String::from_utf8_lossy(seconds).parse().expect("a number")
}

#[tokio::test]
async fn an_earlier_version_stands_in_the_same_line() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    wait(&store.claim(claim("a", 0)).await.unwrap());
    // It takes the next turn, and writes the time of the one after that.
    let Reply::Text(free) = server.command(&["GET", PACE]) else { panic!() };
    let free: u64 = String::from_utf8_lossy(&free).parse().unwrap();
    assert!(free / 1_000_000 <= time(&server) + SPACING.as_secs());
    server.command(&["SET", PACE, &(free + 60_000_000).to_string()]);
    assert_eq!(store.claim(claim("b", 1)).await.unwrap(), Claimed::NoTurn);
    let second = wait(&store.claim(claim("b", 2)).await.unwrap());
    assert!(SPACING * 3 / 2 < second && second <= SPACING * 2, "{second:?}");
}

#[tokio::test]
async fn a_replica_with_few_documents_neither_stops_a_line_nor_waits() {
    let Some(server) = RedisServer::start() else { return };
    let [few, many] = [store_on(&server).await, store_on(&server).await];
    let few_claim = |path| Claim { spacing: SPACING * 9, ..claim(path, 9) };
    assert_eq!(few.claim(few_claim("0")).await.unwrap(), Claimed::Granted { wait: Duration::ZERO });
    let one = wait(&many.claim(claim("1", 9)).await.unwrap());
    let two = wait(&few.claim(few_claim("2")).await.unwrap());
    let three = wait(&many.claim(claim("3", 9)).await.unwrap());
    for (turn, wait) in [(1, one), (2, two), (3, three)] {
        let turn = SPACING * turn;
        assert!(turn - SPACING / 2 < wait && wait <= turn, "{wait:?} for {turn:?}");
    }
    // Two of its own turns are apart.
    server.command(&["DEL", PACE]);
    wait(&few.claim(few_claim("4")).await.unwrap());
    assert!(wait(&few.claim(few_claim("5")).await.unwrap()) > SPACING * 8);
}

#[tokio::test]
async fn a_lease_that_its_owner_gives_back_is_free() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = [store_on(&server).await, store_on(&server).await];
    wait(&one.claim(claim("a", 0)).await.unwrap());
    other.release(key("a")).await.unwrap();
    assert_eq!(other.claim(claim("a", 9)).await.unwrap(), Claimed::Taken, "not its own");
    one.release(key("a")).await.unwrap();
    wait(&other.claim(claim("a", 9)).await.unwrap());
    // Another value at the key is no lease.
    server.command(&["DEL", &name("lease", "b")]);
    server.command(&["LPUSH", &name("lease", "b"), "x"]);
    one.release(key("b")).await.unwrap();
}

#[tokio::test]
async fn a_line_that_nobody_stands_in_is_forgotten() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    wait(&store.claim(claim("a", 0)).await.unwrap());
    let Reply::Number(left) = server.command(&["PTTL", PACE]) else { panic!() };
    assert!((30_000..=60_001).contains(&left), "{left} ms");
}

#[tokio::test]
async fn a_foreign_value_is_no_lease_and_no_pace() {
    let Some(server) = RedisServer::start() else { return };
    let [store, other] = [store_on(&server).await, store_on(&server).await];
    for pace in [["LPUSH", "x"], ["SET", "x"], ["SET", "nan nan"], ["SET", "1 inf"], ["SET", "9"]] {
        let [kind, value] = pace;
        server.command(&["FLUSHALL"]);
        server.command(&["LPUSH", &name("lease", "a"), "x"]);
        server.command(&[kind, PACE, value]);
        let claimed = store.claim(claim("a", 0)).await.unwrap();
        assert_eq!(claimed, Claimed::Granted { wait: Duration::ZERO }, "{pace:?}");
        assert_eq!(other.claim(claim("a", 9)).await.unwrap(), Claimed::Taken, "{pace:?}");
        let next = wait(&other.claim(claim("b", 1)).await.unwrap());
        assert!(SPACING / 2 < next && next <= SPACING, "{next:?} after {pace:?}");
    }
}

#[tokio::test]
async fn a_pace_that_would_stay_for_ever_holds_up_nobody() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    wait(&store.claim(claim("a", 0)).await.unwrap());
    server.command(&["PERSIST", PACE]);
    let next = wait(&store.claim(claim("b", 1)).await.unwrap());
    assert!(SPACING / 2 < next && next <= SPACING, "{next:?}");
    let Reply::Number(left) = server.command(&["PTTL", PACE]) else { panic!() };
    assert!((90_000..=120_001).contains(&left), "{left} ms");
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_up_nobody() {
    let Some(server) = RedisServer::start() else { return };
    let [store, other] = [store_on(&server).await, store_on(&server).await];
    // The state of all keys as if the clock had lost a day.
    let ahead = format!("{}000000", time(&server) + 86_400);
    server.command(&["SET", &name("lease", "a"), "", "PX", "87000000"]);
    server.command(&["SET", PACE, &ahead, "PX", "87000000"]);
    server.command(&["SET", "svm:v1:spacing", &format!("{ahead} 60000000"), "PX", "87000000"]);
    let claimed = store.claim(claim("a", 1)).await.unwrap();
    assert_eq!(claimed, Claimed::Granted { wait: Duration::ZERO });
    assert_eq!(other.claim(claim("a", 9)).await.unwrap(), Claimed::Taken);
}
