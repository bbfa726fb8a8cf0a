//! self_update, by which programs replace themselves by their latest release.

use std::collections::HashSet;

use self_update::Release;
use self_update::backends::github::{ReleaseList, Update};
use self_update::errors::Error;

use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::{RELEASES, service};

/// Runs a client, which blocks its thread.
fn blocking<T>(client: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(client)
}

fn base(app: &TestApp) -> String {
    format!("http://{}/api/v3", app.address())
}

fn latest(app: &TestApp) -> Result<Release, Error> {
    let mut builder = Update::configure();
    builder.api_base_url(base(app)).auth_token("dummy").repo_owner("octo").repo_name("app");
    builder.bin_name("app").current_version("1.0.0").target("linux");
    let update = builder.build().expect("all settings");
    blocking(|| update.get_latest_release()).map(|found| found.latest().expect("a release").clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn self_update_lists_every_release_and_a_second_run_is_free() {
    let app = service().await;
    for is_first in [true, false] {
        let before = app.github.total_calls();
        let mut builder = ReleaseList::configure();
        builder.api_base_url(base(&app)).repo_owner("Octo").repo_name("app");
        let list = builder.build().expect("all settings");
        let releases = blocking(|| list.fetch()).expect("releases").into_vec();
        let versions: HashSet<_> = releases.iter().map(|release| release.version()).collect();
        assert_eq!((releases.len(), versions.len()), (RELEASES, RELEASES));
        assert_eq!(app.github.total_calls() > before, is_first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn self_update_finds_the_latest_release_and_understands_a_limit() {
    let app = service().await;
    assert_eq!(latest(&app).expect("a release").version(), "250.0.0");
    let other = TestApp::start().await;
    let _limit = other.github.fail_all(Failure::PrimaryLimit);
    let limited = latest(&other).expect_err("no quota");
    assert!(matches!(limited, Error::RateLimited { .. }), "{limited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn self_update_fetches_an_asset_by_way_of_svm() {
    let app = TestApp::builder().set("PUBLIC_URL", "https://svm.example").start().await;
    app.github.release("octo/app").serve();
    let release = latest(&app).expect("a release");
    let url = release.assets()[0].download_url();
    assert!(url.starts_with("https://svm.example/api/v3/repos/octo/app/releases/assets/"), "{url}");
}
