//! A client of the service, and one of the floor that gives the same answer.

use std::net::SocketAddr;

use svm::gzip;

use super::client::{Client, First};
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
    /// For who gets the document as it is.
    pub(crate) async fn plain(address: SocketAddr, document: &Document) -> Self {
        let pair = Self::new(address, document, "").await;
        assert_eq!(pair.svm.first().body, document.body, "the document's bytes");
        pair
    }

    /// For who takes gzip.
    pub(crate) async fn gzip(address: SocketAddr, document: &Document) -> Self {
        let pair = Self::new(address, document, "Accept-Encoding: gzip\r\n").await;
        assert_eq!(pair.svm.first().header("content-encoding"), "gzip");
        let inflated = gzip::inflate(&pair.svm.first().body, document.body.len());
        assert_eq!(inflated.as_ref(), Some(&document.body), "the document's bytes");
        pair
    }

    /// For who holds the document.
    pub(crate) async fn conditional(address: SocketAddr, document: &Document) -> Self {
        let plain = Self::plain(address, document).await;
        let condition = format!("If-None-Match: {}\r\n", plain.svm.first().header("etag"));
        let pair = Self::new(address, document, &condition).await;
        assert_eq!(pair.svm.first().status, 304);
        pair
    }

    /// Asks the service at `address` with `more` header lines, makes sure of the hit, and builds
    /// the floor from its answer.
    async fn new(address: SocketAddr, document: &Document, more: &str) -> Self {
        let request = document.request(more);
        let svm = Client::connect(address, request.clone()).await;
        let First { status, headers, body } = svm.first();
        assert_eq!(svm.first().header("x-cache"), "HIT");

        let floor = floor::service(*status, headers.clone(), body);
        let floor = Client::connect(floor::serve(floor), request).await;
        assert_eq!(&floor.first().headers, headers, "the same head");
        assert_eq!(&floor.first().body, body, "the same body");
        Self { svm, floor }
    }
}
