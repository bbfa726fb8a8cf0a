//! `svm check`: lines for `.env` that are read as the same values, and warnings.

use std::collections::BTreeMap;

use svm::config::VARIABLES;

use crate::support::process::{Ended, Setup};

/// Returns the lines that set a variable, without the notes on defaults.
fn values(ended: &Ended) -> BTreeMap<String, String> {
    ended.assert_code(0);
    let lines = ended.stdout.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no variable: {line}"));
        (name.to_owned(), value.split("  # default").next().unwrap_or_default().to_owned())
    });
    pairs.collect()
}

/// Returns a setup with only the secrets: everything else comes from `.env`.
fn bare() -> Setup {
    Setup::bare().set("GITHUB_PATS", "ghp_first,ghp_second")
}

#[tokio::test]
async fn its_lines_are_a_dotenv_with_the_same_values() {
    let odd: &[(&str, &str)] = &[
        ("CACHE_DIR", "it's a \"folder\" with $HOME, #1 and \\ in it"),
        ("UPSTREAM_CA_FILE", "ca file.pem"),
        ("FORWARDED_ALLOW_IPS", "10.0.0.1/8, ::1,2001:db8::/32"),
        ("ALLOWED_UPSTREAM_HOSTS", "GHE.example:8443 , [::1],api.github.com"),
        ("UPSTREAM_CONNECT_TO", "a:443=Gateway:80,b:443=[::1]:1"),
        ("CACHE_HARD_TTL", "1.5d"),
        ("STALE_AFTER", "0"),
        ("CACHE_L1_MAX_GB", "0.3"),
        ("CACHE_L2_MAX_GB", "0.1234567"),
        ("CLIENT_MISS_RATE", "00.50"),
        ("REVALIDATE_MAX_RPS", "0.001"),
        ("REQUIRE_PUBLIC_TOKENS", "1"),
        ("RUST_LOG", "svm=DEBUG, hyper=off,info"),
        ("LOG_FORMAT", "TEXT"),
        ("HOST", "::"),
        ("API_USAGE_THRESHOLD", "0"),
    ];
    let redis: &[(&str, &str)] = &[("REDIS_HOST", "Cache.example"), ("API_USAGE_THRESHOLD", "1")];
    for variables in [odd, redis, &[("API_USAGE_THRESHOLD", "1")]] {
        let first = variables.iter().fold(bare(), |setup, (name, value)| setup.set(name, value));
        // The command also reads this file.
        let pem = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem();
        std::fs::write(first.folder().join("ca file.pem"), &pem).unwrap();
        let printed = first.run(&["check"]).await;
        assert_eq!(printed.stderr, "");
        let again = bare().dotenv(&printed.stdout);
        std::fs::write(again.folder().join("ca file.pem"), &pem).unwrap();
        let printed_again = again.run(&["check"]).await;
        assert_eq!(values(&printed_again), values(&printed));
        assert_eq!(printed_again.stderr, "");
        // A line without a value leaves the variable unset.
        let mut marked = printed_again.stdout.lines().filter(|line| line.ends_with("default"));
        assert!(marked.all(|line| line.ends_with("=  # default")), "{}", printed_again.stdout);
    }
}

#[tokio::test]
async fn it_marks_defaults_and_tells_secrets_in_comments() {
    let setup = bare().set("API_USAGE_THRESHOLD", "100").set("STALE_AFTER", "2s");
    let ended = setup.set("REDIS_HOST", "redis://user:canary123@Cache:1/2").run(&["check"]).await;
    let lines: Vec<_> = ended.stdout.lines().collect();
    for line in [
        "# read from the environment; there is no .env in the working folder",
        "# GITHUB_PATS: 2 tokens",
        "# REDIS_HOST: redis://cache:1/2 with a login",
        "# CACHE_DIR: not used, because REDIS_HOST is set",
        "STALE_AFTER=2s",
        "MAX_CONNECTIONS=10000  # default",
        "UPSTREAM_CA_FILE=  # default",
        "RUST_LOG=info  # default",
    ] {
        assert!(lines.contains(&line), "{line}:\n{}", ended.stdout);
    }
    let marked = lines.iter().filter(|line| line.contains("  # default")).count();
    // Without a note are the two required variables, the two that are set, and the two that Redis
    // makes unused.
    assert_eq!(marked, VARIABLES.len() - 6);
}

#[tokio::test]
async fn a_value_that_is_cut_short_has_to_be_filled_in() {
    let ended = Setup::new().set("CACHE_DIR", "Zk3pQ9xLm2Vt7RbN4wYc").run(&["check"]).await;
    let line = "# CACHE_DIR: Zk3p... (looks like a token and is cut short; fill it in)";
    assert!(ended.stdout.lines().any(|told| told == line), "{}", ended.stdout);
}

#[tokio::test]
async fn it_says_which_dotenv_it_read() {
    let setup = Setup::new().dotenv("STALE_AFTER=3s\n");
    let path = setup.folder().canonicalize().unwrap().join(".env");
    let ended = setup.run(&["check"]).await;
    let said = format!("# read from the environment and from {path:?}\n");
    assert!(ended.stdout.starts_with(&said), "{}", ended.stdout);
}

