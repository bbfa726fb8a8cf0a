//! The reader of an upstream's body: it bounds the body while it streams, decodes it, and returns
//! it only if it is complete.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;

use super::content_coding::{Decoder, coding_of};
use crate::entry::{Coding, Reason};

/// The bytes of an error's body that are read: enough for a message.
const ERROR_LIMIT: usize = 64 * 1024;
/// The time limit for the body of an error. The status and the headers carry most of the
/// information. A longer wait could exhaust the deadline of the exchange, and with it lose them and
/// the rate limit that they state.
const ERROR_DEADLINE: Duration = Duration::from_secs(1);
/// The encoded bytes that are decoded between two yields. Gzip can inflate them a thousandfold.
const TURN: usize = 16 * 1024;

/// The least number of bytes that must arrive in each interval of patience, unless the body is
/// complete.
const LEAST_BYTES: usize = 4 * 1024;
/// The shortest patience; a shorter one would abort bodies that are only slow.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);

/// The bounds of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyBounds {
    /// The most bytes, both encoded and decoded.
    limit: usize,
    /// The interval in which some of the body must arrive. A body that stalls or drips must not
    /// hold its slot for the whole exchange.
    pub(super) patience: Duration,
}

impl BodyBounds {
    /// Returns the bounds of a body in an exchange with this timeout.
    pub(super) fn new(limit_bytes: u64, timeout: Duration) -> Self {
        let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        let patience = match LEAST_PATIENCE.max(timeout / 3) {
            patience if patience <= timeout / 2 => patience,
            // The deadline of the exchange comes soon enough.
            _ => Duration::MAX,
        };
        Self { limit, patience }
    }
}

/// Reads and decodes the whole body. Neither the encoded nor the decoded form may exceed the limit.
/// An arriving body takes little more memory than its bytes; joining its pieces at the end takes up
/// to twice as much.
pub(super) async fn read(response: &mut Response, bounds: BodyBounds) -> Result<Bytes, Reason> {
    let coding = coding_of(response.headers()).ok_or(Reason::NotJson)?;
    if response.content_length().is_some_and(|announced| announced > bounds.limit as u64) {
        return Err(Reason::TooLarge);
    }
    let mut body = Arriving {
        decoder: Decoder::new(coding, Pieces::within(bounds.limit)),
        room: bounds.limit,
    };
    loop {
        let more = tokio::time::timeout(bounds.patience, body.read_more(response)).await;
        if more.map_err(|_| Reason::TooSlow)?? == BodyStep::Ended {
            let body = body.decoder.finish().map_err(|error| reason(&error))?;
            return Ok(body.into_bytes());
        }
    }
}

struct Arriving {
    decoder: Decoder<Pieces>,
    /// The encoded bytes that may still arrive.
    room: usize,
}

#[derive(PartialEq)]
enum BodyStep {
    Some,
    Ended,
}

impl Arriving {
    /// Reads until [`LEAST_BYTES`] have arrived, or the body has ended.
    async fn read_more(&mut self, response: &mut Response) -> Result<BodyStep, Reason> {
        let mut wanted = LEAST_BYTES;
        while wanted > 0 {
            let chunk = response.chunk().await.map_err(|_| Reason::CutShort)?;
            let Some(chunk) = chunk else { return Ok(BodyStep::Ended) };
            // Without this bound, empty gzip members could arrive endlessly, as they inflate to
            // nothing.
            self.room = self.room.checked_sub(chunk.len()).ok_or(Reason::TooLarge)?;
            decode(&mut self.decoder, &chunk).await.map_err(|error| reason(&error))?;
            wanted = wanted.saturating_sub(chunk.len());
        }
        Ok(BodyStep::Some)
    }
}

async fn decode(decoder: &mut Decoder<Pieces>, chunk: &[u8]) -> io::Result<()> {
    let mut turns = chunk.chunks(TURN);
    if let Some(first) = turns.next() {
        decoder.write(first)?;
    }
    for turn in turns {
        tokio::task::yield_now().await;
        decoder.write(turn)?;
    }
    Ok(())
}

fn reason(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Reason::TooLarge,
        _ => Reason::CutShort,
    }
}

/// The pieces of a body as it arrives. The bytes are copied, since a small chunk keeps the whole
/// buffer alive that it was read into. A list of pieces avoids the copies and the unused capacity
/// of one growing buffer.
#[derive(Debug, Default)]
struct Pieces {
    pieces: Vec<Vec<u8>>,
    len: usize,
    limit: usize,
}

/// The bounds of a piece's size. Each piece is as large as all previous ones together, within these
/// bounds, so most documents fit into a few pieces.
const SMALLEST_PIECE: usize = 8 * 1024;
const LARGEST_PIECE: usize = 256 * 1024;

impl Pieces {
    /// Creates a sink for at most this many bytes.
    fn within(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

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

    /// Joins the pieces. An entry may live for days, so its body has no unused capacity.
    fn into_bytes(self) -> Bytes {
        let mut body = Vec::with_capacity(self.len);
        for piece in self.pieces {
            body.extend_from_slice(&piece);
        }
        Bytes::from(body.into_boxed_slice())
    }
}

impl Write for Pieces {
    /// Takes what fits; returns an error if there was more.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (fits, excess) = bytes.split_at(bytes.len().min(self.limit - self.len));
        self.push(fits);
        match excess {
            [] => Ok(bytes.len()),
            _ => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the beginning of an error's body. If reading fails, returns the part that has arrived. A
/// body in an unknown coding stays encoded, so it does not parse as JSON.
pub(super) async fn read_error(response: &mut Response) -> Bytes {
    let coding = coding_of(response.headers()).unwrap_or(Coding::Identity);
    let mut decoder = Decoder::new(coding, Pieces::within(ERROR_LIMIT));
    let reading = read_beginning(response, &mut decoder);
    let _ = tokio::time::timeout(ERROR_DEADLINE, reading).await;
    decoder.into_beginning().into_bytes()
}

async fn read_beginning(response: &mut Response, decoder: &mut Decoder<Pieces>) {
    let mut room = ERROR_LIMIT;
    while let Ok(Some(chunk)) = response.chunk().await {
        let beginning = &chunk[..chunk.len().min(room)];
        room -= beginning.len();
        if decoder.write(beginning).is_err() || room == 0 {
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
            let mut body = Pieces::within(bytes.len());
            bytes.chunks(size).for_each(|chunk| body.push(chunk));
            let room: usize = body.pieces.iter().map(Vec::capacity).sum();
            assert!(room < bytes.len() + LARGEST_PIECE, "{size}: room for {room}");
            assert_eq!(body.into_bytes(), bytes, "{size}");
        }
    }

    #[test]
    fn a_body_over_its_limit_keeps_what_fits() {
        let mut body = Pieces::within(5);
        assert_eq!(body.write(b"abc").unwrap(), 3);
        let error = body.write(b"def").unwrap_err();
        assert_eq!(reason(&error), Reason::TooLarge);
        assert_eq!(body.into_bytes(), "abcde");
    }

    #[test]
    fn no_chunks_are_an_empty_body() {
        let mut body = Pieces::default();
        body.push(b"");
        assert!(body.into_bytes().is_empty());
    }
}
