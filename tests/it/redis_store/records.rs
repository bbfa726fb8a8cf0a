//! Records on the server, and foreign values in their place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use svm::clock::Clock;
use svm::entry::{Check, Entry};
use svm::store::index::MOST_IN_USE;
use svm::store::record::{self, encode};
use svm::store::{Change, InUse, Store};

use super::{NOW, apply, at, body, digits, entry, key, name, put, store_on};
use crate::support::in_process::read_one;
use crate::support::redis_server::{RedisServer, Reply};

const ACTIVE: &str = "svm:v1:active";

#[track_caller]
fn number(reply: &Reply) -> i64 {
    let Reply::Number(number) = reply else { panic!("{reply:?}") };
    *number
}

#[tokio::test]
async fn a_record_lasts_as_long_as_it_is_to_be_kept() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let [kept, over] = [entry("kept", 1, "body"), entry("over", 1, "body")];
    apply(&store, &[put(&kept), put(&over)]).await.unwrap();
    for kind in ["entry", "check"] {
        let left = number(&server.command(&["PTTL", &name(kind, "kept")]));
        assert!((9_900_000..=9_990_000).contains(&left), "{left} ms of {kind}");
    }
    assert_eq!(server.command(&["GET", &name("check", "kept")]), "1000001000 1000000000".into());
    assert_eq!(server.command(&["ZSCORE", ACTIVE, &digits("kept")]), "1000001000".into());

    let passed = Change::Put { entry: entry("over", 2, "body"), keep_until: at(10) };
    apply(&store, &[passed]).await.unwrap();
    assert_eq!(body(&store, "over").await.unwrap(), None);
}

#[tokio::test]
async fn a_put_marks_a_document_as_in_use_without_a_time_of_use() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let score = |path| server.command(&["ZSCORE", ACTIVE, &digits(path)]);
    apply(&store, &[put(&entry("ahead", 3_600, "from a clock that is ahead"))]).await.unwrap();
    assert_eq!(score("ahead"), "1000010000".into(), "its writer's present");
    let row = InUse { key: key("used"), used_at: at(5), check: None };
    store.remember([row].into(), NOW).await.unwrap();
    for checked in [1, 9] {
        apply(&store, &[put(&entry("used", checked, "body"))]).await.unwrap();
        assert_eq!(score("used"), "1000005000".into());
    }
}

#[tokio::test]
async fn somebody_elses_large_value_is_not_fetched_as_a_whole() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    server.command(&[b"SET", name("entry", "large").as_bytes(), &vec![b'x'; 32 << 20]]);
    let found = read_one(&store, key("large")).await;
    assert!(matches!(found, Err(record::Error::TooLarge)), "{found:?}");
    let Reply::Text(stats) = server.command(&["INFO", "stats"]) else { panic!() };
    let stats = String::from_utf8(stats).unwrap();
    let sent = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    let sent: u64 = sent.unwrap().parse().unwrap();
    assert!((1 << 20..2 << 20).contains(&sent), "{sent} bytes");
}

#[tokio::test]
async fn a_removal_takes_all_that_is_known_of_the_document() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let entry = entry("gone", 1, "body");
    apply(&store, &[put(&entry)]).await.unwrap();
    apply(&store, &[Change::Remove { key: entry.key(), as_of: at(1) }]).await.unwrap();
    assert_eq!(server.command(&["KEYS", "svm:v1:[^m]*"]), Reply::List(vec![]));
}

#[tokio::test]
async fn of_two_stores_on_one_server_the_newer_record_wins() {
    let Some(server) = RedisServer::start() else { return };
    let [one, other] = [store_on(&server).await, store_on(&server).await];
    apply(&one, &[put(&entry("shared", 3, "newer"))]).await.unwrap();
    apply(&other, &[put(&entry("shared", 2, "older"))]).await.unwrap();
    assert_eq!(body(&other, "shared").await.unwrap().unwrap(), "newer");
    apply(&other, &[put(&entry("shared", 4, "newest"))]).await.unwrap();
    assert_eq!(body(&one, "shared").await.unwrap().unwrap(), "newest");
    let checks = server.command(&["GET", &name("check", "shared")]);
    assert_eq!(checks, "1000004000 1000000000".into());
}

