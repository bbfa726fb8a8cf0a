//! The table of hostile URLs as the `Location` of a redirect: a lying upstream reaches no further
//! than a lying client, and no token goes to another host.

use super::urls::{self, assert_is_for, canonical};
use crate::support::app::TestApp;

/// Returns true if the value is valid in a header and has the same meaning there as in the
/// parameter. An absolute path does not: there, it is a reference.
fn is_location(raw: &str) -> bool {
    let is_reference = raw.starts_with('/') && !raw.starts_with("//");
    raw.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !is_reference
}

#[tokio::test]
async fn a_location_is_judged_as_a_url_of_a_client_is() {
    let app = TestApp::start().await;
    let (mut refused, mut followed) = (0, 0);
    for case in urls::cases().filter(|case| is_location(&case.columns[1])) {
        let (path, location) = (format!("/repos/moved/n{}", case.line), &case.columns[1]);
        app.github.redirect(&path, 302, location);
        let before = app.github.requests().len();
        let answer = app.version(&format!("https://api.github.com{path}")).await;
        let asked = app.github.requests().split_off(before);
        if case.columns[0] == "ok" {
            followed += 1;
            let [first, second] = &asked[..] else { panic!("line {}: {asked:?}", case.line) };
            assert_is_for(first, &format!("https://api.github.com{path}"));
            assert_is_for(second, canonical(&case));
        } else {
            refused += 1;
            let summary =
                "502 MISS upstream=302 svm; fwd=uri-miss; fwd-status=302; detail=redirect";
            assert_eq!(answer.summary(), summary, "line {}: {location}", case.line);
            assert_eq!(asked.len(), 1, "line {}: {location}", case.line);
        }
    }
    assert!(refused >= 350 && followed >= 60, "{refused} refused, {followed} followed");
    // The API, and the five hosts that serve files.
    assert!(app.github.accepted() <= 6, "{} connections", app.github.accepted());
}
