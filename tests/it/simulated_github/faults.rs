//! Broken transports and broken answers, as a client sees them, and the gate that holds requests in
//! flight.

use std::io::Read;
use std::pin::pin;
use std::time::Duration;

use reqwest::{Response, Result};
use svm::clock::Stopwatch;
use tokio::time::timeout;

use super::{Fixture, LATEST, header, json, plain};
use crate::support::eventually::eventually;
use crate::support::github::{Failure, Gate};

/// The time for which a test observes that nothing happens.
const SHORT: Duration = Duration::from_millis(50);

/// Sends one request, with one failure.
async fn ask(fixture: &Fixture, failure: Failure) -> Result<Response> {
    fixture.github.fail(LATEST).with(failure).times(1);
    fixture.request(LATEST).timeout(Duration::from_secs(10)).send().await
}

#[tokio::test]
async fn requests_wait_at_a_gate_until_it_opens() {
    let fixture = Fixture::with_release().await;
    let gate: Gate = fixture.github.hold(LATEST);
    let asking = async { tokio::join!(fixture.get(LATEST), fixture.get(LATEST)) };
    let opening = async {
        gate.arrived(2).await;
        assert_eq!(gate.arrivals(), 2);
        assert_eq!((fixture.github.calls(LATEST), fixture.github.charged()), (2, 0));
        assert_eq!(fixture.get("/repos/octo/cat").await.status(), 200);
        fixture.github.publish("octo/cat", "v2.0.0");
        gate.open();
    };
    let ((first, second), ()) = tokio::join!(asking, opening);
    for answer in [first, second, fixture.get(LATEST).await] {
        assert_eq!(json(answer).await["tag_name"], "v2.0.0");
    }
}

#[tokio::test]
async fn a_gate_that_is_dropped_is_open() {
    let fixture = Fixture::with_release().await;
    drop(fixture.github.hold(LATEST));
    assert_eq!(fixture.get(LATEST).await.status(), 200);
}

#[tokio::test]
async fn latency_delays_and_a_hang_never_answers() {
    let fixture = Fixture::with_release().await;
    let watch = Stopwatch::start();
    let late = ask(&fixture, Failure::Latency(Duration::from_millis(30))).await.unwrap();
    assert_eq!(late.status(), 200);
    assert!(watch.elapsed() >= Duration::from_millis(30));

    fixture.github.fail(LATEST).with(Failure::Hang).times(1);
    let mut asking = pin!(fixture.get(LATEST));
    tokio::select! {
        answer = &mut asking => panic!("{answer:?}"),
        () = eventually(|| fixture.github.calls(LATEST) == 2) => {}
    }
    timeout(SHORT, asking).await.unwrap_err();
    assert_eq!(fixture.get(LATEST).await.status(), 200);
}

#[tokio::test]
async fn a_drip_starts_at_once_and_does_not_end_in_time() {
    let fixture = Fixture::with_release().await;
    let mut answer = ask(&fixture, Failure::Drip(Duration::from_secs(60))).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 1);
    timeout(SHORT, answer.chunk()).await.unwrap_err();

    fixture.github.document(LATEST, r#"{"tag_name":"v2"}"#);
    let dripped = ask(&fixture, Failure::Drip(Duration::from_millis(1))).await.unwrap();
    assert_eq!(json(dripped).await["tag_name"], "v2");
}

#[tokio::test]
async fn a_body_that_is_cut_is_an_error_of_the_body() {
    let fixture = Fixture::with_release().await;
    for failure in [Failure::CutBody, Failure::CutChunked] {
        let answer = ask(&fixture, failure.clone()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.content_length().is_some(), failure == Failure::CutBody);
        let error = answer.bytes().await.unwrap_err();
        assert!(!error.is_timeout(), "{failure:?}: {error:?}");
    }
    assert_eq!(fixture.get(LATEST).await.status(), 200);
}

#[tokio::test]
async fn a_length_that_lies_looks_like_a_whole_body() {
    let fixture = Fixture::with_release().await;
    let whole = fixture.get(LATEST).await.bytes().await.unwrap();
    let half = ask(&fixture, Failure::LyingLength).await.unwrap().bytes().await.unwrap();
    assert_eq!(half, whole[..whole.len() / 2]);
}