#[tokio::test]
async fn it_warns_of_names_that_look_like_variables() {
    let text = "GITHUB_PAT=ghp_canary\nCACHE_L1_MAX_MB=5\nLOGFORMAT=text\nport=1\nNODE_ENV=x\n\
                export SVM_HOST=::\nGITHUB_PAT=x\nREDIS_URL=\nhttps_proxy=\nPORT=0\n";
    let ended = Setup::new().dotenv(text).run(&["check"]).await;
    ended.assert_code(0);
    assert_eq!(
        ended.stderr,
        "svm: .env: GITHUB_PAT has no effect; did you mean GITHUB_PATS?\n\
         svm: .env: CACHE_L1_MAX_MB has no effect; did you mean CACHE_L1_MAX_GB?\n\
         svm: .env: LOGFORMAT has no effect; did you mean LOG_FORMAT?\n\
         svm: .env: port has no effect; did you mean PORT?\n\
         svm: .env: SVM_HOST has no effect; did you mean HOST?\n\
         svm: .env: REDIS_URL has no effect; did you mean REDIS_HOST?\n"
    );
}

#[tokio::test]
async fn a_mistyped_name_is_named_beside_the_fault_that_it_causes() {
    let setup = Setup::bare().dotenv("GITHUB_TOKEN=ghp_canary\nAPI_USAGE_THRESHOLD=100\n");
    for arguments in [&["check"][..], &[]] {
        let ended = setup.run(arguments).await;
        ended.assert_code(78);
        let told: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(told[0], "svm: .env: GITHUB_TOKEN has no effect; did you mean GITHUB_PATS?");
        assert!(told[1].starts_with("svm: GITHUB_PATS: is required"), "{told:?}");
    }
}

#[tokio::test]
async fn faults_of_several_files_are_told_in_one_run() {
    let files = ["REDIS_CA_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE", "UPSTREAM_CA_FILE"];
    let setup = files.iter().fold(Setup::new(), |setup, name| setup.set(name, "/nowhere.pem"));
    let setup = setup.set("REDIS_HOST", "rediss://127.0.0.1");
    for arguments in [&["check"][..], &[]] {
        let ended = setup.run(arguments).await;
        ended.assert_code(78);
        assert_eq!(faulty(&ended), files, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn faults_of_variables_and_of_files_are_told_in_one_run() {
    let files = ["REDIS_CA_FILE", "TLS_CERT_FILE", "UPSTREAM_CA_FILE"];
    let setup = files.iter().fold(Setup::new(), |setup, name| setup.set(name, "/nowhere.pem"));
    // The fault of a variable beside a file does not hide the fault of the file.
    let setup = setup.set("PORT", "x").set("UPSTREAM_TIMEOUT", "soon").unset("GITHUB_PATS");
    let setup = setup.set("REDIS_HOST", "rediss://127.0.0.1");
    for arguments in [&["check"][..], &[]] {
        let ended = setup.run(arguments).await;
        ended.assert_code(78);
        let told = [
            "PORT:",
            "TLS_KEY_FILE:",
            "UPSTREAM_TIMEOUT:",
            "GITHUB_PATS:",
            "REDIS_CA_FILE",
            "UPSTREAM_CA_FILE",
        ];
        assert_eq!(faulty(&ended), told, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn workers_that_are_too_slow_for_the_interval_are_a_warning() {
    let warning = "REVALIDATE_PER_WORKER_RPS=1 is too low: a worker checks 5.0 documents in \
                   REVALIDATE_INTERVAL, and takes on REVALIDATE_ENDPOINTS_PER_WORKER=30, so that \
                   with many documents in use checks are late";
    let setup = Setup::new().set("REVALIDATE_INTERVAL", "5s");
    setup.run(&["check"]).await.assert_code(0).assert_complaint(warning);
    assert_eq!(setup.start().await.says(warning).await["level"], "WARN");
    for (name, enough) in
        [("REVALIDATE_PER_WORKER_RPS", "6"), ("REVALIDATE_ENDPOINTS_PER_WORKER", "5")]
    {
        let setup = Setup::new().set("REVALIDATE_INTERVAL", "5s").set(name, enough);
        assert_eq!(setup.run(&["check"]).await.stderr, "");
    }
}

/// Returns the word behind the program's name of each reported line.
fn faulty(ended: &Ended) -> Vec<&str> {
    ended.stderr.lines().filter_map(|line| line.split(' ').nth(1)).collect()
}

#[tokio::test]
async fn commands_answer_a_request_for_help() {
    for arguments in [["check", "--help"], ["check", "-h"], ["healthcheck", "--help"]] {
        let ended = Setup::bare().run(&arguments).await;
        ended.assert_code(0);
        assert_eq!(ended.stderr, "");
        assert!(ended.stdout.contains(&format!("svm {}", arguments[0])), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_log_filter_that_would_log_nothing_is_refused() {
    for (filter, meant) in [
        ("warning", "did you mean \"warn\"?"),
        ("info,", "did you mean \"info\"?"),
        ("inof", "did you mean \"info\"?"),
        ("svm=inof", "did you mean \"info\"?"),
        ("svm[span]=debug", "did you mean \"svm\"?"),
        ("off,svm::acess=info", "did you mean \"access\"?"),
        ("svm::Access=off,info", "did you mean \"access\"?"),
        ("hyper=debug", "logs nothing of svm; did you mean \"info,hyper=debug\"?"),
    ] {
        for command in [&[][..], &["check"]] {
            let ended = Setup::new().set("RUST_LOG", filter).run(command).await;
            ended.assert_code(78);
            assert!(ended.stderr.starts_with("svm: RUST_LOG: "), "{filter}: {}", ended.stderr);
            assert!(ended.stderr.contains(meant), "{filter}: {}", ended.stderr);
        }
    }
    for filter in [" ", "INFO", "svm", "off", "info,svm::access=off"] {
        Setup::new().set("RUST_LOG", filter).run(&["check"]).await.assert_code(0);
    }
}
