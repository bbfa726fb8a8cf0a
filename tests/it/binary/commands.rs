//! The commands of the binary, except serving.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::support::app::encode;
use crate::support::certificates::Certificates;
use crate::support::github::GitHub;
use crate::support::process::Setup;
use crate::{LATEST, LATEST_PATH};

use super::{over_tls, without_service};

#[tokio::test]
async fn help_all_names_every_variable_and_needs_none() {
    let ended = Setup::bare().run(&["--help-all"]).await;
    ended.assert_code(0);
    assert_eq!(ended.stderr, "");
    for variable in svm::config::VARIABLES {
        assert!(ended.stdout.contains(&format!("\n  {}\n", variable.name)), "{variable:?}");
    }
}

#[tokio::test]
async fn help_is_short_and_each_command_has_its_own() {
    for argument in ["--help", "-h", "help"] {
        let ended = Setup::bare().run(&[argument]).await;
        ended.assert_code(0);
        assert!(ended.stdout.lines().count() <= 30, "{}", ended.stdout);
        assert!(ended.stdout.contains("\n  GITHUB_PATS  "), "{}", ended.stdout);
        for command in svm::commands::COMMANDS {
            let own = Setup::bare().run(&[command.word, argument]).await;
            own.assert_code(0);
            assert!(own.stdout.starts_with(&format!("svm {}: ", command.word)), "{}", own.stdout);
        }
    }
}

#[tokio::test]
async fn version_is_one_line() {
    for argument in ["--version", "-V"] {
        let ended = Setup::bare().run(&[argument]).await;
        ended.assert_code(0);
        let line = ended.stdout.trim_end();
        let rest = line.strip_prefix(&format!("svm {}", env!("CARGO_PKG_VERSION")));
        assert_eq!(ended.stdout, format!("{}\n", svm::build_info::line()));
        // A build of a checkout knows its commit and the day of the commit.
        if Path::new(env!("CARGO_MANIFEST_DIR")).join(".git").exists() {
            let (commit, day) = rest.and_then(|rest| rest.split_at(2).1.split_once(' ')).unwrap();
            assert!(commit.len() == 12 && day.len() == "2026-06-01)".len(), "{line}");
        }
    }
}

#[tokio::test]
async fn an_unknown_argument_is_a_usage_error() {
    for arguments in [&["serve"][..], &["healthcheck", "now"]] {
        let ended = Setup::new().run(arguments).await;
        let unknown = arguments.last().unwrap();
        ended.assert_code(64);
        ended.assert_complaint(&format!("unknown argument {unknown:?}; see svm --help"));
        assert_eq!(ended.stdout, "");
    }
    let near = Setup::bare().run(&["chekc"]).await;
    near.assert_code(64);
    near.assert_complaint("unknown argument \"chekc\"; did you mean check? see svm --help");
    let setting = Setup::bare().run(&["--port=1"]).await;
    setting.assert_code(64);
    let complaint = "unknown argument \"--port=1\"; svm reads the variable PORT; see svm --help";
    setting.assert_complaint(complaint);
}

#[tokio::test]
async fn an_argument_that_is_not_utf_8_is_unknown_too() {
    let mut svm = tokio::process::Command::new(env!("CARGO_BIN_EXE_svm"));
    let output = svm.arg(OsStr::from_bytes(b"\xff")).output().await.unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let complaint = "svm: unknown argument \"\u{fffd}\"; see svm --help\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), complaint);
}

