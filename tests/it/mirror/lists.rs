//! Lists: clients can follow their pages to the end, and the links lead to svm.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use svm::clock::Timestamp;
use svm::entry::{Entry, Extras};
use svm::store::{Change, Store};

use crate::support::app::{Answer, TestApp};
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::raw::talk;

const LIST: &str = "/repos/octo/app/releases?per_page=100";

async fn with_releases(app: TestApp, count: usize) -> TestApp {
    app.github.release("octo/app").tag("v0").serve();
    (1..count).for_each(|number| app.github.publish("octo/app", &format!("v{number}")));
    app
}

/// Returns the URL of a relation.
fn linked(link: &str, relation: &str) -> Option<String> {
    let wanted = format!("rel=\"{relation}\"");
    let found = link.split(", ").find(|link| link.ends_with(&wanted))?;
    Some(found.split_once('>')?.0.trim_start_matches('<').to_owned())
}

/// Follows the links from a page on. Returns the number of elements and the paths of the pages.
async fn follow(app: &TestApp, first: &str) -> (usize, Vec<String>) {
    let base = format!("http://{}", app.address());
    let (mut path, mut count, mut seen) = (first.to_owned(), 0, Vec::new());
    loop {
        let page = app.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        count += page.json().as_array().expect("a list").len();
        seen.push(path);
        assert!(seen.len() < 20, "{seen:?}");
        let Some(next) = linked(page.header("link"), "next") else { return (count, seen) };
        path = next.strip_prefix(&base).expect("a link to svm").to_owned();
    }
}

/// An upstream in which every page has a next one: svm fetches and checks only the pages that
/// clients request.
#[tokio::test]
async fn pages_that_never_end_cost_what_clients_ask_for() {
    let app = TestApp::start().await;
    let page = |number: usize| format!("/repos/octo/app/tags?page={number}");
    for number in 2..=40 {
        let next = format!("<https://api.github.com{}>; rel=\"next\"", page(number + 1));
        app.github.document_with_link(&page(number), b"[{\"name\":\"v1\"}]", &next);
    }
    for number in 2..=30 {
        let answer = app.get(&page(number)).await;
        assert!(answer.header("link").contains(&page(number + 1)), "{}", answer.head());
    }
    assert_eq!(app.github.total_calls(), 29);
    assert_eq!(app.metric("svm_l1_entries").await, 29.0);
    app.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(app.get(&page(2)).await.status, 200);
    assert_eq!(app.github.total_calls(), 30, "the pages behind it are not fetched with it");
}

#[tokio::test]
async fn a_client_that_follows_links_gets_everything() {
    let app = with_releases(TestApp::start().await, 250).await;
    let (count, pages) = follow(&app, LIST).await;
    assert_eq!((count, pages.len()), (250, 3));
    assert!(pages.iter().all(|page| page.starts_with("/repos/octo/app/releases?")), "{pages:?}");
    let calls = app.github.total_calls();
    assert_eq!(calls, 3);
    // A second run, a client that counts pages, and a client of an Enterprise server.
    assert_eq!(follow(&app, LIST).await, (250, pages));
    for page in 1..=3 {
        let counted = app.get(&format!("{LIST}&page={page}")).await;
        assert_eq!(counted.header("x-cache"), "HIT");
    }
    let (count, pages) = follow(&app, &format!("/api/v3{LIST}")).await;
    assert_eq!(count, 250);
    assert!(pages.iter().all(|page| page.starts_with("/api/v3/repos/")), "{pages:?}");
    assert_eq!(app.github.total_calls(), calls);
}

#[tokio::test]
async fn the_next_page_is_linked_first() {
    let app = with_releases(TestApp::start().await, 250).await;
    let page = app.get(&format!("{LIST}&page=2")).await;
    let link = page.header("link").to_owned();
    let relations: Vec<_> =
        link.split("rel=\"").skip(1).map(|rest| rest.split('"').next()).collect();
    assert_eq!(relations, ["next", "last", "first", "prev"].map(Some));
    let request = app.request(Method::GET, &format!("{LIST}&page=2"));
    let unchanged = Answer::of(request.header("if-none-match", page.header("etag"))).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.header("link")), (304, link.as_str()));
    let head = Answer::of(app.request(Method::HEAD, &format!("{LIST}&page=2"))).await;
    assert_eq!(head.header("link"), link);
}

