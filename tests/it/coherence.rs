//! The coherence of a list: a client that follows its links finds each element once, whatever
//! happens to the list between the checks of its pages.

use std::time::Duration;

use crate::support::app::{Answer, TestApp, encode};
use crate::support::tasks;

const API: &str = "https://api.github.com";
const LIST: &str = "/repos/octo/app/releases?per_page=50";

/// The interface that a client uses.
#[derive(Clone, Copy, Debug)]
enum Interface {
    Version,
    Mirror,
}

const BOTH: [Interface; 2] = [Interface::Version, Interface::Mirror];

/// A walk over a list: the tags of its releases, and the outcome of each page.
#[derive(Debug, PartialEq)]
struct Walk {
    tags: Vec<String>,
    outcomes: Vec<String>,
}

impl Walk {
    fn of(releases: usize, outcomes: &[&str]) -> Self {
        let tags = (0..releases).rev().map(|number| format!("v{number}")).collect();
        Self { tags, outcomes: outcomes.iter().map(|&outcome| outcome.to_owned()).collect() }
    }
}

async fn with_releases(app: TestApp, count: usize) -> TestApp {
    app.github.release("octo/app").tag("v0").serve();
    (1..count).for_each(|number| app.github.publish("octo/app", &format!("v{number}")));
    app
}

async fn serving(count: usize) -> TestApp {
    with_releases(TestApp::start().await, count).await
}

async fn get(app: &TestApp, path: &str, interface: Interface) -> Answer {
    match interface {
        Interface::Version => app.version(&format!("{API}{path}")).await,
        Interface::Mirror => app.get(path).await,
    }
}

/// Returns the path of the next page, as the answer links to it.
fn next(page: &Answer) -> Option<String> {
    let next = page.header("link").split(", ").find(|link| link.ends_with("rel=\"next\""))?;
    let url = next.strip_prefix('<')?.split_once('>')?.0;
    url.split('/').nth(2).and_then(|host| Some(url.split_once(host)?.1.to_owned()))
}

async fn walk(app: &TestApp, interface: Interface) -> Walk {
    walk_with_pauses(app, interface, Duration::ZERO).await
}

/// Follows the links from the first page to the last one, with a pause after each page.
async fn walk_with_pauses(app: &TestApp, interface: Interface, pause: Duration) -> Walk {
    let (mut found, mut path) = (Walk::of(0, &[]), Some(LIST.to_owned()));
    while let Some(asked) = path {
        let page = get(app, &asked, interface).await;
        assert_eq!(page.status, 200, "{asked}: {}", page.text());
        let releases = page.json().as_array().expect("a list").clone();
        let tags = releases.iter().filter_map(|release| release["tag_name"].as_str());
        found.tags.extend(tags.map(str::to_owned));
        found.outcomes.push(page.header("x-cache").to_owned());
        assert!(found.outcomes.len() < 20, "{found:?}");
        path = next(&page);
        app.advance(pause);
    }
    found
}

#[tokio::test]
async fn a_walk_misses_no_release_after_another_one() {
    for interface in BOTH {
        let app = serving(80).await;
        assert_eq!(walk(&app, interface).await, Walk::of(80, &["MISS", "MISS"]), "{interface:?}");
        app.advance(Duration::from_secs(1));
        app.github.publish("octo/app", "v80");
        app.revalidate(&format!("{API}{LIST}")).await;
        assert_eq!(walk(&app, interface).await, Walk::of(81, &["HIT", "MISS"]), "{interface:?}");
        assert_eq!(walk(&app, interface).await, Walk::of(81, &["HIT", "HIT"]), "{interface:?}");
    }
}

/// Returns the path of the second page, as a client of the interface gets it, without a request for
/// the first one.
async fn second(app: &TestApp, interface: Interface) -> String {
    if let Interface::Mirror = interface {
        return format!("{LIST}&page=2");
    }
    let other = get(app, &LIST.replace("50", "40"), interface).await;
    next(&other).expect("a second page").replace("40", "50")
}

#[tokio::test]
async fn a_first_page_that_is_new_outdates_the_second() {
    for interface in BOTH {
        let app = serving(80).await;
        let _ = get(&app, &second(&app, interface).await, interface).await;
        app.advance(Duration::from_secs(6));
        app.github.publish("octo/app", "v80");
        assert_eq!(walk(&app, interface).await, Walk::of(81, &["MISS", "MISS"]), "{interface:?}");
        assert_eq!(walk(&app, interface).await, Walk::of(81, &["HIT", "HIT"]), "{interface:?}");
    }
}

#[tokio::test]
async fn a_second_page_that_is_new_outdates_the_first() {
    for interface in BOTH {
        let app = serving(80).await;
        let _ = get(&app, LIST, interface).await;
        app.advance(Duration::from_secs(6));
        app.github.unpublish("octo/app");
        let _ = get(&app, &second(&app, interface).await, interface).await;
        assert_eq!(walk(&app, interface).await, Walk::of(79, &["MISS", "HIT"]), "{interface:?}");
        assert_eq!(walk(&app, interface).await, Walk::of(79, &["HIT", "HIT"]), "{interface:?}");
    }
}

