//! The command `svm explain`.

use serde_json::Value;

use crate::LATEST;
use crate::support::certificates::Certificates;
use crate::support::github::GitHub;
use crate::support::process::{Running, Setup};

use super::{over_tls, without_service};

fn beside(svm: &Running) -> Setup {
    Setup::bare().set("HOST", "127.0.0.1").set("PORT", &svm.address().port().to_string())
}

#[tokio::test]
async fn explain_prints_the_sentences_of_the_running_service() {
    let github = GitHub::start().await;
    let svm = Setup::new().behind(&github).start().await;
    let ended = beside(&svm).run(&["explain", LATEST]).await;
    ended.assert_code(0);
    assert_eq!(ended.stderr, "");
    let mut lines = ended.stdout.lines();
    assert_eq!(lines.next(), Some("svm does not have this document."));
    assert!(lines.all(|line| line.ends_with('.')), "{}", ended.stdout);

    let ended = beside(&svm).run(&["explain", "--json", LATEST]).await;
    ended.assert_code(0);
    let explained: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&explained["tier"], explained["url"].as_str()), (&"none".into(), Some(LATEST)));
}

#[tokio::test]
async fn explain_names_the_rule_by_which_a_url_is_refused() {
    let svm = Setup::new().start().await;
    for (url, rule) in [
        (
            "https://example.com/x?a=1&b=2",
            "upstream host is not allowlisted (ALLOWED_UPSTREAM_HOSTS)",
        ),
        ("/user", "upstream path is not allowlisted (ALLOWED_API_PATHS)"),
        ("http://api.github.com/repos/o/r", "url must be an absolute https URL"),
    ] {
        let ended = beside(&svm).run(&["explain", url]).await;
        ended.assert_code(1).assert_complaint(&format!("the URL is refused: {rule}"));
        assert_eq!(ended.stdout, "");
    }
}

#[tokio::test]
async fn explain_says_that_no_service_runs() {
    let (socket, setup) = without_service();
    let address = socket.local_addr().unwrap();
    let ended = setup.run(&["explain", LATEST]).await;
    ended.assert_code(1);
    ended.assert_complaint(&format!(
        "no answer from {address}: Connection refused (os error 111); svm explain asks the service \
         that runs, at HOST and PORT"
    ));
    Setup::bare().run(&["explain"]).await.assert_code(64);
}

#[tokio::test]
async fn explain_speaks_tls_where_the_service_does() {
    let setup = Setup::new();
    let certificates = Certificates::new(setup.folder(), &["svm.example"]);
    let svm = over_tls(setup, &certificates).start().await;
    over_tls(beside(&svm), &certificates).run(&["explain", LATEST]).await.assert_code(0);
}
