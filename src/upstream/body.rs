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

/// The whole body, counted in decoded bytes. While it comes it costs little more than its bytes, and when it is put
/// together at most as much again.
pub(super) async fn read(response: &mut Response, limit: u64) -> Result<Bytes, Reason> {
    if response.content_length().is_some_and(|announced| announced > limit) {
        return Err(Reason::TooLarge);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut body = Pieces::default();
    while let Some(chunk) = response.chunk().await.map_err(|_| Reason::CutShort)? {
        if chunk.len() > limit - body.len {
            return Err(Reason::TooLarge);
        }
        body.push(&chunk);
    }
    Ok(body.into_bytes())
}

/// A body while it comes: copied, since a chunk of a few bytes holds on to the buffer that it was read into, and in
/// pieces, since one buffer that grows is there twice, with slack, each time it does.
#[derive(Debug, Default)]
struct Pieces {
    pieces: Vec<Vec<u8>>,
    len: usize,
}

/// The room of a piece: as much as there is already, between these. Most documents fit into a few.
const SMALLEST_PIECE: usize = 8 * 1024;
const LARGEST_PIECE: usize = 256 * 1024;

impl Pieces {
    fn push(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let piece = match self.pieces.pop_if(|last| last.len() < last.capacity()) {
                Some(last) => last,
                None => Vec::with_capacity(self.len.clamp(SMALLEST_PIECE, LARGEST_PIECE)),
            };
            let piece = self.pieces.push_mut(piece);
            let (now, later) = chunk.split_at(chunk.len().min(piece.capacity() - piece.len()));
            piece.extend_from_slice(now);
            self.len += now.len();
            chunk = later;
        }
    }

    /// All of it. An entry may live for days: it must not hold on to any slack.
    fn into_bytes(self) -> Bytes {
        let mut body = Vec::with_capacity(self.len);
        for piece in self.pieces {
            body.extend_from_slice(&piece);
        }
        Bytes::from(body.into_boxed_slice())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_its_chunks_whatever_their_sizes() {
        let bytes: Vec<u8> = (0..700_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        for size in [1, 7, SMALLEST_PIECE, SMALLEST_PIECE + 1, 100_000, bytes.len()] {
            let mut body = Pieces::default();
            bytes.chunks(size).for_each(|chunk| body.push(chunk));
            let room: usize = body.pieces.iter().map(Vec::capacity).sum();
            assert!(room < bytes.len() + LARGEST_PIECE, "{size}: room for {room}");
            assert_eq!(body.into_bytes(), bytes, "{size}");
        }
    }

    #[test]
    fn no_chunks_are_an_empty_body() {
        let mut body = Pieces::default();
        body.push(b"");
        assert!(body.into_bytes().is_empty());
    }
}