#[tokio::test]
async fn an_endless_body_goes_on_past_any_limit() {
    let fixture = Fixture::with_release().await;
    let mut answer = ask(&fixture, Failure::EndlessBody).await.unwrap();
    let mut received = 0;
    while received < 1 << 20 {
        received += answer.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn a_connection_may_end_before_the_answer() {
    for failure in [Failure::Reset, Failure::CloseBeforeAnswer] {
        let fixture = Fixture::with_release().await;
        let error = ask(&fixture, failure.clone()).await.unwrap_err();
        assert!(error.is_request() && !error.is_timeout(), "{failure:?}: {error:?}");
        assert_eq!(fixture.get(LATEST).await.status(), 200);
    }
}

#[tokio::test]
async fn a_handshake_may_fail_for_one_host() {
    for failure in [Failure::TlsHandshake, Failure::UntrustedCertificate] {
        let fixture = Fixture::with_release().await;
        assert_eq!(fixture.get(LATEST).await.status(), 200);
        assert_eq!(fixture.github.connections(), 1);
        fixture.github.fail_host("api.github.com").with(failure.clone());
        let on_the_old_connection = fixture.request(LATEST).send().await.unwrap_err();
        assert!(!on_the_old_connection.is_connect());
        for _ in 0..2 {
            let error = fixture.request(LATEST).send().await.unwrap_err();
            assert!(error.is_connect(), "{failure:?}: {error:?}");
        }
        assert_eq!(fixture.github.calls(LATEST), 1);
        let raw = fixture.client.get("https://raw.githubusercontent.com/x").send().await.unwrap();
        assert_eq!(raw.status(), 404);
        fixture.github.recover();
        assert_eq!(fixture.get(LATEST).await.status(), 200);
    }
}

#[tokio::test]
async fn broken_answers_are_broken_as_named() {
    let fixture = Fixture::with_release().await;
    let html = ask(&fixture, Failure::HtmlWith200).await.unwrap();
    assert_eq!(
        (html.status().as_u16(), header(&html, "content-type").as_str()),
        (200, "text/html; charset=utf-8")
    );
    let body = ask(&fixture, Failure::InvalidUtf8).await.unwrap().bytes().await.unwrap();
    assert!(str::from_utf8(&body).is_err() && body.starts_with(b"{"));
    let deep = ask(&fixture, Failure::DeepJson).await.unwrap().bytes().await.unwrap();
    assert_eq!((deep.len(), deep[99_999], deep[100_000]), (200_000, b'[', b']'));
    let odd = ask(&fixture, Failure::OddEtag).await.unwrap();
    assert_eq!(odd.headers()["etag"].as_bytes(), b"\"odd, \xe9tag\"");
    assert_eq!(ask(&fixture, Failure::UnaskedNotModified).await.unwrap().status(), 304);
    let looped = ask(&fixture, Failure::RedirectLoop).await.unwrap();
    assert_eq!(header(&looped, "location"), format!("https://api.github.com{LATEST}"));
    ask(&fixture, Failure::ManyHeaders).await.unwrap_err();
}

#[tokio::test]
async fn broken_compression_is_found_by_unpacking() {
    let fixture = Fixture::with_release().await;
    for failure in [Failure::FakeGzip, Failure::CutGzip] {
        let body = ask(&fixture, failure.clone()).await.unwrap().bytes().await.unwrap();
        let unpacked = flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut Vec::new());
        assert!(unpacked.is_err(), "{failure:?}");
        let unpacking = plain(&fixture.github).gzip(true).build().unwrap();
        fixture.github.fail(LATEST).with(failure).times(1);
        let answer = unpacking.get(format!("https://api.github.com{LATEST}")).send().await.unwrap();
        answer.bytes().await.unwrap_err();
    }
    let bomb = ask(&fixture, Failure::GzipBomb).await.unwrap().bytes().await.unwrap();
    assert!(bomb.len() < 512 * 1024, "{}", bomb.len());
    let mut start = vec![0; 3 << 20];
    flate2::read::GzDecoder::new(&bomb[..]).read_exact(&mut start).unwrap();
    assert!(start.iter().all(|byte| *byte == b' '));
}
