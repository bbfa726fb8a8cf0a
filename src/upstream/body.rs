//! Reads an upstream's body: bounded while it streams, and complete or not at all.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::Reason;

/// Of an error, as much as a message needs.
const ERROR_LIMIT: usize = 64 * 1024;
/// A status and headers say most of what an error is. Waiting for its words until the deadline of the exchange would
/// lose those too, and a limit with them: nothing would rest.
const ERROR_DEADLINE: Duration = Duration::from_secs(1);

/// The whole body, counted in decoded bytes.
pub(super) async fn read(response: &mut Response, limit: u64) -> Result<Bytes, Reason> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Reason::CutShort)? {
        if chunk.len() > limit - body.len() {
            return Err(Reason::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    // An entry may live for days: it must not hold on to the slack of a growing buffer.
    Ok(Bytes::from(body.to_vec().into_boxed_slice()))
}

/// The beginning of an error's body; whatever goes wrong, what has arrived will do.
pub(super) async fn read_error(response: &mut Response) -> Bytes {
    let mut body = BytesMut::new();
    let reading = read_beginning(response, &mut body);
    let _ = tokio::time::timeout(ERROR_DEADLINE, reading).await;
    Bytes::from(body.to_vec().into_boxed_slice())
}

async fn read_beginning(response: &mut Response, body: &mut BytesMut) {
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_LIMIT - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
}
