//! Tokens are sent only to GitHub.

use std::fs;

use crate::support::github::{Echo, Failure, GitHub, Spelling};
use crate::support::process::Setup;
use crate::{LATEST, LATEST_PATH};

const CANARIES: [&str; 3] = ["ghp_CanaryOne", "ghp_CanaryTwo", "github_pat_CanaryThree"];
/// A part of each of these tokens.
const CANARY: &str = "Canary";

#[tokio::test]
async fn no_token_is_in_anything_that_leaves_the_process() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    // `trace` enables all log lines of all libraries.
    let setup = Setup::new()
        .behind(&github)
        .set("GITHUB_PATS", &CANARIES.join(","))
        .set("RUST_LOG", "trace");
    let svm = setup.start().await;

    let mut told = Vec::new();
    told.push(svm.version(LATEST).await);
    told.push(svm.refresh(LATEST).await);
    told.push(svm.version("https://api.github.com/repos/octo/none").await);
    let failures = [
        Failure::BadCredentials,
        Failure::Saml,
        Failure::CutBody,
        Failure::ServerError502,
        Failure::Echo(Echo::Document(Spelling::Plain)),
        Failure::Echo(Echo::Document(Spelling::Unicode)),
        Failure::Echo(Echo::Error(404, Spelling::Plain)),
        Failure::Echo(Echo::Page(500)),
        Failure::Echo(Echo::Header("etag")),
        Failure::Echo(Echo::Header("x-oauth-scopes")),
        Failure::Echo(Echo::Redirect(Spelling::Plain)),
    ];
    for failure in failures {
        let _ = github.fail_all(failure);
        told.push(svm.refresh(LATEST).await);
        github.recover();
    }
    github.go_down().await;
    told.push(svm.refresh(LATEST).await);
    for path in ["/healthz", "/metrics", "/ping", "/nowhere"] {
        told.push(svm.get(path).await);
    }
    svm.written(1).await;
    let ended = svm.terminate().await;
    ended.assert_code(0);

    let asked = github.requests_for(LATEST_PATH);
    let sent = asked.iter().filter_map(|request| request.header("authorization"));
    assert!(sent.into_iter().any(|value| value.contains(CANARY)), "{asked:?}");
    for answer in told {
        assert!(!format!("{:?}{}", answer.headers, answer.text()).contains(CANARY), "{answer:?}");
    }
    for text in [&ended.stdout, &ended.stderr] {
        let line = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None);
    }
    let bytes = fs::read(setup.folder().join("data/svm.redb")).unwrap();
    assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    // The record itself is there, in readable form.
    assert!(bytes.windows(LATEST.len()).any(|window| window == LATEST.as_bytes()));
}

#[tokio::test]
async fn a_token_in_the_wrong_variable_or_argument_is_not_shown() {
    let token = "ghp_CanaryInTheWrongPlace";
    for name in svm::config::VARIABLES.iter().map(|variable| variable.name) {
        if name == "GITHUB_PATS" {
            continue;
        }
        for value in [token, &format!("8000 {token}"), &format!("https://user:{token}@host,x")] {
            let ended = Setup::new().set(name, value).run(&["check"]).await;
            let told = format!("{}{}", ended.stdout, ended.stderr);
            // svm shows the name of a host in lower case.
            assert!(!told.to_ascii_lowercase().contains("canary"), "{name}={value}: {told}");
        }
    }
    let password = "--password Canary2pass";
    for arguments in [&[token][..], &["check", token], &["--token", token], &[password]] {
        let ended = Setup::new().run(arguments).await;
        ended.assert_code(64);
        assert!(!ended.stderr.contains(CANARY), "{}", ended.stderr);
    }
    // A start logs the folder, and sets aside a damaged store file in it.
    let setup = Setup::new().set("CACHE_DIR", token);
    fs::create_dir(setup.folder().join(token)).unwrap();
    fs::write(setup.folder().join(token).join("svm.redb"), "no store").unwrap();
    let ended = setup.start().await.terminate().await;
    assert!(ended.stdout.contains("the store file is damaged"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(CANARY), "{}", ended.stdout);
    assert!(ended.stdout.contains("CACHE_DIR=ghp_..."), "{}", ended.stdout);
    // A folder that cannot be used is not shown either.
    let setup = Setup::new().set("CACHE_DIR", token);
    fs::write(setup.folder().join(token), "no folder").unwrap();
    let ended = setup.start().await.terminate().await;
    assert!(ended.stdout.contains("the folder ghp_... cannot be used"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(CANARY), "{}", ended.stdout);
}

#[tokio::test]
async fn a_token_in_a_path_is_in_no_line_about_the_path() {
    let token = "ghp_CanaryInAPath, with a blank and /CanaryBehindIt";
    let setup = Setup::new().set("CACHE_DIR", token).set("RUST_LOG", "warn,svm=trace");
    let first = setup.start().await;
    let second = setup.spawn();
    let waiting = second.says("another process has the store file; waiting for it").await;
    assert_eq!((&waiting["path"], &waiting["level"]), (&"ghp_...".into(), &"WARN".into()));
    let second = second.terminate().await;
    fs::rename(setup.folder().join(token), setup.folder().join("elsewhere")).unwrap();
    let displaced = first.says("the store file is not in its place; opening it anew").await;
    assert_eq!(displaced["path"], "ghp_...");
    for ended in [first.terminate().await, second] {
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(CANARY), "{ended:?}");
    }

    for (variable, host) in [("UPSTREAM_CA_FILE", ""), ("REDIS_CA_FILE", "rediss://localhost")] {
        for is_there in [false, true] {
            let token = "ghp_CanaryFile,CanaryBehindIt";
            let setup = Setup::new().set("REDIS_HOST", host).set(variable, token);
            if is_there {
                fs::write(setup.folder().join(token), "no certificate").unwrap();
            }
            for command in [&[][..], &["check"]] {
                let ended = setup.run(command).await;
                ended.assert_code(78);
                let told = format!("{}{}", ended.stdout, ended.stderr);
                assert!(told.contains(&format!("{variable} ghp_... ")), "{told}");
                assert!(!told.contains(CANARY), "{told}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_in_the_name_of_the_working_folder_is_not_shown() {
    let token = "ghp_CanaryFolder,CanaryBehindIt";
    let setup = Setup::new().after(&format!("cd {token}"));
    let folder = setup.folder().join(token);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(".env"), "STALE_AFTER=3s\n").unwrap();
    let checked = setup.run(&["check"]).await;
    assert!(checked.stdout.contains("\nSTALE_AFTER=3s\n"), "{}", checked.stdout);
    assert!(checked.stdout.lines().next().unwrap().ends_with("/ghp_...\""), "{}", checked.stdout);
    let svm = setup.start().await;
    assert!(svm.says("configuration").await["dotenv"].as_str().unwrap().ends_with("/ghp_..."));
    let served = svm.terminate().await;
    fs::remove_file(folder.join(".env")).unwrap();
    fs::create_dir(folder.join(".env")).unwrap();
    let ignored = setup.start().await.terminate().await;
    assert!(ignored.stdout.contains("ghp_... is a folder, which is ignored"), "{ignored:?}");
    for ended in [checked, served, ignored] {
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(CANARY), "{ended:?}");
    }
}
