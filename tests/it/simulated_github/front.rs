//! The front that speaks plain HTTP, and the control behind it.

use reqwest::{Client, Method, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Fixture, LATEST, header, json};

#[path = "../../support/simulated-github/control.rs"]
mod control;

use control::Control;

/// A client of the front at `base`.
struct Front {
    base: String,
    client: Client,
}

impl Front {
    async fn send(&self, method: Method, target: &str, token: &str) -> Response {
        let request = self.client.request(method, format!("{}{target}", self.base));
        request.bearer_auth(token).send().await.expect("an answer")
    }

    async fn status(&self, target: &str, token: &str) -> u16 {
        self.send(Method::GET, target, token).await.status().as_u16()
    }

    /// Makes a change. Returns the status of its answer.
    async fn change(&self, words: &str) -> u16 {
        self.send(Method::POST, &format!("/_sim/{words}"), "nobody").await.status().as_u16()
    }

    async fn journal(&self) -> Value {
        json(self.send(Method::GET, "/_sim/journal", "nobody").await).await
    }
}

/// Runs `test` on a front of the simulation.
async fn with_front(fixture: &Fixture, test: impl AsyncFnOnce(Front)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let client = Client::builder().no_proxy().gzip(false).user_agent("svm/test").build();
    let client = client.expect("a client");
    let control = Control::new(&fixture.github, 7);
    tokio::select! {
        never = fixture.github.serve_plain(listener, |request| control.answer(request)) => never,
        () = test(Front { base, client }) => {}
    }
}

#[tokio::test]
async fn plain_http_has_the_answers_and_counts_of_tls() {
    let fixture = Fixture::with_release().await;
    let tag = header(&fixture.get_as("first", LATEST).await, "etag");
    with_front(&fixture, async |front| {
        let answer = front.send(Method::GET, LATEST, "first").await;
        assert_eq!(header(&answer, "etag"), tag);
        assert_eq!(front.journal().await["tokens"]["first"]["charged"], 2);
        assert_eq!(front.journal().await["total"]["requests"], 2, "the control counts for nothing");
    })
    .await;
}

#[tokio::test]
async fn the_control_changes_releases_limits_and_failures() {
    let fixture = Fixture::with_release().await;
    with_front(&fixture, async |front| {
        assert_eq!(front.change("publish?repository=octo/cat&tag=v9").await, 200);
        let latest = json(front.send(Method::GET, LATEST, "first").await).await;
        assert_eq!(latest["tag_name"], "v9");
        assert_eq!(front.change("limit?token=poor&remaining=1").await, 200);
        assert_eq!(front.status(LATEST, "poor").await, 200);
        assert_eq!(front.status(LATEST, "poor").await, 403);
        assert_eq!(front.change(&format!("fail?target={LATEST}&as=502&times=1")).await, 200);
        assert_eq!(front.status(LATEST, "first").await, 502);
        assert_eq!(front.status(LATEST, "first").await, 200);
        assert_eq!(front.change("delete?repository=octo/cat&status=410").await, 200);
        assert_eq!(front.status(LATEST, "first").await, 410);
    })
    .await;
}