#[tokio::test]
async fn only_a_record_no_older_replaces_one_of_an_earlier_version() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let path = "repos/example/tool/releases/latest";
    let earlier = include_bytes!("../../../testdata/records/v1-release.bin");
    let checked_at = record::peek(earlier).unwrap().checked_at;
    let [moment, hour] = [1, 3_600_000].map(Duration::from_millis);
    for (as_of, stays) in [(checked_at - moment, true), (checked_at, false)] {
        server.command(&[b"SET".as_slice(), name("entry", path).as_bytes(), earlier]);
        let mut offered = (*entry(path, 0, "offered")).clone();
        offered.times.checked_at = as_of;
        let put = Change::Put { entry: offered.into(), keep_until: checked_at + hour };
        store.apply([put].into(), checked_at).await.unwrap();
        let found = body(&store, path).await.unwrap();
        assert_eq!(found.as_deref() != Some(b"offered"), stays, "{as_of}");
    }
}

#[tokio::test]
async fn a_foreign_record_is_an_error_and_gives_way() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let name = name("entry", "spoilt");
    // The record is newer than its replacement, which must not count if the record cannot be read.
    let newer = encode(&entry("spoilt", 9, "body"), at(10_000));
    let later = newer[3] + 1;
    let with = |at: usize, byte: u8| {
        let mut bytes = newer.clone();
        bytes[at] = byte;
        bytes
    };
    // A record with a wrong checksum or URL stays if it is newer, as in every store.
    let mut damaged = encode(&entry("spoilt", 5, "body"), at(10_000));
    *damaged.last_mut().unwrap() = b'?';
    let spoilt = [
        (b"something else".to_vec(), record::Error::NotARecord),
        (with(3, 0), record::Error::NotARecord),
        (with(3, later), record::Error::LaterVersion(later)),
        (newer[..3].to_vec(), record::Error::Truncated),
        (newer[..39].to_vec(), record::Error::Truncated),
        (damaged, record::Error::Damaged),
        (encode(&entry("another", 5, "body"), at(10_000)), record::Error::Foreign),
        (vec![b'x'; 3 << 20], record::Error::TooLarge),
    ];
    for (bytes, why) in spoilt {
        server.command(&[b"SET", name.as_bytes(), &bytes]);
        let found = read_one(&store, key("spoilt")).await;
        assert!(found.as_ref().is_err_and(|found| *found == why), "{found:?}: {why:?}");
        apply(&store, &[put(&entry("spoilt", 5, "again"))]).await.unwrap();
        assert_eq!(body(&store, "spoilt").await.unwrap().unwrap(), "again", "{why:?}");
    }
}

#[tokio::test]
async fn the_largest_body_is_kept() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let mut noise = vec![0; 1 << 20];
    fastrand::Rng::with_seed(5).fill(&mut noise);
    // A body that is stored unchanged, one with a long gzip form, and one with a short gzip form.
    let text: Vec<_> = noise.iter().map(|byte| b' ' + byte % 64).collect();
    for (large, least) in [(noise, 1 << 20), (text, 1 << 19), (vec![b'x'; 1 << 20], 1 << 10)] {
        let entry = Entry {
            body: Bytes::from(large.clone()).into(),
            ..Arc::unwrap_or_clone(entry("large", 1, ""))
        };
        apply(&store, &[put(&Arc::new(entry))]).await.unwrap();
        let stored = number(&server.command(&["STRLEN", &name("entry", "large")]));
        assert!(stored >= least, "{stored}");
        assert_eq!(body(&store, "large").await.unwrap().unwrap(), large);
    }
}

