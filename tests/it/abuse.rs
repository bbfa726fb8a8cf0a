//! Abusive clients: their answers, and the effect on other clients.

mod client_rate;
mod clients;
mod flood;
mod refresh;

use reqwest::Method;

use crate::support::app::{Answer, TestApp, encode};

/// Returns the URL of a document that is requested for the first time.
fn unknown(number: usize) -> String {
    format!("https://raw.githubusercontent.com/nobody/n{number}/main/version.json")
}

/// Requests a document as a client behind a proxy.
async fn ask_as(app: &TestApp, client: &str, url: &str) -> Answer {
    let path = format!("/version?url={}", encode(url));
    Answer::of(app.request(Method::GET, &path).header("x-forwarded-for", client)).await
}
