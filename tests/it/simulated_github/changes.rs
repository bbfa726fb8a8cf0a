//! The content of GitHub, and its changes while it is read.

use super::{Fixture, LATEST, header, json};
use crate::support::github::Failure;

#[tokio::test]
async fn a_release_is_served_as_github_shapes_it() {
    let fixture = Fixture::new().await;
    fixture.github.set_now(1_780_928_483);
    fixture.github.release("octo/cat").tag("v1.2.3").assets(3).serve();
    fixture.github.release("octo/cat").tag("v2.0.0-rc1").prerelease().serve();
    let answer = fixture.get(LATEST).await;
    assert_eq!(header(&answer, "content-type"), "application/json; charset=utf-8");
    assert_eq!(header(&answer, "last-modified"), "Mon, 08 Jun 2026 14:21:23 GMT");
    let latest = json(answer).await;
    assert_eq!(latest["tag_name"], "v1.2.3");
    assert_eq!(latest["updated_at"], "2026-06-08T14:21:23Z");
    assert_eq!(latest["assets"].as_array().unwrap().len(), 3);

    let by_id = format!("/repos/octo/cat/releases/{}", latest["id"]);
    for same in ["/repos/octo/cat/releases/tags/v1.2.3", by_id.as_str()] {
        assert_eq!(json(fixture.get(same).await).await, latest);
    }
    for list in ["/releases", "/tags", "/git/refs/tags", "/commits?sha=main"] {
        let list = json(fixture.get(&format!("/repos/octo/cat{list}")).await).await;
        assert_eq!(list.as_array().unwrap().len(), 2);
    }
    assert_eq!(fixture.get(&format!("{LATEST}/")).await.status(), 404);
}

#[tokio::test]
async fn a_list_names_its_pages_by_the_repositorys_number() {
    let fixture = Fixture::new().await;
    for tag in ["v1", "v2", "v3"] {
        fixture.github.publish("octo/cat", tag);
    }
    let answer = fixture.get("/repos/octo/cat/releases?per_page=1&page=2").await;
    let link = header(&answer, "link");
    assert_eq!(json(answer).await[0]["tag_name"], "v2");
    for rel in ["prev", "first", "next", "last"] {
        assert!(link.contains(&format!("rel=\"{rel}\"")), "{link}");
    }
    let next = link.split("rel=\"next\"").next().unwrap().rsplit('<').next().unwrap();
    let next = next.split('>').next().unwrap().strip_prefix("https://api.github.com").unwrap();
    assert!(next.starts_with("/repositories/"), "{next}");
    assert_eq!(json(fixture.get(next).await).await[0]["tag_name"], "v1");
}

#[tokio::test]
async fn downloads_and_assets_change_the_tag_but_not_the_date() {
    let fixture = Fixture::with_release().await;
    let github = &fixture.github;
    let changes: [&dyn Fn(); 2] =
        [&|| github.bump_downloads("octo/cat"), &|| github.grow_asset("octo/cat")];
    for change in changes {
        let before = fixture.get(LATEST).await;
        change();
        let after = fixture.get(LATEST).await;
        assert_ne!(header(&before, "etag"), header(&after, "etag"));
        assert_eq!(header(&before, "last-modified"), header(&after, "last-modified"));
    }
    assert_eq!(json(fixture.get(LATEST).await).await["assets"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_repository_goes_and_comes_back() {
    let fixture = Fixture::with_release().await;
    let github = &fixture.github;
    github.document("/repos/octo/cat/commits?sha=next", r#"[{"sha":"1"}]"#);
    for status in [404, 410] {
        github.remove("octo/cat", status);
        assert_eq!(fixture.get(LATEST).await.status(), status);
        assert_eq!(fixture.get("/repos/octo/cat/commits?sha=next").await.status(), status);
    }
    github.publish("octo/cat", "v2.0.0");
    assert_eq!(json(fixture.get(LATEST).await).await["tag_name"], "v2.0.0");
    assert_eq!(fixture.get("/repos/octo/cat/commits?sha=next").await.status(), 200);
}

#[tokio::test]
async fn an_old_name_leads_to_the_number_with_path_and_query() {
    let fixture = Fixture::with_release().await;
    fixture.github.document("/repos/octo/cat/commits?sha=next", r#"[{"sha":"1"}]"#);
    let id = fixture.github.rename("octo/cat", "octo/tiger");
    for (below, part) in [("/releases/latest", "octo/tiger"), ("/commits?sha=next", "sha")] {
        let moved = fixture.get_as("ghp_a", &format!("/repos/octo/cat{below}")).await;
        assert_eq!(moved.status(), 301);
        assert!(!moved.headers().contains_key("etag"));
        let location = header(&moved, "location");
        assert_eq!(location, format!("https://api.github.com/repositories/{id}{below}"));
        assert_eq!(json(moved).await["message"], "Moved Permanently");
        let target = location.strip_prefix("https://api.github.com").unwrap();
        let body = fixture.get(target).await.text().await.unwrap();
        assert!(body.contains(part), "{body}");
    }
    assert_eq!(fixture.github.token_counts("ghp_a").charged, 2);
    assert_eq!(fixture.get("/repos/octo/tiger/commits?sha=next").await.status(), 200);
}

#[tokio::test]
async fn redirects_lead_where_they_are_told() {
    let fixture = Fixture::new().await;
    let target = "/repos/octo/cat/tarball/v1";
    fixture.github.redirect(target, 302, "https://codeload.github.com/octo/cat/v1");
    let answer = fixture.get(target).await;
    assert_eq!(answer.status(), 302);
    assert_eq!(header(&answer, "location"), "https://codeload.github.com/octo/cat/v1");
    assert_eq!(header(&answer, "content-type"), "text/html;charset=utf-8");

    let host = "codeload.github.com";
    fixture.github.redirect_on(host, "/octo/cat/v1", 302, "http://169.254.169.254/");
    fixture.github.failing_on(host, "/octo/busy", Failure::RawThrottled429);
    fixture.github.file_on(host, "/octo/file", "content");
    for (path, status) in [("/octo/cat/v1", 302), ("/octo/busy", 429), ("/octo/file", 200)] {
        let answer = fixture.client.get(format!("https://{host}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_document_is_dated_by_its_own_words() {
    let fixture = Fixture::new().await;
    fixture.github.set_now(1_780_928_483);
    let json = r#"{"created_at":"2020-02-29T23:59:59Z","updated_at":"2026-03-01T00:00:00Z"}"#;
    let dates = [
        ("/repos/octo/cat/releases/1", json, Some("Sun, 01 Mar 2026 00:00:00 GMT")),
        (
            "/repos/octo/cat/releases/2",
            &json.replace("updated", "x"),
            Some("Sat, 29 Feb 2020 23:59:59 GMT"),
        ),
        ("/repos/octo/cat/tags", "[]", Some("Mon, 08 Jun 2026 14:21:23 GMT")),
        ("/repos/octo/cat/releases?per_page=100", "[]", None),
    ];
    for (target, json, date) in dates {
        fixture.github.document(target, json);
        let answer = fixture.get(target).await;
        let seen = answer.headers().get("last-modified").map(|date| date.to_str().unwrap());
        assert_eq!(seen, date, "{target}");
    }
}
