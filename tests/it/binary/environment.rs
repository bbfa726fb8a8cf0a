//! The variables of the binary, its `.env`, and the errors about wrong values.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;

use crate::LATEST;
use crate::support::github::GitHub;
use crate::support::process::{Ended, Running, Setup};

/// The exit code for a wrong configuration, of sysexits.h.
const CONFIGURATION: i32 = 78;

const CANARY: &str = "ghp_canary";

/// Returns the variables in force, from the log.
fn in_force(svm: &Running) -> BTreeMap<String, String> {
    let lines = svm.said("configuration");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let settings = lines[0]["settings"].as_str().expect("text");
    let pairs = settings.split("; ").filter_map(|setting| setting.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Asserts that the service refused to start because of faults in these variables, each in a line.
#[track_caller]
fn assert_refused(ended: &Ended, variables: &[&str]) {
    ended.assert_code(CONFIGURATION);
    assert_eq!(ended.stdout, "");
    assert!(!ended.stderr.contains(CANARY), "{}", ended.stderr);
    let parts = ended.stderr.lines().map(|line| line.split(": ").collect::<Vec<_>>());
    let named: Vec<_> = parts
        .map(|parts| {
            assert_eq!(parts[0], "svm", "{}", ended.stderr);
            parts[1]
        })
        .collect();
    assert_eq!(named, variables, "{}", ended.stderr);
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let ended = Setup::bare().run(&[]).await;
    assert_refused(&ended, &["GITHUB_PATS", "API_USAGE_THRESHOLD"]);
    assert_eq!(
        ended.stderr,
        "svm: GITHUB_PATS: is required; accepted: a comma-separated list of GitHub tokens\n\
         svm: API_USAGE_THRESHOLD: is required; accepted: a whole number, 0 or more\n"
    );
}

#[tokio::test]
async fn all_faults_are_reported_at_once_without_tokens() {
    let setup = Setup::new()
        .set("PORT", "70000")
        .set("GITHUB_PATS", &format!("{CANARY}_1,{CANARY} 2"))
        .set("CACHE_HARD_TTL", "5")
        .set("LOG_FORMAT", "xml")
        .set("REDIS_HOST", &format!("redis://user:{CANARY}@:6379"));
    let ended = setup.run(&[]).await;
    assert_refused(&ended, &["PORT", "CACHE_HARD_TTL", "GITHUB_PATS", "REDIS_HOST", "LOG_FORMAT"]);
}

#[tokio::test]
async fn values_that_are_not_utf_8_are_faults_and_never_shown() {
    let setup = Setup::new();
    let mut command = setup.command(&["check"]);
    let tokens = [CANARY.as_bytes(), b"\xff"].concat();
    command
        .env("GITHUB_PATS", OsStr::from_bytes(&tokens))
        .env("CACHE_DIR", OsStr::from_bytes(b"\xfe"));
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(CONFIGURATION));
    let told = "svm: GITHUB_PATS: is not valid UTF-8; accepted: a comma-separated list of GitHub tokens\n\
                svm: CACHE_DIR: is not valid UTF-8; accepted: a folder\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), told);
}

#[tokio::test]
async fn dotenv_is_read_and_the_environment_wins() {
    let svm = Setup::new()
        .unset("GITHUB_PATS")
        .set("CACHE_HARD_TTL", "2h")
        .dotenv(
            "# a comment\nGITHUB_PATS='ghp_a, ghp_b,ghp_c'\nCACHE_HARD_TTL=1h\nSTALE_AFTER=3s\n",
        )
        .start()
        .await;
    let in_force = in_force(&svm);
    assert_eq!(in_force["GITHUB_PATS"], "3 tokens");
    assert_eq!(in_force["CACHE_HARD_TTL"], "2h");
    assert_eq!(in_force["STALE_AFTER"], "3s");
}

#[tokio::test]
async fn a_malformed_dotenv_is_refused_without_being_repeated() {
    let setup = Setup::bare().dotenv(&format!("API_USAGE_THRESHOLD=1\nGITHUB_PATS={CANARY} 'x\n"));
    let ended = setup.run(&[]).await;
    ended.assert_code(CONFIGURATION).assert_complaint(
        ".env: the line of GITHUB_PATS is malformed; accepted: NAME=value, in single quotes if it holds \
         blanks, `#` or `$`",
    );
}

#[tokio::test]
async fn an_invisible_dotenv_counts_as_absent() {
    let setup = Setup::new();
    // A folder without search permission would show the same, but not for root.
    std::os::unix::fs::symlink(".env", setup.folder().join(".env")).unwrap();
    let svm = setup.start().await;
    assert_eq!(in_force(&svm)["GITHUB_PATS"], "2 tokens");
}

#[tokio::test]
async fn faults_in_dotenv_are_reported_like_others() {
    let setup = Setup::new().dotenv("MAX_CONNECTIONS=many\nPORT=none\n");
    assert_refused(&setup.run(&[]).await, &["MAX_CONNECTIONS"]);
}

#[tokio::test]
async fn the_log_tells_settings_that_differ_from_the_defaults() {
    let setup = Setup::new().set("GITHUB_PATS", CANARY).set("CACHE_HARD_TTL", "24h");
    let svm = setup.set("STALE_AFTER", "3s").start().await;
    let in_force = in_force(&svm);
    assert_eq!(in_force["GITHUB_PATS"], "1 token");
    assert_eq!(in_force["API_USAGE_THRESHOLD"], "100");
    assert_eq!(in_force["STALE_AFTER"], "3s");
    for name in ["CACHE_HARD_TTL", "CACHE_DIR", "REDIS_HOST", "MAX_CONNECTIONS"] {
        assert!(!in_force.contains_key(name), "{name} has its default: {in_force:?}");
    }
    assert!(!svm.stdout().contains(CANARY));
}

#[tokio::test]
async fn unreadable_authorities_are_a_configuration_error() {
    let setup = Setup::new().set("UPSTREAM_CA_FILE", "nowhere.pem");
    setup.run(&[]).await.assert_code(CONFIGURATION).assert_complaint(
        "UPSTREAM_CA_FILE nowhere.pem cannot be read: No such file or directory (os error 2)",
    );
    std::fs::write(setup.folder().join("nowhere.pem"), "not a certificate").unwrap();
    let ended = setup.run(&[]).await;
    ended
        .assert_code(CONFIGURATION)
        .assert_complaint("UPSTREAM_CA_FILE nowhere.pem holds no PEM certificate");
}

#[tokio::test]
async fn a_system_without_authorities_gets_an_error_with_a_cure() {
    let github = GitHub::start().await;
    let bare = || Setup::new().set("SSL_CERT_FILE", "/nonexistent").set("SSL_CERT_DIR", "/nowhere");
    let empty = Setup::new();
    std::fs::write(empty.folder().join("empty.pem"), "").unwrap();
    let empty = empty.set("SSL_CERT_FILE", "empty.pem");
    for setup in [&bare(), &empty] {
        for command in [&[][..], &["check"]] {
            let ended = setup.run(command).await;
            ended.assert_code(CONFIGURATION);
            for word in ["no CA certificates", "ca-certificates", "UPSTREAM_CA_FILE"] {
                assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
            }
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        }
    }
    // The file of `UPSTREAM_CA_FILE` suffices for GitHub.
    let svm = bare().behind(&github).start().await;
    github.release("octo/app").serve();
    assert_eq!(svm.version(LATEST).await.status, 200);
    svm.terminate().await.assert_code(0);
    // Redis needs other authorities.
    let redis = bare().behind(&github).set("REDIS_HOST", "rediss://127.0.0.1:1");
    for command in [&[][..], &["check"]] {
        let ended = redis.run(command).await;
        ended.assert_code(CONFIGURATION);
        for word in ["no CA certificates", "ca-certificates", "REDIS_CA_FILE"] {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
    }
    let ca_file = github.ca_file().display().to_string();
    redis.set("REDIS_CA_FILE", &ca_file).run(&["check"]).await.assert_code(0);
    let plain = bare().behind(&github).set("REDIS_HOST", "127.0.0.1:1");
    plain.run(&["check"]).await.assert_code(0);
}

#[tokio::test]
async fn a_file_of_authorities_that_are_none_is_refused() {
    let setup = Setup::new().set("UPSTREAM_CA_FILE", "ca.pem");
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(setup.folder().join("ca.pem"), pem).unwrap();
    setup
        .run(&["check"])
        .await
        .assert_code(CONFIGURATION)
        .assert_complaint("UPSTREAM_CA_FILE ca.pem holds no PEM certificate");
}

#[tokio::test]
async fn a_file_of_authorities_has_to_be_a_small_file() {
    let setup = Setup::new().set("UPSTREAM_CA_FILE", "pipe").after("mkfifo pipe 2>/dev/null");
    let why = "UPSTREAM_CA_FILE pipe cannot be read: it is not a regular file";
    for command in [&["check"][..], &[]] {
        setup.run(command).await.assert_code(CONFIGURATION).assert_complaint(why);
    }
    let ended = Setup::new().set("UPSTREAM_CA_FILE", "/dev/zero").run(&["check"]).await;
    ended.assert_code(CONFIGURATION).assert_complaint(&why.replace(" pipe ", " /dev/zero "));
}

#[tokio::test]
async fn a_port_in_use_is_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = Setup::new().set("PORT", &address.port().to_string()).run(&[]).await;
    ended.assert_code(1).assert_complaint(&format!(
        "cannot listen on {address}: Address already in use (os error 98)"
    ));
    assert!(!ended.stdout.contains("serving"), "{}", ended.stdout);
}
