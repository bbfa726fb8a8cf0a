//! The end of an HTTP/1.1 connection in two steps (RFC 9112, 9.6).
//!
//! The kernel answers bytes that arrive at a closed socket with a reset, and the reset destroys an
//! answer that the client has not read yet. So if the client may still send bytes, svm closes only
//! its own direction after the last answer. It discards the bytes of the client until the client
//! closes too, within bounds.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::connections::Connection;

/// The most bytes that svm discards.
const MOST: usize = 32 << 20;
/// The time without a byte after which svm closes the connection.
const SILENCE: Duration = Duration::from_secs(2);
/// The longest time for the client to close.
const LONGEST: Duration = Duration::from_secs(10);
/// The same, from a signal to close on.
const LAST: Duration = Duration::from_secs(1);
/// The number of bytes that one read discards.
const AT_ONCE: usize = 16 << 10;

/// Closes the writing direction, and discards bytes until the client closes, a bound is reached, or
/// the connection gets a signal to end.
pub(super) async fn linger<S>(stream: &mut S, connection: &Connection)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let signaled = async {
        connection.close_signal().cancelled().await;
        sleep(LAST).await;
    };
    tokio::select! {
        _ = timeout(LONGEST, discard(stream)) => {}
        () = signaled => {}
        () = connection.abort_signal().cancelled() => {}
    }
}

async fn discard<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    // The HTTP library has mostly done this already, which does no harm.
    let _ = stream.shutdown().await;
    let mut bytes = vec![0; AT_ONCE];
    let mut left = MOST;
    while let Ok(Ok(count @ 1..)) = timeout(SILENCE, stream.read(&mut bytes)).await
        && let Some(rest) = left.checked_sub(count)
    {
        left = rest;
    }
}
