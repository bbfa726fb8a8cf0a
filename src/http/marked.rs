//! A client's connection on which a raw `#` is visible to the service.
//!
//! The HTTP library drops a `#` in a request line, with all that follows: a request for
//! `heads/fix#1` would be answered with `heads/fix`. So each `#` that arrives becomes a [`MARK`],
//! which the library passes on. A mark that a client sends becomes a [`STAND_IN`]: neither may be
//! in a URL, so each is refused as before, and a mark is always a `#`.
//!
//! The subtle thing is that this looks at bytes and at nothing else. It need not know where a
//! request line begins, so no pipelined request, no body and no read that ends in the middle of a
//! line can hide a `#` from it. Elsewhere the change has no meaning: no header or tag that the
//! service reads holds these characters, and it reads no bodies.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The byte in the place of a raw `#`. Like the next one it may be in a request line, a header's
/// name and its value.
const MARK: u8 = b'^';
/// The byte in the place of a mark that a client has sent.
const STAND_IN: u8 = b'|';

/// Whether this part of a request's URL held a raw `#`.
pub(super) fn has_hash(part: &str) -> bool {
    part.as_bytes().contains(&MARK)
}

/// A connection whose incoming bytes hold no `#`.
#[derive(Debug)]
pub(super) struct Marked<S>(S);

impl<S> Marked<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(stream)
    }
}

/// Replaces every `#` and every mark. Without a branch, so that the compiler makes vectors of it.
fn mark(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = if *byte == MARK { STAND_IN } else { *byte };
        *byte = if *byte == b'#' { MARK } else { *byte };
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Marked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        mark(&mut buffer.filled_mut()[before..]);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Marked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn each_read_is_marked_and_nothing_before_it() {
        let mut stream = Marked::new(in_pieces());
        let mut text = Vec::from(*b"#");
        stream.read_to_end(&mut text).await.unwrap();
        assert_eq!(text, b"#a^b|^^c");
    }

    /// A stream whose reads end in the middle.
    fn in_pieces() -> impl AsyncRead + Unpin {
        let parts: [&'static [u8]; 3] = [b"a#", b"b^", b"##c"];
        parts[0].chain(parts[1]).chain(parts[2])
    }
}
