//! The bodies of requests. Only the webhook page uses a body.
//!
//! A body that no page has read stands between the answer and the next request. svm reads and drops
//! a small one; after any other, the connection ends with the answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::Version;
use http::header::EXPECT;
use hyper::body::Body;
use salvo::Request;
use salvo::http::ReqBody;
use tokio::time::timeout;

/// The size in bytes of the largest body that svm reads and drops.
const LARGEST_DROPPED: usize = 64 << 10;
/// The time for such a body to arrive.
const DROP_LIMIT: Duration = Duration::from_secs(2);

/// The reason why a body is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// The body is longer than the limit.
    TooLarge,
    /// The body came too slowly.
    Late,
    /// The client left, or the bytes are no body.
    Broken,
}

/// Reads a body of at most `most` bytes within `limit`, and passes its bytes to `take`.
pub(super) async fn read(
    body: &mut ReqBody,
    most: usize,
    limit: Duration,
    mut take: impl FnMut(&[u8]),
) -> Result<(), BodyError> {
    let reading = async {
        let mut left = most;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            // The other frames are the fields behind a body.
            let Ok(bytes) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            left = left.checked_sub(bytes.len()).ok_or(BodyError::TooLarge)?;
            take(&bytes);
        }
        Ok(())
    };
    timeout(limit, reading).await.unwrap_or(Err(BodyError::Late))
}

/// Returns true if bytes of the body stand before the next request of the connection. The streams
/// of HTTP/2 have no such order.
pub(super) fn is_unread(req: &Request) -> bool {
    !req.body().is_end_stream() && req.version() < Version::HTTP_2
}

/// Returns true if svm should read and drop this unread body. A client that has asked whether to
/// send the body need not send it.
pub(super) fn is_small(req: &Request) -> bool {
    let least = usize::try_from(req.body().size_hint().lower()).unwrap_or(usize::MAX);
    least <= LARGEST_DROPPED && !req.headers().contains_key(EXPECT)
}

/// Reads and drops a small body. Returns false if bytes of it are left.
pub(super) async fn discard(mut body: ReqBody) -> bool {
    read(&mut body, LARGEST_DROPPED, DROP_LIMIT, |_| ()).await.is_ok()
}
