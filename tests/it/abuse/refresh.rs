//! Clients that send `refresh=true` in a loop.

use std::time::Duration;

use reqwest::StatusCode;

use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const CLIENTS: usize = 16;
const REFRESHES: usize = 10;

/// Makes many clients refresh one document repeatedly, at one moment of the service's clock.
async fn storm(app: &TestApp, status: StatusCode) {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let refreshes: Vec<_> = (0..REFRESHES).map(|_| app.ask_refresh(LATEST)).collect();
            tasks::spawn(async move {
                for refresh in refreshes {
                    assert_eq!(refresh.await.status, status);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("a client that ends");
    }
}

#[tokio::test]
async fn refreshes_of_a_missing_document_cause_one_call_an_interval() {
    for (repository, status) in
        [("octo/app", StatusCode::OK), ("octo/other", StatusCode::NOT_FOUND)]
    {
        let app = TestApp::builder().set("REFRESH_MIN_INTERVAL", "30s").start().await;
        app.github.release(repository).serve();
        for interval in 1..=3 {
            storm(&app, status).await;
            assert_eq!(app.github.calls(LATEST_PATH), interval, "{status}");
            app.advance(Duration::from_secs(30));
        }
    }
}

#[tokio::test]
async fn after_a_failed_call_only_the_client_rate_bounds_refreshes() {
    let app = TestApp::builder()
        .set("REFRESH_MIN_INTERVAL", "30s")
        .set("CLIENT_MISS_RATE", "0.4")
        .start()
        .await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(30));
    app.github.fail_all(Failure::Blocked451);
    for _ in 0..4 {
        assert_eq!(app.refresh(LATEST).await.status, 451, "each of them is told the truth");
    }
    storm(&app, StatusCode::TOO_MANY_REQUESTS).await;
    assert_eq!(app.github.calls(LATEST_PATH), 5);
    assert_eq!(app.version(LATEST).await.status, 200);
}
