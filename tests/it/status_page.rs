//! The status page at `/` and `/status.json`: its contents, and its visibility.

mod contents;
mod cost;
mod events;
mod visibility;

use reqwest::Method;
use serde_json::Value;

use crate::support::app::{Answer, TestApp};

/// The header by which browsers accept HTML.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Requests a path as a browser does.
async fn browse(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.request(Method::GET, path).header("accept", BROWSER)).await
}

async fn facts(app: &TestApp) -> Value {
    app.get("/status.json").await.json()
}

/// Waits until the facts satisfy the condition; the background takes samples by the service's
/// clock.
#[track_caller]
fn facts_become(app: &TestApp, condition: impl Fn(&Value) -> bool) -> impl Future<Output = Value> {
    let reached = app.until(async move || condition(&facts(app).await));
    async move {
        reached.await;
        facts(app).await
    }
}