#[tokio::test]
async fn keys_of_another_type_are_taken_back() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let document = entry("typed", 1, "body");
    let foreign = |kinds: &[&str]| {
        for kind in kinds {
            server.command(&["DEL", kind]);
            server.command(&["LPUSH", kind, "somebody's"]);
        }
    };
    let [entry, check] = [name("entry", "typed"), name("check", "typed")];

    foreign(&[&entry, &check, ACTIVE]);
    let found = read_one(&store, document.key()).await;
    assert!(matches!(found, Err(record::Error::NotARecord)), "{found:?}");
    assert_eq!(store.in_use(NOW).await.unwrap(), []);
    apply(&store, &[put(&document)]).await.unwrap();
    assert_eq!(body(&store, "typed").await.unwrap().unwrap(), "body");
    assert_eq!(store.in_use(NOW).await.unwrap().len(), 1);

    foreign(&[&entry, &check, ACTIVE]);
    apply(&store, &[Change::Remove { key: document.key(), as_of: NOW }]).await.unwrap();
    assert_eq!(server.command(&["KEYS", "svm:v1:[^m]*"]), Reply::List(vec![]));

    foreign(&[&check, ACTIVE]);
    let made = Check { at: at(2), fetched_at: NOW };
    let row = InUse { key: document.key(), used_at: at(60), check: Some(made) };
    store.remember([row].into(), NOW).await.unwrap();
    assert_eq!(store.in_use(NOW).await.unwrap(), [row]);
}

#[tokio::test]
async fn the_index_leaves_out_what_cannot_be_read() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let row = InUse { key: key("read"), used_at: at(60), check: None };
    store.remember([row].into(), NOW).await.unwrap();
    let upper_case = digits("other").replace(|letter: char| letter.is_ascii_digit(), "A");
    for member in ["short", &"x".repeat(64), &upper_case[..63]] {
        server.command(&["ZADD", ACTIVE, "1000070000", member]);
    }
    for text in ["", "1", "1 x", "x 1", "1 2 3", "99999999999999999999 1"] {
        server.command(&["SET", &name("check", "read"), text]);
        assert_eq!(store.in_use(NOW).await.unwrap(), [row], "{text:?}");
    }
}

#[tokio::test]
async fn a_check_is_kept_as_long_as_its_document_in_the_index() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let row = |used, checked| InUse {
        key: key("checked"),
        used_at: at(used),
        check: Some(Check { at: at(checked), fetched_at: NOW }),
    };
    let left = || number(&server.command(&["PTTL", &name("check", "checked")]));
    store.remember([row(1_000, 5)].into(), NOW).await.unwrap();
    assert!((900_000..=1_000_000).contains(&left()), "{}", left());
    // A later check with less time left does not shorten the lifetime, and an earlier check changes
    // nothing.
    store.remember([row(1_100, 6)].into(), at(1_099)).await.unwrap();
    assert!(left() > 900_000, "{}", left());
    store.remember([row(5_000, 4)].into(), NOW).await.unwrap();
    assert!(left() <= 1_000_000, "{}", left());
    assert_eq!(store.in_use(NOW).await.unwrap(), [row(5_000, 6)]);
    // The same row lasts longer, since its document was used later.
    store.remember([row(5_000, 6)].into(), NOW).await.unwrap();
    assert!(left() > 4_900_000, "{}", left());
}

#[tokio::test]
async fn a_check_from_the_future_gives_way() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let now = Clock::System.now();
    let row =
        |at| InUse { key: key("a"), used_at: now, check: Some(Check { at, fetched_at: NOW }) };
    let [ahead, later, earlier] =
        [now + Duration::from_secs(3_600), now, now - Duration::from_secs(60)].map(row);
    for (saved, kept) in [(ahead, ahead), (later, later), (earlier, later)] {
        store.remember([saved].into(), NOW).await.unwrap();
        assert_eq!(store.in_use(NOW).await.unwrap(), [kept]);
    }
}

#[tokio::test]
async fn the_index_is_bounded() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let fill = "for row = 1, ARGV[1] do
        redis.call('ZADD', KEYS[1], 1000000000 + row, string.format('%064x', row))
    end";
    server.command(&["EVAL", fill, "1", ACTIVE, &MOST_IN_USE.to_string()]);
    let made = Check { at: at(2), fetched_at: NOW };
    let row = InUse { key: key("one more"), used_at: at(3_600), check: Some(made) };
    store.remember([row].into(), NOW).await.unwrap();
    let kept = store.in_use(NOW).await.unwrap();
    assert_eq!((kept.len(), kept[0]), (MOST_IN_USE, row));
    assert_eq!(server.command(&["ZCARD", ACTIVE]), Reply::Number(MOST_IN_USE as i64));
    let used_at = |row: &InUse| row.used_at.as_millis() - NOW.as_millis();
    assert_eq!(kept[1..].iter().map(used_at).min(), Some(2), "the first one had to go");
}

