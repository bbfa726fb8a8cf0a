//! A client of the service, and one of the floor that gives the same answer.

use std::net::SocketAddr;

use super::client::Client;
use super::documents::Document;
use super::floor;

/// Both, on a connection each.
pub(crate) struct Pair {
    /// The service's.
    pub(crate) svm: Client,
    /// The floor's.
    pub(crate) floor: Client,
}

impl Pair {
    /// Asks the service at `address`, makes sure of the hit, and builds the floor from its answer.
    pub(crate) async fn new(address: SocketAddr, document: &Document, request: &[u8]) -> Self {
        let svm = Client::connect(address, request.to_vec()).await;
        let answer = svm.first();
        assert_eq!(answer.header("x-cache"), "HIT");
        assert!(answer.body.is_empty() || answer.body == document.body, "the document's bytes");

        let floor = floor::service(answer.status, answer.headers.clone(), &answer.body);
        let floor = Client::connect(floor::serve(floor), request.to_vec()).await;
        assert_eq!(floor.first().headers, answer.headers, "the same head");
        assert_eq!(floor.first().body, answer.body, "the same body");
        Self { svm, floor }
    }
}
