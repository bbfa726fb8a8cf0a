//! A hit of the mirror, beside one of `/version` of the same document: the same hit in another form
//! may cost little more.

use tokio::runtime::Runtime;

use crate::support::client::Client;
use crate::support::documents::{Document, of_size};
use crate::support::service::Filled;
use crate::turns;

/// The time of a hit of the mirror in hits of `/version`: 1.03 to 1.05 as measured, with a margin.
const ALLOWED_RATIO: f64 = 1.08;

const BODY_BYTES: usize = 7 * 1024;
/// The requests after which svm remembers the path and the head.
const FIRST_REQUESTS: u64 = 10;

/// Returns true if a hit of the mirror is as fast as it has to be, and says how fast it is.
pub(crate) fn is_fast(runtime: &Runtime) -> bool {
    let document = of_size(BODY_BYTES);
    let (mut plain, mut mirrored, _served) = runtime.block_on(async {
        let served = Filled::with(std::slice::from_ref(&document)).await.serve();
        let request = document.request("");
        let plain = Client::connect(served.address, request.clone()).await;
        let mirrored = Client::connect(served.address, mirrored(&document, request)).await;
        (plain, mirrored, served)
    });
    for client in [&mut plain, &mut mirrored] {
        runtime.block_on(client.ask(FIRST_REQUESTS));
        assert_eq!(client.first().header("x-cache"), "HIT");
        assert_eq!(client.first().body, document.body, "the document's bytes");
    }
    assert!(!mirrored.first().header("last-modified").is_empty(), "the head of the mirror");
    let (name, base) = ("a hit of the mirror", "one of /version");
    turns::is_fast(runtime, (name, &mut mirrored), (base, &mut plain), ALLOWED_RATIO)
}

fn mirrored(document: &Document, request: Vec<u8>) -> Vec<u8> {
    let request = String::from_utf8(request).expect("a text head");
    request.replace(&document.ours(), &document.path).into_bytes()
}
