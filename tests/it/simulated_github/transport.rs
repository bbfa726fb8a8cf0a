//! The layers below HTTP: certificates, names, connections, and the record of requests.

use svm::clock::{Clock, Timestamp};

use super::{Fixture, LATEST, header, plain};
use crate::support::eventually::eventually;
use crate::support::github::{GitHub, HOSTS, Received};

#[tokio::test]
async fn the_environment_it_asks_for_names_every_host() {
    let github = GitHub::start_with_hosts(&["ghe.example"]).await;
    let connect_to = github.connect_to();
    for host in HOSTS.iter().chain(&["ghe.example"]) {
        let pair = format!("{host}:443={}", github.addr());
        assert!(connect_to.split(',').any(|known| known == pair), "{connect_to}");
    }
    assert_eq!(std::fs::read_to_string(github.ca_file()).unwrap(), github.ca_pem());
    github.file_on("ghe.example", "/file", "content");
    let client = plain(&github).build().unwrap();
    let answer = client.get("https://ghe.example/file").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "content");
}

#[tokio::test]
async fn a_client_that_does_not_know_the_authority_gets_no_answer() {
    let (fixture, other) = (Fixture::with_release().await, GitHub::start().await);
    let stranger = plain(&other).resolve("api.github.com", fixture.github.addr()).build().unwrap();
    stranger.get(format!("https://api.github.com{LATEST}")).send().await.unwrap_err();
    assert_eq!(fixture.github.total_calls(), 0);
    assert_eq!(fixture.get(LATEST).await.status(), 200);
}

#[tokio::test]
async fn a_stopped_simulation_refuses_and_returns_on_its_port() {
    let fixture = Fixture::with_release().await;
    assert_eq!(fixture.get(LATEST).await.status(), 200);
    fixture.github.go_down().await;
    let refused = fixture.request(LATEST).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    assert_eq!(fixture.github.total_calls(), 1);
    fixture.github.come_up().await;
    assert_eq!(fixture.get(LATEST).await.status(), 200);
}

#[tokio::test]
async fn a_request_is_on_record_with_host_name_and_headers() {
    let fixture = Fixture::with_release().await;
    fixture.get_as("ghp_a", LATEST).await;
    let _ = fixture.client.get("https://codeload.github.com/x?y=z").send().await;
    let requests: Vec<Received> = fixture.github.requests();
    let [api, other] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((api.host.as_str(), api.sni.as_deref()), ("api.github.com", Some("api.github.com")));
    assert_eq!((api.method.as_str(), api.target.as_str()), ("GET", LATEST));
    assert_eq!((api.token(), api.header("user-agent")), (Some("ghp_a"), Some("svm/test")));
    assert_eq!((other.host.as_str(), other.target.as_str()), ("codeload.github.com", "/x?y=z"));
    assert_eq!(other.header("authorization"), None);
    assert_eq!(fixture.github.requests_for(LATEST).len(), 1);
    assert_eq!(fixture.github.calls(LATEST), 1);
    assert_eq!(fixture.github.counts("/x?y=z").requests, 1);
}

#[tokio::test]
async fn a_head_request_has_the_length_and_no_body() {
    let fixture = Fixture::with_release().await;
    let url = format!("https://api.github.com{LATEST}");
    let head = fixture.client.head(&url).send().await.unwrap();
    let length: usize = header(&head, "content-length").parse().unwrap();
    assert_eq!(head.bytes().await.unwrap().len(), 0);
    assert_eq!(fixture.get(LATEST).await.bytes().await.unwrap().len(), length);
}

#[tokio::test]
async fn it_takes_the_time_from_a_shared_clock() {
    let fixture = Fixture::new().await;
    let clock = svm::clock::ManualClock::at(Timestamp::from_secs(1_780_000_000));
    fixture.github.follow(Clock::Manual(clock.clone()));
    clock.advance(std::time::Duration::from_secs(60));
    fixture.github.release("octo/cat").serve();
    let date = header(&fixture.get(LATEST).await, "last-modified");
    assert_eq!(date, "Thu, 28 May 2026 20:27:40 GMT");
}

#[tokio::test]
async fn eventually_waits_for_what_becomes_true() {
    let fixture = Fixture::with_release().await;
    let asking = fixture.get(LATEST);
    let seen = eventually(|| fixture.github.calls(LATEST) == 1);
    let (answer, ()) = tokio::join!(asking, seen);
    assert_eq!(answer.status(), 200);
}