#[tokio::test]
async fn an_immutable_release_is_locked_by_githubs_422() {
    let fixture = Fixture::new().await;
    with_front(&fixture, async |front| {
        let refused = async |words: &str| {
            let answer = front.send(Method::POST, &format!("/_sim/{words}"), "nobody").await;
            assert_eq!(answer.status(), 422, "{words}");
            let refusal = json(answer).await;
            assert_eq!(refusal["status"], "422");
            refusal
        };
        let publish =
            |tag: &str, more: &str| format!("publish?repository=octo/cat&tag={tag}{more}");
        assert_eq!(front.change(&publish("v1", "")).await, 200);
        assert_eq!(front.change("upload?repository=octo/cat").await, 200);
        assert_eq!(front.change(&publish("v2", "&immutable=true")).await, 200);
        let latest = json(front.send(Method::GET, LATEST, "first").await).await;
        assert_eq!((&latest["tag_name"], &latest["immutable"]), (&"v2".into(), &true.into()));

        let upload = refused("upload?repository=octo/cat").await;
        assert_eq!(upload["message"], "Cannot upload assets to an immutable release.");
        assert_eq!(front.change("delete?repository=octo/cat&release=latest").await, 200);
        let again = refused(&publish("v2", "")).await;
        assert_eq!(again["message"], "Validation Failed");
        assert_eq!(again["errors"][0]["field"], "tag_name");
        let latest = json(front.send(Method::GET, LATEST, "first").await).await;
        assert_eq!(latest["tag_name"], "v1");
        assert_eq!(front.change("upload?repository=octo/cat").await, 200);
    })
    .await;
}

#[tokio::test]
async fn the_control_has_github_lie_lag_and_charge_for_304() {
    let fixture = Fixture::with_release().await;
    fixture.github.set_now(1_780_928_483);
    with_front(&fixture, async |front| {
        let list = "/repos/octo/cat/releases";
        assert_eq!(front.change(&format!("lie?target={list}&as=empty&seconds=60")).await, 200);
        assert_eq!(front.change(&format!("lie?target={LATEST}&as=missing")).await, 200);
        let get = async |target: &str| front.send(Method::GET, target, "first").await;
        assert_eq!(json(get(list).await).await, serde_json::json!([]));
        assert_eq!(get(LATEST).await.status(), 404);
        fixture.github.set_now(1_780_928_483 + 60);
        assert_ne!(json(get(list).await).await, serde_json::json!([]));
        assert_eq!(get(LATEST).await.status(), 404);
        fixture.github.set_now(1_780_928_483 + 180);
        assert_eq!(get(LATEST).await.status(), 200);
        assert_eq!(front.change(&format!("lag?target={LATEST}&seconds=9")).await, 200);
        let before = header(&get(LATEST).await, "etag");
        fixture.github.publish("octo/cat", "v9");
        assert_eq!(header(&get(LATEST).await, "etag"), before);
        fixture.github.set_now(1_780_928_483 + 189);
        assert_ne!(header(&get(LATEST).await, "etag"), before);
        assert_eq!(front.change("charge").await, 200);
        let tag = header(&fixture.get_as("first", LATEST).await, "etag");
        let charged = fixture.github.token_counts("first").charged;
        assert_eq!(fixture.again_as("first", LATEST, &tag).await.status(), 304);
        assert_eq!(fixture.github.token_counts("first").charged, charged + 1);
    })
    .await;
}

#[tokio::test]
async fn the_control_refuses_changes_that_there_are_not() {
    let fixture = Fixture::new().await;
    with_front(&fixture, async |front| {
        for words in [
            "nothing",
            "publish?tag=v1",
            "fail?as=bored",
            "limit?token=a&remaining=b",
            "lie?target=/x&as=true",
            "upload",
        ] {
            assert_eq!(front.change(words).await, 400, "{words}");
        }
        assert_eq!(front.status("/_sim/publish?repository=octo/cat&tag=v1", "first").await, 400);
    })
    .await;
}

#[tokio::test]
async fn a_seed_decides_which_requests_fail() {
    let fixture = Fixture::with_release().await;
    let mut rounds = Vec::new();
    for _ in 0..2 {
        with_front(&fixture, async |front| {
            assert_eq!(front.change("flaky?rate=0.5").await, 200);
            let mut statuses = Vec::new();
            for _ in 0..16 {
                statuses.push(front.status(LATEST, "first").await);
            }
            rounds.push(statuses);
        })
        .await;
    }
    assert_eq!(rounds[0], rounds[1]);
    assert!(rounds[0].contains(&502) && rounds[0].contains(&200), "{rounds:?}");
}