#[tokio::test]
async fn a_host_that_is_none_gets_no_link() {
    let app = with_releases(TestApp::start().await, 101).await;
    for (host, has_link) in
        [("svm.example:80", true), ("[::1]:80", true), ("a_b", false), ("a$b", false), ("", false)]
    {
        let request = format!("GET {LIST} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answers = talk(app.address(), request).await;
        let link = answers[0].header("link");
        assert_eq!(answers[0].status, 200, "{host}");
        let want = format!("<http://{host}/repos/octo/app/releases?");
        assert_eq!(link.starts_with(&want), has_link, "{link}");
        assert_eq!(link.is_empty(), !has_link, "{link}");
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_names_the_address_of_svm() {
    let forwarded = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "svm.example"),
        ("x-forwarded-prefix", "/github"),
    ];
    for (proxies, want) in
        [("127.0.0.0/8", "<https://svm.example/github/repos/"), ("10.0.0.1", "<http://127")]
    {
        let app = TestApp::builder().set("FORWARDED_ALLOW_IPS", proxies).start().await;
        let app = with_releases(app, 101).await;
        let request = app.request(Method::GET, LIST);
        let request = forwarded.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        let link = Answer::of(request).await.header("link").to_owned();
        assert!(link.starts_with(want), "{link}");
    }
}

#[tokio::test]
async fn a_list_without_known_links_is_fetched_once() {
    let store = FaultyStore::in_mood(Mood::Works);
    let mut app = with_releases(
        TestApp::builder().store(Arc::<FaultyStore>::clone(&store)).start().await,
        250,
    )
    .await;
    let first = app.get(LIST).await;
    let known = app.held(&format!("https://api.github.com{LIST}")).unwrap();
    let _ = app.stop().await;
    // The entry as an earlier version would have stored it.
    let entry = Entry { extras: Extras::default().lacking_links(), ..(*known).clone() };
    let keep_until = Timestamp::from_secs(u64::MAX / 10_000);
    let change = Change::Put { entry: Arc::new(entry), keep_until };
    store.apply([change].into(), known.times.checked_at).await.unwrap();
    app.start_again().await;
    let calls = app.github.total_calls();
    let version = app.version(&format!("https://api.github.com{LIST}")).await;
    assert_eq!(version.header("x-cache"), "HIT", "{}", version.head());
    for _ in 0..3 {
        let answer = app.get(LIST).await;
        assert!(answer.header("link").contains("rel=\"next\""), "{}", answer.head());
        assert_eq!(answer.body, first.body);
    }
    assert_eq!(app.github.total_calls(), calls + 1);
}

#[tokio::test]
async fn no_release_is_missing_after_another_was_published() {
    let app = with_releases(TestApp::start().await, 250).await;
    assert_eq!(follow(&app, LIST).await.0, 250);
    app.advance(Duration::from_secs(1));
    app.github.publish("octo/app", "v250");
    // The first page is checked, the others are not.
    app.revalidate(&format!("https://api.github.com{LIST}")).await;
    let before = app.github.total_calls();
    let (count, pages) = follow(&app, LIST).await;
    assert_eq!((count, pages.len()), (251, 3));
    assert_eq!(app.github.total_calls() - before, 2, "the two other pages are checked");
    assert_eq!(follow(&app, LIST).await.0, 251);
    assert_eq!(app.github.total_calls() - before, 2, "once");
}

#[tokio::test]
async fn a_count_that_changes_outdates_no_other_page() {
    let app = with_releases(TestApp::start().await, 250).await;
    assert_eq!(follow(&app, LIST).await.0, 250);
    app.advance(Duration::from_secs(1));
    app.github.bump_downloads("octo/app");
    app.revalidate(&format!("https://api.github.com{LIST}")).await;
    let before = app.github.total_calls();
    assert_eq!(follow(&app, LIST).await.0, 250);
    assert_eq!(app.github.total_calls(), before);
}
