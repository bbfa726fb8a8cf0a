//! Redirects that svm must not follow: each is refused, without a call to another host.

use super::{DOCUMENT, Verdict, app, bad, refused};
use crate::LATEST;
use crate::support::github::{Failure, Wire};

const REFUSED: Verdict =
    bad(302, "redirect", "the upstream redirects to where svm does not follow");

fn found(location: &str) -> Failure {
    Failure::Wire(Wire::whole("302 Found", &format!("location: {location}"), "{}"))
}

#[tokio::test]
async fn a_forbidden_location_is_not_followed() {
    let long = format!("https://api.github.com/repos/octo/{}", "x".repeat(10_000));
    for location in [
        "https://example.org/repos/octo/app",
        "https://api.github.com.example.org/repos/octo/app",
        "https://user@api.github.com/repos/octo/app",
        "https://api.github.com:password@example.org/repos/octo/app",
        "https://@api.github.com/repos/octo/app",
        "http://api.github.com/repos/octo/app",
        "ftp://api.github.com/repos/octo/app",
        "file:///etc/passwd",
        "data:application/json,{}",
        "javascript:0",
        "https://127.0.0.1/repos/octo/app",
        "https://2130706433/repos/octo/app",
        "https://0x7f.1/repos/octo/app",
        "https://[::1]/repos/octo/app",
        "https://[::ffff:127.0.0.1]/repos/octo/app",
        "https://169.254.169.254/latest/meta-data",
        "https://api.github.com:8443/repos/octo/app",
        "https://api.github.com:80/repos/octo/app",
        "https://api.github.com/user",
        "https://api.github.com/repos/../user",
        "https://api.github.com/repos/%2e%2e/user",
        "https://api.github.com/repos/octo/app?access_token=x",
        "https://api.github.com/repos/octo/app#fragment",
        "//example.org/repos/octo/app",
        "\\\\example.org\\repos",
        "/user",
        "/repos/octo/../../user",
        "../../../../user",
        "../../../../../../../..",
        "?access_token=x",
        "",
        " ",
        "https://",
        "https:api.github.com/repos/octo/app",
        "https:///api.github.com/repos/octo/app",
        "https://api.github.com\t/repos/octo/app",
        "https://api.github.com/repos/octo/app\u{e9}",
        "https://\u{ff41}pi.github.com/repos/octo/app",
        &long,
    ] {
        let name: String = location.chars().take(80).collect();
        refused(REFUSED, [(&name, found(location))]).await;
    }
}

#[tokio::test]
async fn a_redirect_without_or_with_two_locations_is_refused() {
    let two = "location: https://example.org/\nlocation: https://api.github.com/repos/octo/x";
    refused(
        REFUSED,
        [
            ("no location", Failure::Wire(Wire::whole("302 Found", "x-no: where", "{}"))),
            ("two locations", Failure::Wire(Wire::whole("302 Found", two, "{}"))),
        ],
    )
    .await;
    for (status, number) in [("300 Multiple Choices", 300), ("305 Use Proxy", 305), ("399 x", 399)]
    {
        let location = "location: https://api.github.com/repos/octo/app/tags";
        let verdict = Verdict { forward_status: Some(number), ..REFUSED };
        refused(verdict, [(status, Failure::Wire(Wire::whole(status, location, "{}")))]).await;
    }
}

#[tokio::test]
async fn a_loop_ends() {
    refused(Verdict { forward_status: Some(301), ..REFUSED }, [("a loop", Failure::RedirectLoop)])
        .await;
}

#[tokio::test]
async fn a_chain_of_three_is_followed_and_one_of_four_is_not() {
    for (length, status) in [(3, 200), (4, 502)] {
        let app = app().await;
        let path = |n: usize| format!("/repos/octo/app/chain/{n}");
        app.github.document(&path(0), DOCUMENT);
        for n in 1..=length {
            app.github.redirect(&path(n), 302, &format!("https://api.github.com{}", path(n - 1)));
        }
        let url = format!("https://api.github.com{}", path(length));
        assert_eq!(app.version(&url).await.status, status, "{length}");
        assert_eq!(app.github.total_calls(), 4, "{length}");
    }
}

#[tokio::test]
async fn a_line_in_a_location_ends_it() {
    let app = app().await;
    app.github.document("/repos/octo/app/tags", DOCUMENT);
    // The rest is another header, which svm ignores.
    let split = found("https://api.github.com/repos/octo/app/tags\r\nlocation-of: example.org");
    app.github.fail_all(split).times(1);
    app.version(LATEST).await.assert_document(DOCUMENT);
    let escaped = found("https://api.github.com/repos/octo/app%0d%0aHost:%20example.org");
    refused(REFUSED, [("escaped", escaped)]).await;
}