#[tokio::test]
async fn check_prints_what_a_start_would_log_and_leaves_no_trace() {
    let github = GitHub::start().await;
    let setup = Setup::new()
        .behind(&github)
        .set("GITHUB_PATS", "ghp_canary")
        .set("REDIS_HOST", "redis://user:canary@localhost:1/3")
        .set("CACHE_HARD_TTL", "90m");
    let ended = setup.run(&["check"]).await;
    ended.assert_code(0);
    assert_eq!(ended.stderr, "");
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
    let name = |line: &'_ str| {
        line.trim_start_matches("# ")
            .find(['=', ':'])
            .map(|end| line.trim_start_matches("# ")[..end].to_owned())
    };
    let names: BTreeSet<_> = ended.stdout.lines().skip(1).filter_map(name).collect();
    assert_eq!(names, svm::config::VARIABLES.iter().map(|it| it.name.to_owned()).collect());
    for line in
        ["# GITHUB_PATS: 1 token", "CACHE_HARD_TTL=90m", "CACHE_STALE_IF_ERROR=24h  # default"]
    {
        assert!(ended.stdout.lines().any(|told| told == line), "{line}:\n{}", ended.stdout);
    }
    assert_eq!(std::fs::read_dir(setup.folder()).unwrap().count(), 0);
    assert_eq!(github.connections(), 0);
}

