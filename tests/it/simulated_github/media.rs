//! Representations, downloads and refusals: the parts of the API beside cached documents.

use reqwest::Method;

use crate::support::github::contents;

use super::{Fixture, LATEST, header, json, plain};

async fn accepting(fixture: &Fixture, accept: &str, target: &str) -> reqwest::Response {
    fixture.request(target).header("accept", accept).send().await.expect("an answer")
}

#[tokio::test]
async fn representations_differ_in_the_forms_of_the_text() {
    let fixture = Fixture::with_release().await;
    let forms = ["body", "body_html", "body_text"];
    for (parameter, has) in [
        ("full", [true, true, true]),
        ("html", [false, true, false]),
        ("text", [false, false, true]),
        ("v3", [true, false, false]),
        ("raw", [true, false, false]),
    ] {
        let accept = format!("application/vnd.github.{parameter}+json");
        let release = json(accepting(&fixture, &accept, LATEST).await).await;
        assert_eq!(forms.map(|form| release[form].is_string()), has, "{parameter}");
    }
}

#[tokio::test]
async fn the_number_of_a_commit_is_text() {
    let fixture = Fixture::with_release().await;
    let target = "/repos/octo/cat/commits/main";
    let commit = json(fixture.get(target).await).await;
    let sha = accepting(&fixture, "application/vnd.github.sha", target).await;
    assert_eq!(sha.text().await.expect("text"), commit["sha"].as_str().expect("a number"));
}

#[tokio::test]
async fn unknown_types_and_writes_are_refused() {
    let fixture = Fixture::with_release().await;
    assert_eq!(accepting(&fixture, "image/png", LATEST).await.status(), 415);
    let url = format!("https://api.github.com{LATEST}");
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        let anonymous = fixture.client.request(method.clone(), &url).send().await.expect("one");
        assert_eq!(anonymous.status(), 401);
        let known = fixture.client.request(method, &url).bearer_auth("ghp_a").send().await;
        assert_eq!(known.expect("an answer").status(), 403);
    }
    let meta = json(fixture.get("/meta").await).await;
    assert_eq!(meta["verifiable_password_authentication"], false);
}

#[tokio::test]
async fn downloads_lead_to_the_bytes_of_the_digest() {
    let fixture = Fixture::with_release().await;
    let following = plain(&fixture.github).redirect(reqwest::redirect::Policy::limited(3));
    let following = following.build().expect("a client");
    let release = json(fixture.get(LATEST).await).await;
    let asset = &release["assets"][1];
    let (name, url) = (asset["name"].as_str().unwrap(), asset["url"].as_str().unwrap());
    let described = json(fixture.client.get(url).send().await.unwrap()).await;
    assert_eq!(described["id"], asset["id"]);
    for (url, accept) in [
        (url, "application/octet-stream"),
        (asset["browser_download_url"].as_str().unwrap(), "*/*"),
    ] {
        let answer = following.get(url).header("accept", accept).send().await.unwrap();
        assert_eq!(answer.url().host_str(), Some("release-assets.githubusercontent.com"));
        assert_eq!(answer.bytes().await.unwrap(), contents(name));
    }
    let archive = fixture.get("/repos/octo/cat/tarball/v1.2.3").await;
    let location = "https://codeload.github.com/octo/cat/legacy.tar.gz/v1.2.3";
    assert_eq!((archive.status().as_u16(), header(&archive, "location")), (302, location.into()));
    assert_eq!(following.get(location).send().await.unwrap().status(), 200);
    let missing = "https://github.com/octo/cat/releases/download/v1.2.3/none.tar.gz";
    assert_eq!(following.get(missing).send().await.unwrap().status(), 404);
}
