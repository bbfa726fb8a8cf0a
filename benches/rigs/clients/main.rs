//! Client libraries of GitHub's API against svm and the simulated GitHub: octocrab and self_update,
//! which need no installation beside Rust. Other clients are in `tests/clients`.

#[path = "../../../tests/support.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the harness offers the tests of the service more than this one needs"
)]
mod support;

mod updater;

use std::collections::HashSet;

use octocrab::{Error, Octocrab};
use support::app::TestApp;
use support::github::Failure;

const RELEASES: usize = 250;

/// A service in front of a repository whose list of releases has three pages.
async fn service() -> TestApp {
    let app = TestApp::start().await;
    for number in 1..=RELEASES {
        app.github.release("octo/app").tag(&format!("v{number}.0.0")).assets(1).serve();
    }
    app
}

fn client(app: &TestApp) -> Octocrab {
    let builder = Octocrab::builder().base_uri(format!("http://{}", app.address()));
    let builder = builder.expect("an address").personal_token("ghp_dummy".to_owned());
    builder.build().expect("a client")
}

#[tokio::test]
async fn octocrab_gets_every_release_and_a_second_run_is_free() {
    let app = service().await;
    for calls in [3, 0] {
        let before = app.github.total_calls();
        let client = client(&app);
        let repository = client.repos("octo", "app");
        let first = repository.releases().list().per_page(100).send().await.expect("a page");
        let releases = client.all_pages(first).await.expect("all pages");
        let tags: HashSet<_> = releases.iter().map(|release| &release.tag_name).collect();
        assert_eq!((releases.len(), tags.len()), (RELEASES, RELEASES));
        assert_eq!(app.github.total_calls() - before, calls);
    }
}

#[tokio::test]
async fn octocrab_understands_absence_and_limits() {
    let app = service().await;
    let client = client(&app);
    let repository = client.repos("octo", "app");
    let latest = repository.releases().get_latest().await.expect("a release");
    assert_eq!(latest.tag_name, "v250.0.0");
    let absent = repository.releases().get_by_tag("none").await.expect_err("no release");
    assert_eq!(status(&absent), Some((404, "Not Found".to_owned())));
    let _limit = app.github.fail_all(Failure::PrimaryLimit);
    let limited = repository.releases().get_by_tag("v1.0.0").await.expect_err("no quota");
    let message = "API rate limit exceeded for svm.".to_owned();
    assert_eq!(status(&limited), Some((403, message)));
}

/// GitHub's error in an error of the library.
fn status(error: &Error) -> Option<(u16, String)> {
    match error {
        Error::GitHub { source, .. } => Some((source.status_code.as_u16(), source.message.clone())),
        _ => None,
    }
}
