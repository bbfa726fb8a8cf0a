//! Abusive clients: their answers, and the effect on other clients.

mod client_rate;
mod clients;
mod flood;
mod refresh;

use reqwest::Method;

use crate::support::app::{Answer, TestApp, encode};

/// A document that nobody has asked for.
fn unknown(number: usize) -> String {
    format!("https://raw.githubusercontent.com/nobody/n{number}/main/version.json")
}

/// Asks for a document as a client behind a proxy.
async fn ask_as(app: &TestApp, client: &str, url: &str) -> Answer {
    let path = format!("/version?url={}", encode(url));
    Answer::of(app.request(Method::GET, &path).header("x-forwarded-for", client)).await
}
