//! Reads of a file of changes to which nothing is appended any more.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;

use super::frame::{FRAME_BYTES, Head};
use super::{START, Span};
use crate::clock::Timestamp;
use crate::store::embedded::KeyBytes;

/// The bytes that a search for the next whole frame reads together.
const WINDOW: usize = 64 << 10;

/// The frames that are read together, and their bytes.
const FRAMES: usize = 1_024;
const FRAMED_BYTES: u64 = 1 << 20;

/// A file of changes with the number of its journal, open to read.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::embedded) struct SealedJournal<'f> {
    pub(in crate::store::embedded) file: &'f File,
    pub(in crate::store::embedded) number: u64,
}

/// A change by the head of its frame.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::embedded) struct Framed {
    pub(in crate::store::embedded) key: KeyBytes,
    pub(in crate::store::embedded) as_of: Timestamp,
    pub(in crate::store::embedded) span: Span,
}

impl SealedJournal<'_> {
    /// Returns the record at a place, if the frame there is that of the key. The record itself is
    /// not verified.
    pub(in crate::store::embedded) fn read(
        &self,
        key: &KeyBytes,
        span: Span,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some((head, record)) = self.read_frame(span)? else { return Ok(None) };
        let is_it = head.key == *key && head.length as usize == record.len();
        Ok(is_it.then_some(record))
    }

    /// Returns the record at a place, if it is as it was written.
    pub(in crate::store::embedded) fn read_whole(
        &self,
        span: Span,
    ) -> Result<Option<Vec<u8>>, Error> {
        let frame = self.read_frame(span)?;
        Ok(frame.filter(|(head, record)| head.matches(record)).map(|(_, record)| record))
    }

    /// Returns a whole head of this journal, and the bytes behind it.
    fn read_frame(&self, span: Span) -> Result<Option<(Head, Vec<u8>)>, Error> {
        let Some(start) = span.at.checked_sub(FRAME_BYTES as u64) else { return Ok(None) };
        let mut frame = vec![0; FRAME_BYTES + span.len()];
        match self.file.read_exact_at(&mut frame, start) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let Some(head) = Head::parse(&frame).filter(|head| head.number == self.number) else {
            return Ok(None);
        };
        frame.drain(..FRAME_BYTES);
        Ok(Some((head, frame)))
    }

    /// Returns some of the next frames at `at` or behind it, and the place to go on at; none at
    /// the end. Begins where nothing was read yet.
    pub(in crate::store::embedded) fn frames(
        &self,
        at: Option<u64>,
    ) -> Result<(Vec<Framed>, u64), Error> {
        let start = at.unwrap_or(START as u64);
        let (mut at, mut frames) = (start, Vec::new());
        while frames.len() < FRAMES && at - start < FRAMED_BYTES {
            let Some((found, head)) = self.next(at)? else { break };
            let span = Span::new(found + FRAME_BYTES as u64, head.length);
            at = span.at + u64::from(head.length);
            frames.push(Framed { key: head.key, as_of: head.as_of, span });
        }
        Ok((frames, at))
    }

    /// Returns the first whole head at `at` or behind it, and its place.
    fn next(&self, mut at: u64) -> Result<Option<(u64, Head)>, Error> {
        // The head is at `at` if no byte before it is damaged.
        let mut window = FRAME_BYTES;
        loop {
            let mut bytes = vec![0; window];
            let read = self.file.read_at(&mut bytes, at)?;
            if let Some((offset, head)) = Head::next(&bytes[..read], 0, Some(self.number)) {
                return Ok(Some((at + offset as u64, head)));
            }
            if read < FRAME_BYTES {
                return Ok(None);
            }
            at += (read - FRAME_BYTES + 1) as u64;
            window = WINDOW;
        }
    }
}