#[tokio::test]
async fn a_walk_causes_no_second_check() {
    for interface in BOTH {
        let app = serving(230).await;
        let first = walk_with_pauses(&app, interface, Duration::from_secs(5)).await;
        assert_eq!(first, Walk::of(230, &["MISS"; 5]), "{interface:?}");
        assert_eq!(walk(&app, interface).await, Walk::of(230, &["HIT"; 5]), "{interface:?}");

        app.github.publish("octo/app", "v230");
        app.revalidate(&format!("{API}{LIST}")).await;
        let second = walk_with_pauses(&app, interface, Duration::from_secs(5)).await;
        let outcomes = ["HIT", "MISS", "MISS", "MISS", "MISS"];
        assert_eq!(second, Walk::of(231, &outcomes), "{interface:?}");
        assert_eq!(walk(&app, interface).await, Walk::of(231, &["HIT"; 5]), "{interface:?}");
    }
}

#[tokio::test]
async fn a_restart_hides_no_change() {
    let mut app = serving(80).await;
    let _ = walk(&app, Interface::Mirror).await;
    app.advance(Duration::from_secs(6));
    app.github.publish("octo/app", "v80");
    app.revalidate(&format!("{API}{LIST}")).await;
    app.restart().await;
    assert_eq!(walk(&app, Interface::Mirror).await, Walk::of(81, &["HIT", "MISS"]));
    assert_eq!(walk(&app, Interface::Mirror).await, Walk::of(81, &["HIT", "HIT"]));
}

/// The second page as svm requests it by the name of the repository.
const SECOND: &str = "/repos/octo/app/releases?page=2&per_page=50";

#[tokio::test]
async fn a_page_that_was_under_way_is_checked_again() {
    for interface in BOTH {
        let app = serving(80).await;
        let _ = walk(&app, interface).await;
        let path = second(&app, interface).await;
        let path = format!("{}?page=2&per_page=50", path.split('?').next().unwrap());
        app.advance(Duration::from_secs(1));
        // The answer for the second page is from before the publication, and arrives after it.
        app.github.lag(SECOND, 60);
        let gate = app.github.hold(&path);
        let under_way = tasks::spawn(app.try_to_revalidate(&format!("{API}{path}")));
        gate.arrived(1).await;
        app.github.publish("octo/app", "v80");
        app.advance(Duration::from_secs(1));
        app.revalidate(&format!("{API}{LIST}")).await;
        app.advance(Duration::from_secs(1));
        gate.open();
        let _ = under_way.await.unwrap();
        app.github.lag(SECOND, 0);
        assert_eq!(walk(&app, interface).await, Walk::of(81, &["HIT", "MISS"]), "{interface:?}");
        assert_eq!(walk(&app, interface).await, Walk::of(81, &["HIT", "HIT"]), "{interface:?}");
    }
}

#[tokio::test]
async fn a_page_in_doubt_is_checked_after_a_change() {
    for interface in BOTH {
        let app = serving(51).await;
        let _ = walk(&app, interface).await;
        let path = second(&app, interface).await;
        app.advance(Duration::from_secs(10));
        app.github.unpublish("octo/app");
        for path in [LIST, &path] {
            let _ = app.try_to_revalidate(&format!("{API}{path}")).await;
        }
        let doubted = get(&app, &path, interface).await;
        assert!(doubted.summary().ends_with("detail=unconfirmed"), "{}", doubted.summary());
        let calls = app.github.total_calls();
        let _ = get(&app, &path, interface).await;
        assert_eq!(app.github.total_calls(), calls, "the claim is newer than the change");

        app.advance(Duration::from_secs(1));
        (50..53).for_each(|number| app.github.publish("octo/app", &format!("v{number}")));
        app.revalidate(&format!("{API}{LIST}")).await;
        assert_eq!(walk(&app, interface).await, Walk::of(53, &["HIT", "MISS"]), "{interface:?}");
        assert_eq!(walk(&app, interface).await, Walk::of(53, &["HIT", "HIT"]), "{interface:?}");
    }
}

#[tokio::test]
async fn a_client_over_its_rate_walks_on_after_a_change() {
    for interface in BOTH {
        let app = TestApp::builder().set("CLIENT_MISS_RATE", "1").start().await;
        let app = with_releases(app, 80).await;
        assert_eq!(walk(&app, interface).await, Walk::of(80, &["MISS", "MISS"]), "{interface:?}");
        let path = second(&app, interface).await;
        app.advance(Duration::from_secs(1));
        app.github.publish("octo/app", "v80");
        app.revalidate(&format!("{API}{LIST}")).await;
        for number in 0..10 {
            let _ = get(&app, &format!("/repos/octo/absent{number}"), interface).await;
        }
        let calls = app.github.total_calls();

        let outdated = get(&app, &path, interface).await;
        outdated.assert_summary("200 HIT upstream=0 svm; hit; ttl=0");
        assert_eq!(outdated.header("cache-control"), "no-cache");
        let url = format!("/explain?url={}", encode(&format!("{API}{path}")));
        let explained = app.get(&url).await.text();
        assert!(explained.contains("is answered from the cache, without a call."), "{explained}");
        assert_eq!(app.github.total_calls(), calls, "this client may cause no call");

        app.advance(Duration::from_secs(5));
        assert_eq!(walk(&app, interface).await, Walk::of(81, &["HIT", "MISS"]), "{interface:?}");
    }
}
