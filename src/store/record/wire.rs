//! Numbers and texts as bytes, little-endian. An absent optional value is a zero byte; a present
//! one follows a byte of one.

use crate::clock::Timestamp;

pub(super) fn put_time(to: &mut Vec<u8>, time: Timestamp) {
    to.extend_from_slice(&time.as_millis().to_le_bytes());
}

pub(super) fn put_optional<const N: usize>(to: &mut Vec<u8>, value: Option<[u8; N]>) {
    to.push(u8::from(value.is_some()));
    to.extend(value.into_iter().flatten());
}

pub(super) fn put_text(to: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("a header value or URL is far below 4 GiB");
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(text.as_bytes());
}

pub(super) fn put_optional_text(to: &mut Vec<u8>, text: Option<&str>) {
    to.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_text(to, text);
    }
}

/// A reader that takes values from the front of a slice. It returns `None` if the bytes do not
/// contain the value.
pub(super) struct RecordReader<'a>(&'a [u8]);

impl<'a> RecordReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        self.u64().map(Timestamp::from_millis)
    }

    pub(super) fn presence(&mut self) -> Option<bool> {
        match self.array()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    pub(super) fn text(&mut self) -> Option<Box<str>> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Box::from)
    }

    pub(super) fn optional_text(&mut self) -> Option<Option<Box<str>>> {
        if self.presence()? { self.text().map(Some) } else { Some(None) }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*value)
    }
}
