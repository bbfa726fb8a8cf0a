//! The screen of `just run`: it fits a terminal of 80 by 24, and its requests work as described.

use crate::support::app::TestApp;

#[path = "../../support/simulated-github/banner.rs"]
mod banner;

const PORT: &str = "65535";

#[test]
fn the_banner_fits_a_terminal() {
    let banner = banner::banner(PORT);
    assert!(banner.lines().count() <= 14, "{banner}");
    assert!(banner.lines().all(|line| line.chars().count() <= 80), "{banner}");
}

/// Returns the path and the query of each request in the banner, and the promised result.
fn requests(banner: &str) -> Vec<(String, String)> {
    let (_, api) = banner.split_once("api='http://localhost:65535").expect("the variable");
    let (api, _) = api.split_once('\'').expect("its end");
    let lines = banner.lines().filter(|line| line.contains("curl"));
    let requests = lines.map(|line| {
        let (command, promise) = line.split_once(" # ").expect("a comment");
        let path = command.split('"').nth(1).expect("a URL").replace("$api", api);
        (path, promise.trim().to_owned())
    });
    requests.collect()
}

#[tokio::test]
async fn its_requests_show_what_it_says() {
    let app = TestApp::start().await;
    app.github.release("octo/kitten").serve();
    app.github.rename("octo/kitten", "octo/cat");
    let requests = requests(&banner::banner(PORT));
    assert_eq!(requests.len(), 5);
    for (path, promise) in requests {
        let answer = app.get(&path).await;
        match promise.strip_prefix("x-cache: ") {
            Some(outcome) => assert_eq!(answer.header("x-cache"), outcome, "{path}"),
            None if promise.starts_with("404") => assert_eq!(answer.status, 404, "{path}"),
            None => assert!(answer.text().contains("octo/cat"), "{path}: {promise}"),
        }
    }
}
