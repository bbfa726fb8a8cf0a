//! The content coding of an upstream's body (RFC 9110, 8.4), and its decoder.
//!
//! Pure. svm accepts gzip only. A gzip body is a series of members without other bytes between or
//! after them (RFC 1952, 2.2): all members are decoded, and any other byte, even a zero, makes the
//! body a damaged one. The sink bounds the decoded size, and gets the bytes while the body arrives.

use std::io::{self, Write};
use std::mem;

use flate2::write::GzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::entry::Coding;

/// Returns the coding that these headers name; `None` for an unknown coding, and for several.
pub(super) fn coding_of(headers: &HeaderMap) -> Option<Coding> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut coding = Coding::Identity;
    for name in names.map(<[u8]>::trim_ascii) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if name.is_empty() || is("identity") {
            continue;
        }
        // `x-gzip` is an old name of `gzip` (RFC 9110, 8.4.1.3).
        let is_gzip = is("gzip") || is("x-gzip");
        if !is_gzip || coding == Coding::Gzip {
            return None;
        }
        coding = Coding::Gzip;
    }
    Some(coding)
}

/// A decoder that writes to a sink.
#[derive(Debug)]
pub(super) enum Decoder<W: Write + Default> {
    /// No coding: the bytes pass unchanged.
    Identity(W),
    /// The members of a gzip body.
    Gzip(Box<Members<W>>),
}

impl<W: Write + Default> Decoder<W> {
    pub(super) fn new(coding: Coding, sink: W) -> Self {
        match coding {
            Coding::Identity => Self::Identity(sink),
            Coding::Gzip => Self::Gzip(Box::new(Members::new(sink))),
        }
    }

    /// Decodes the next bytes of the body. An error is the sink's, or means that the body is
    /// damaged.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(sink) => sink.write_all(bytes),
            Self::Gzip(members) => members.write(bytes),
        }
    }

    /// Returns the sink, if the body is complete.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Identity(sink) => Ok(sink),
            Self::Gzip(members) => members.finish(),
        }
    }

    /// Returns the sink with the bytes decoded so far.
    pub(super) fn into_beginning(self) -> W {
        match self {
            Self::Identity(sink) => sink,
            Self::Gzip(members) => members.into_beginning(),
        }
    }
}

/// The members of a gzip body, decoded one after the other.
#[derive(Debug)]
pub(super) struct Members<W: Write + Default> {
    member: GzDecoder<W>,
    /// True if a member has begun. A body may end between two members, and may be empty.
    has_begun: bool,
}

impl<W: Write + Default> Members<W> {
    fn new(sink: W) -> Self {
        Self { member: GzDecoder::new(sink), has_begun: false }
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let taken = self.member.write(bytes)?;
            if taken == 0 {
                self.end_member()?;
            } else {
                self.has_begun = true;
                bytes = &bytes[taken..];
            }
        }
        Ok(())
    }

    /// Ends a member after its trailer, which is compared with the decoded bytes.
    fn end_member(&mut self) -> io::Result<()> {
        self.member.try_finish()?;
        let sink = mem::take(self.member.get_mut());
        *self = Self::new(sink);
        Ok(())
    }

    fn finish(mut self) -> io::Result<W> {
        if self.has_begun {
            self.end_member()?;
        }
        Ok(mem::take(self.member.get_mut()))
    }

    fn into_beginning(mut self) -> W {
        // The bytes before the damage are still in a buffer; an error adds nothing.
        let _ = self.member.flush();
        mem::take(self.member.get_mut())
    }
}

#[cfg(test)]
mod tests;
