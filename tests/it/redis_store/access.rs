//! Access to the server, and the errors for users without it.

use svm::store::redis::Redis;
use svm::store::{Error, Store};
use svm::telemetry::chain;

use super::{BUDGET, apply, body, entry, put, store_with};
use crate::support::process::Setup;
use crate::support::redis_server::{Options, RedisServer, Reply};

const PASSWORD: &str = "hunter2/@:";
const ENCODED: &str = "hunter2%2F%40%3A";

/// `EX_CONFIG` of sysexits.h.
const CONFIGURATION: i32 = 78;

fn store_at_url(url: &str) -> Redis {
    store_with(&[("REDIS_HOST", url)])
}

async fn assert_works(store: &Redis) {
    store.probe(BUDGET).await.expect("a server that answers");
    apply(store, &[put(&entry("access", 1, "body"))]).await.expect("a server that takes writes");
    let found = body(store, "access").await.expect("a server that is read");
    assert_eq!(found.expect("a body"), "body");
}

/// Asserts that every call is refused, without a hint at the cause.
async fn assert_refused(store: &Redis) {
    for result in [
        store.probe(BUDGET).await,
        apply(store, &[put(&entry("access", 1, "body"))]).await,
        body(store, "access").await.map(drop),
    ] {
        let error = result.expect_err("a server that refuses");
        assert!(matches!(error, Error::Unavailable(_) | Error::TooSlow(_)), "{error:?}");
        let told = format!("{error:?} {}", chain(&error));
        assert!(!told.contains("hunter2") && !told.contains("wrong"), "{told}");
    }
}

#[tokio::test]
async fn the_password_decides() {
    let Some(server) = Options::default().password(PASSWORD).start() else { return };
    let at = server.address();
    assert_refused(&store_at_url(&at.to_string())).await;
    assert_refused(&store_at_url(&format!("redis://:wrong@{at}"))).await;
    assert_works(&store_at_url(&format!("redis://:{ENCODED}@{at}"))).await;
    assert_works(&store_at_url(&format!("redis://default:{ENCODED}@{at}"))).await;
}

#[tokio::test]
async fn a_user_has_a_password_of_its_own() {
    let Some(server) = RedisServer::start() else { return };
    let rule = format!(">{PASSWORD}");
    server.command(&["ACL", "SETUSER", "svm", "on", &rule, "~svm:v1:*", "+@all"]);
    let at = server.address();
    assert_works(&store_at_url(&format!("redis://svm:{ENCODED}@{at}"))).await;
    assert_refused(&store_at_url(&format!("redis://other:{ENCODED}@{at}"))).await;
}

#[tokio::test]
async fn a_user_that_may_not_read_fails_the_probe() {
    let Some(server) = RedisServer::start() else { return };
    let password = format!(">{PASSWORD}");
    let store = store_at_url(&format!("redis://svm:{ENCODED}@{}", server.address()));
    let may = |rules: &[&str]| {
        let user = ["ACL", "SETUSER", "svm", "reset", "on", &password, "+@all"];
        server.command(&[&user, rules].concat());
    };
    for rules in [["~svm:v1:*", "-getrange"], ["~svm:v1:active", "~svm:v1:pace"]] {
        may(&rules);
        let refused = chain(&store.probe(BUDGET).await.expect_err("a user who may not read"));
        assert!(refused.contains("NOPERM"), "{refused}");
    }
    may(&["~svm:v1:*"]);
    assert_works(&store).await;
    // The answer to the ping of the other connection does not matter.
    may(&["~svm:v1:*", "-ping"]);
    assert_works(&store).await;
}

#[tokio::test]
async fn a_foreign_value_does_not_fail_the_probe() {
    let Some(server) = RedisServer::start() else { return };
    let nobodys = format!("svm:v1:entry:{}", "0".repeat(64));
    server.command(&["LPUSH", &nobodys, "somebody's"]);
    store_at_url(&server.address().to_string()).probe(BUDGET).await.expect("an answer");
}

#[tokio::test]
async fn a_login_that_is_wanted_later_is_noticed() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_at_url(&format!("redis://:{ENCODED}@{}", server.address()));
    assert_refused(&store).await;
    server.command(&["CONFIG", "SET", "requirepass", PASSWORD]);
    assert_works(&store).await;
}

#[tokio::test]
async fn a_server_that_repeats_what_it_does_not_know_reveals_nothing() {
    let options = Options::default().setting("rename-command", &["AUTH", "LOGIN"]);
    let Some(server) = options.start() else { return };
    let echo = server.command(&["AUTH", PASSWORD]);
    assert!(matches!(&echo, Reply::Error(text) if text.contains(PASSWORD)), "{echo:?}");
    assert_refused(&store_at_url(&format!("redis://:{ENCODED}@{}", server.address()))).await;
}

#[tokio::test]
async fn the_database_is_the_one_in_the_url() {
    let Some(server) = RedisServer::start() else { return };
    assert_works(&store_at_url(&format!("redis://{}/5", server.address()))).await;
    let Reply::Text(keyspace) = server.command(&["INFO", "keyspace"]) else { panic!() };
    let keyspace = String::from_utf8(keyspace).unwrap();
    assert!(keyspace.contains("db5:") && !keyspace.contains("db0:"), "{keyspace}");
    assert_refused(&store_at_url(&format!("redis://{}/16", server.address()))).await;
}

#[tokio::test]
async fn tls_trusts_the_authority_of_the_file_and_no_other() {
    let Some(server) = Options::default().tls().password(PASSWORD).start() else { return };
    let Some(other) = Options::default().tls().start() else { return };
    let port = server.tls_address().port();
    let with = |host: &str, ca_file: &RedisServer| {
        let url = format!("rediss://:{ENCODED}@{host}:{port}");
        let ca_file = ca_file.ca_file().display().to_string();
        store_with(&[("REDIS_HOST", &url), ("REDIS_CA_FILE", &ca_file)])
    };
    assert_works(&with("localhost", &server)).await;
    assert_works(&with("127.0.0.1", &server)).await;
    assert_refused(&with("localhost", &other)).await;
    assert_refused(&store_at_url(&format!("rediss://:{ENCODED}@localhost:{port}"))).await;
    assert_refused(&store_at_url(&format!("redis://:{ENCODED}@localhost:{port}"))).await;
}

#[tokio::test]
async fn a_file_without_a_certificate_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem").display().to_string();
    let empty = folder.path().join("empty.pem").display().to_string();
    std::fs::write(&empty, "no certificate").unwrap();
    for (file, problem) in [(missing, "cannot be read"), (empty, "holds no PEM certificate")] {
        let setup = Setup::new().set("REDIS_HOST", "rediss://localhost");
        let ended = setup.set("REDIS_CA_FILE", &file).run(&[]).await;
        ended.assert_code(CONFIGURATION);
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_damaged_certificate_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for damaged in [
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        std::fs::write(&file, damaged).unwrap();
        let tls = svm::config::RedisTls { ca_file: Some(file.clone()) };
        let config = svm::config::Redis {
            host: "localhost".to_owned(),
            port: 1,
            tls: Some(tls),
            user: None,
            password: None,
            database: 0,
        };
        let error = Redis::new(&config).unwrap_err();
        assert!(matches!(error, svm::tls::Error::NoCertificate { .. }), "{error:?}");
    }
}
