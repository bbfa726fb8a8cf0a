//! The simulated GitHub: its rules, its prices and its failures, tested with a plain client.

mod changes;
mod faults;
mod front;
mod limits;
mod media;
mod screen;
mod stores;
mod tags;
mod transport;
mod windows;

use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Response, redirect};

use crate::support::github::GitHub;

const LATEST: &str = "/repos/octo/cat/releases/latest";

/// Returns a client that trusts the simulation, follows no redirect and decompresses nothing.
pub(crate) fn plain(github: &GitHub) -> ClientBuilder {
    let authority = Certificate::from_pem(github.ca_pem().as_bytes()).expect("a certificate");
    let builder =
        Client::builder().no_proxy().https_only(true).tls_certs_only([authority]).gzip(false);
    let builder = builder.redirect(redirect::Policy::none()).user_agent("svm/test");
    github.hosts().iter().fold(builder, |builder, host| builder.resolve(host, github.addr()))
}

/// A simulation and its client.
struct Fixture {
    github: GitHub,
    client: Client,
}

impl Fixture {
    async fn new() -> Self {
        let github = GitHub::start().await;
        let client = plain(&github).build().expect("a client");
        Self { github, client }
    }

    /// Starts a simulation with one release of `octo/cat`.
    async fn with_release() -> Self {
        let fixture = Self::new().await;
        fixture.github.release("octo/cat").tag("v1.2.3").assets(2).serve();
        fixture
    }

    fn request(&self, target: &str) -> RequestBuilder {
        self.client.get(format!("https://api.github.com{target}"))
    }

    async fn get(&self, target: &str) -> Response {
        self.request(target).send().await.expect("an answer")
    }

    async fn get_as(&self, token: &str, target: &str) -> Response {
        self.request(target).bearer_auth(token).send().await.expect("an answer")
    }

    /// Requests a document with the tag of an earlier answer.
    async fn again_as(&self, token: &str, target: &str, tag: &str) -> Response {
        let request = self.request(target).bearer_auth(token).header("if-none-match", tag);
        request.send().await.expect("an answer")
    }
}

/// Returns the value of a header that must be there.
#[track_caller]
fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).unwrap_or_else(|| panic!("no {name}: {response:?}"));
    value.to_str().expect("text").to_owned()
}

/// Returns the body as JSON.
async fn json(response: Response) -> serde_json::Value {
    serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON")
}