#[tokio::test]
async fn a_proxy_in_the_environment_gets_no_connection() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let setup = Setup::new().behind(&github);
    let setup = names.iter().fold(setup, |setup, name| setup.set(name, &address));
    let svm = setup.start().await;
    let answer = svm.get(&format!("/version?url={}", encode(LATEST))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_proxy_that_is_ignored_is_a_warning_of_a_start_and_of_check() {
    let warning = "HTTPS_PROXY is set and ignored: svm uses no proxy; UPSTREAM_CONNECT_TO names \
                   what to connect to in place of a host";
    let setup = Setup::new().set("HTTPS_PROXY", "http://user:canary@127.0.0.1:3128");
    let checked = setup.run(&["check"]).await;
    checked.assert_code(0).assert_complaint(warning);
    let svm = setup.start().await;
    assert_eq!(svm.says(warning).await["level"], "WARN");
    let ended = svm.terminate().await;
    assert_eq!(ended.said(warning).len(), 1);
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
    // A proxy in `.env` gets the same warning.
    let setup = Setup::new().dotenv("all_proxy=socks5://127.0.0.1:1080\n");
    let checked = setup.run(&["check"]).await;
    assert!(checked.stderr.contains("all_proxy is set and ignored"), "{checked:?}");
    let checked = Setup::new().set("HTTPS_PROXY", " ").run(&["check"]).await;
    assert_eq!(checked.stderr, "");
}

#[tokio::test]
async fn check_reports_every_fault_also_of_the_named_files() {
    let bad = Setup::new().set("PORT", "none").set("STALE_AFTER", "soon").run(&["check"]).await;
    bad.assert_code(78);
    let told: Vec<_> = bad.stderr.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(told, ["PORT", "STALE_AFTER"], "{}", bad.stderr);
    assert_eq!(bad.stdout, "");

    for (variable, host) in [("UPSTREAM_CA_FILE", ""), ("REDIS_CA_FILE", "rediss://localhost")] {
        let setup = Setup::new().set("REDIS_HOST", host).set(variable, "nowhere.pem");
        setup.run(&["check"]).await.assert_code(78).assert_complaint(&format!(
            "{variable} nowhere.pem cannot be read: No such file or directory (os error 2)"
        ));
    }
}

#[tokio::test]
async fn check_finds_a_certificate_that_cannot_be_shown() {
    let setup = Setup::new();
    let folder = setup.folder().to_owned();
    let certificates = Certificates::new(&folder, &["svm.example"]);
    let setup = setup.set("TLS_CERT_FILE", "server.pem").set("TLS_KEY_FILE", "server.key");
    setup.run(&["check"]).await.assert_code(0);
    certificates.leaf(&["svm.example"]).write_key();
    let other_key = "TLS_KEY_FILE server.key holds another key than that of the first certificate \
                     in TLS_CERT_FILE server.pem";
    setup.run(&["check"]).await.assert_code(78).assert_complaint(other_key);
    setup.run(&[]).await.assert_code(78).assert_complaint(other_key);
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----";
    for (file, text, complaint) in [
        (
            "server.key",
            locked,
            "TLS_KEY_FILE server.key holds no PEM private key without a password",
        ),
        ("server.key", "", "TLS_KEY_FILE server.key holds no PEM private key without a password"),
        ("server.pem", "no PEM", "TLS_CERT_FILE server.pem holds no PEM certificate"),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
        setup.run(&["check"]).await.assert_code(78).assert_complaint(complaint);
    }
}

#[tokio::test]
async fn healthcheck_speaks_tls_where_the_service_does() {
    let setup = Setup::new();
    let certificates = Certificates::new(setup.folder(), &["svm.example"]);
    let svm = over_tls(setup, &certificates).start().await;
    let port = svm.address().port().to_string();
    let checked =
        over_tls(Setup::bare().set("PORT", &port), &certificates).run(&["healthcheck"]).await;
    checked.assert_code(0);
    assert!(checked.stdout.contains(r#""status":"healthy""#), "{checked:?}");
    let plain = Setup::bare().set("PORT", &port).run(&["healthcheck"]).await;
    plain.assert_code(1);
    assert_eq!(svm.said("serving")[0]["scheme"], "https");
}

#[tokio::test]
async fn healthcheck_asks_the_service_that_runs() {
    let svm = Setup::new().start().await;
    let port = svm.address().port().to_string();
    // The command needs only the address. In a container, `HOST` is the address that stands for
    // all.
    for host in ["127.0.0.1", "0.0.0.0"] {
        let ended = Setup::bare().set("HOST", host).set("PORT", &port).run(&["healthcheck"]).await;
        ended.assert_code(0);
        assert!(ended.stdout.contains(r#""status":"healthy""#), "{ended:?}");
        assert_eq!(ended.stderr, "");
    }
}

#[tokio::test]
async fn healthcheck_asks_for_readiness_alone() {
    let svm = Setup::new().start().await;
    let port = svm.address().port().to_string();
    let ended = Setup::bare().set("PORT", &port).run(&["healthcheck", "--ready"]).await;
    ended.assert_code(0);
    assert_eq!(ended.stdout, "{\"status\":\"ready\"}\n");
}

#[tokio::test]
async fn healthcheck_fails_where_nothing_serves() {
    let (socket, setup) = without_service();
    let address = socket.local_addr().unwrap();
    let ended = setup.run(&["healthcheck"]).await;
    ended.assert_code(1);
    ended.assert_complaint(&format!("no answer from {address}: Connection refused (os error 111)"));
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn healthcheck_says_why_it_has_no_answer() {
    let ended = Setup::bare().set("PORT", "0").run(&["healthcheck"]).await;
    ended.assert_code(1).assert_complaint("PORT is 0: the port that the system chose is unknown");
    // The kernel accepts the connection, but no process answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let setup = Setup::bare().set("HOST", "127.0.0.1").set("PORT", &address.port().to_string());
    let ended = setup.run(&["healthcheck"]).await;
    ended.assert_code(1).assert_complaint(&format!("no answer from {address}: timed out after 2s"));
}

#[tokio::test]
async fn healthcheck_fails_while_the_service_ends() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let gate = github.hold(LATEST_PATH);
    let svm = Setup::new().behind(&github).set("SHUTDOWN_GRACE", "1h").start().await;
    let mut waiting = svm.connect().await;
    waiting.send(&format!("/version?url={LATEST}")).await;
    gate.arrived(1).await;
    svm.signal("TERM").await;
    svm.says("shutting down").await;
    let setup = Setup::bare().set("HOST", "127.0.0.1");
    let setup = setup.set("PORT", &svm.address().port().to_string());
    let ended = setup.run(&["healthcheck"]).await;
    ended.assert_code(1);
    assert_eq!(ended.stdout, "");
    gate.open();
    svm.ended().await.assert_code(0);
}

#[tokio::test]
async fn healthcheck_tells_a_wrong_configuration_from_a_sick_service() {
    let ended = Setup::bare().set("PORT", "http").run(&["healthcheck"]).await;
    ended.assert_code(78);
    assert!(ended.stderr.contains("PORT"), "{ended:?}");
}