/// Returns the number of calls of this command since its counts were reset.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let Reply::Text(stats) = server.command(&["INFO", "commandstats"]) else { panic!("no stats") };
    let stats = String::from_utf8(stats).expect("a text");
    let name = format!("cmdstat_{command}:calls=");
    let count =
        stats.lines().find_map(|line| line.strip_prefix(&name)?.split(',').next()?.parse().ok());
    count.unwrap_or_default()
}

#[tokio::test]
async fn the_index_is_written_in_pieces() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let made = Check { at: at(2), fetched_at: NOW };
    let row = |it: u64| InUse { key: key(&it.to_string()), used_at: at(it), check: Some(made) };
    store.remember([row(0)].into(), NOW).await.unwrap();
    server.command(&["CONFIG", "RESETSTAT"]);
    store.remember((0..1_000).map(row).collect(), NOW).await.unwrap();
    assert_eq!((calls(&server, "evalsha"), calls(&server, "zadd")), (5 + 1, 1_000));

    server.command(&["CONFIG", "RESETSTAT"]);
    store.remember([row(1_000)].into(), at(990)).await.unwrap();
    assert_eq!(calls(&server, "zremrangebyrank"), 5);
    assert_eq!(store.in_use(NOW).await.unwrap().len(), 11);
}

#[tokio::test]
async fn the_index_is_read_in_pieces() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let fill = "for row = 1, ARGV[1] do
        redis.call('ZADD', KEYS[1], 1000000000 + 1000 * row, string.format('%064x', row))
    end";
    server.command(&["EVAL", fill, "1", ACTIVE, "2500"]);
    // The start of the query, the number of rows, and the number of pieces until the end is found.
    for (since, rows, pieces) in [(0, 2_500, 3), (501, 2_000, 3), (502, 1_999, 2), (2_500, 1, 1)] {
        server.command(&["CONFIG", "RESETSTAT"]);
        let found = store.in_use(at(since)).await.unwrap();
        assert_eq!(found.len(), rows, "since {since}");
        assert!(found.is_sorted_by(|one, next| one.used_at > next.used_at), "since {since}");
        let Reply::Text(stats) = server.command(&["INFO", "commandstats"]) else { panic!() };
        let stats = String::from_utf8(stats).unwrap();
        assert!(stats.contains(&format!("cmdstat_zrevrange:calls={pieces},")), "{stats}");
    }
}

#[tokio::test]
async fn a_document_used_during_a_read_of_the_index_is_in_it_once() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let fill = "for row = 1, 20000 do
        redis.call('ZADD', KEYS[1], 1000000000 + row, string.format('%064x', row))
    end";
    server.command(&["EVAL", fill, "1", ACTIVE]);
    let used = "redis.call('ZADD', KEYS[1], 1000100000 + ARGV[1], string.format('%064x', ARGV[1]))";
    let in_use = store.in_use(NOW);
    let using = async {
        for row in 1..=200 {
            server.command(&["EVAL", used, "1", ACTIVE, &row.to_string()]);
            tokio::task::yield_now().await;
        }
    };
    let (found, ()) = tokio::join!(in_use, using);
    let found = found.unwrap();
    let keys: std::collections::HashSet<_> = found.iter().map(|row| row.key).collect();
    assert_eq!(keys.len(), found.len());
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_loaded_again() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    let row = InUse { key: key("script"), used_at: at(60), check: None };
    for body in ["before", "after"] {
        server.command(&["SCRIPT", "FLUSH"]);
        apply(&store, &[put(&entry("script", 1, body))]).await.unwrap();
        assert_eq!(super::body(&store, "script").await.unwrap().unwrap(), body);
        server.command(&["SCRIPT", "FLUSH"]);
        store.remember([row].into(), NOW).await.unwrap();
    }
}
