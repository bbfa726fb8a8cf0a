//! That what is going to be timed is what it is meant to be: a hit with the right bytes.

use std::net::SocketAddr;

use http::StatusCode;

use crate::document::Document;
use crate::requests;
use crate::scenario::Scenario;
use crate::server::{Kind, Server};
use crate::support::client::{Client, First};

/// Asks a server for a document of a scenario; returns the header lines with which it is to be
/// asked from then on.
pub(crate) async fn check(server: &Server, scenario: &Scenario) -> Vec<String> {
    let (address, document) = (server.address_for(scenario), scenario.document(0));
    let plain = requests::headers(scenario, "\"of nothing\"");
    let etag = ask(address, document, &plain).await.first().header("etag").to_owned();
    let headers = requests::headers(scenario, &etag);
    let client = ask(address, document, &headers).await;
    let answer = client.first();
    let is_whole = answer.status == StatusCode::OK && answer.body == document.body().into_bytes();
    let is_known = answer.status == StatusCode::NOT_MODIFIED && answer.body.is_empty();
    let is_right = if scenario.is_conditional { is_known } else { is_whole };
    assert!(is_right, "{server:?} answers {} to {}", answer.status, scenario.name);
    assert!(is_hit(server.kind, answer), "{server:?} has no hit: {:?}", answer.headers);
    headers
}

async fn ask(address: SocketAddr, document: Document, headers: &[String]) -> Client {
    let request = requests::whole(&document.path(), headers);
    Client::connect(address, request.into_bytes()).await
}

fn is_hit(kind: Kind, answer: &First) -> bool {
    match kind {
        Kind::Svm | Kind::Nginx => answer.header("x-cache") == "HIT",
        // The number of this request, and that of the one that brought the document.
        Kind::Varnish | Kind::Varnishncsa => answer.header("x-varnish").contains(' '),
        Kind::Squid => answer.header("x-cache").starts_with("HIT"),
        // The letters of the look-up in the cache: a hit, or a hit in memory.
        Kind::TrafficServer => {
            ["[cHs", "[cRs"].iter().any(|hit| answer.header("via").contains(hit))
        }
        Kind::Salvo | Kind::Hyper => true,
    }
}
