//! Many concurrent requests for stored documents after a restart.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::tasks;

const DOCUMENTS: usize = 600;

fn path(number: usize) -> String {
    format!("/repos/octo/app-{number}/releases/latest")
}

#[tokio::test]
async fn a_crowd_after_a_restart_costs_no_call() {
    let mut app = TestApp::builder().production_read_budget().start().await;
    let body = format!(r#"{{"text":"{}"}}"#, "word ".repeat(1_000));
    for number in 0..DOCUMENTS {
        app.github.document_bytes(&path(number), body.clone().into_bytes());
        let url = format!("https://api.github.com{}", path(number));
        assert_eq!(app.version(&url).await.status, 200);
    }
    app.reaches("svm_write_behind_depth", 0.0).await;
    app.restart().await;
    let calls = app.github.total_calls();
    let asked: Vec<_> = (0..DOCUMENTS)
        .map(|number| tasks::spawn(app.ask(&format!("https://api.github.com{}", path(number)))))
        .collect();
    for answer in asked {
        let answer = answer.await.expect("an answer");
        assert!(answer.header("cache-status").ends_with("detail=l2"), "{}", answer.summary());
    }
    assert_eq!(app.github.total_calls(), calls);
    assert_eq!(app.metric("svm_l2_breaker_opened_total").await, 0.0);
}

#[tokio::test]
async fn a_crowd_over_its_rate_delays_no_stored_documents() {
    let builder = TestApp::builder().production_read_budget().set("CLIENT_MISS_RATE", "0.1");
    let mut app = builder.set("FORWARDED_ALLOW_IPS", "127.0.0.1").start().await;
    for number in 0..50 {
        app.github.release(&format!("octo/app-{number}")).serve();
        app.advance(Duration::from_secs(10));
        let url = format!("https://api.github.com{}", path(number));
        assert_eq!(app.version(&url).await.status, 200);
    }
    app.restart().await;
    let ask_as = |client: &str, path: String| {
        let path = format!("/version?url=https%3A%2F%2Fapi.github.com{path}");
        let request = app.request(reqwest::Method::GET, &path).header("x-forwarded-for", client);
        tasks::spawn(crate::support::app::Answer::of(request))
    };
    let greedy: Vec<_> = (0..600)
        .map(|number| ask_as("192.0.2.1", format!("/repos/octo/unknown-{number}")))
        .collect();
    for number in 0..50 {
        let answer =
            ask_as(&format!("198.51.100.{number}"), path(number)).await.expect("an answer");
        assert!(answer.header("cache-status").starts_with("svm; hit"), "{}", answer.summary());
    }
    let mut limited = 0;
    for answer in greedy {
        limited += usize::from(answer.await.expect("an answer").status == 429);
    }
    assert_eq!(limited, 599);
}
