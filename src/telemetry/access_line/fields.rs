//! The writer of a line in JSON.

use std::fmt;
use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::target::Key;
use crate::telemetry::request_id::RequestId;

/// The JSON in progress.
pub(super) struct Fields<'a>(pub(super) &'a mut Vec<u8>);

impl Fields<'_> {
    #[inline]
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    #[inline]
    pub(super) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    /// Appends a time in microseconds.
    #[inline]
    pub(super) fn micros(&mut self, time: Duration) -> &mut Self {
        self.number(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    }

    #[inline]
    pub(super) fn optional(&mut self, number: Option<impl itoa::Integer>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.word(None),
        }
    }

    #[inline]
    pub(super) fn id(&mut self, id: &RequestId) -> &mut Self {
        id.append(self.0);
        self
    }

    /// Appends the first twelve digits of a key.
    #[inline]
    pub(super) fn key(&mut self, key: Key) -> &mut Self {
        self.0.extend(key.short_digits());
        self
    }

    /// Appends an address. The standard formatter takes several times as long.
    #[inline]
    pub(super) fn ipv4(&mut self, address: Ipv4Addr) -> &mut Self {
        let [a, b, c, d] = address.octets();
        self.number(a).raw(".").number(b).raw(".").number(c).raw(".").number(d)
    }

    pub(super) fn shown(&mut self, value: impl fmt::Display) -> &mut Self {
        let _ = write!(self.0, "{value}");
        self
    }

    /// Appends any text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\');
        // The loop has no early end, so that the compiler vectorizes it.
        match text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
            true => self.word(Some(text)),
            false => self.shown(serde_json::Value::from(text)),
        }
    }

    /// Appends text that needs no escape: a constant word, or a part of a target, which has neither
    /// quotes nor backslashes.
    #[inline]
    pub(super) fn word(&mut self, word: Option<&str>) -> &mut Self {
        match word {
            Some(word) => self.raw("\"").raw(word).raw("\""),
            None => self.raw("null"),
        }
    }
}
