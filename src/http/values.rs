//! A buffer for the header values of one head, written one after the other.
//!
//! Otherwise each value would be a string on the heap; values from one buffer share its allocation.
//! A hit has five values that are not constant.

use bytes::{BufMut, BytesMut};
use http::HeaderValue;

/// The capacity of the buffer in bytes, enough for the values of a hit.
const CAPACITY: usize = 256;

/// The buffer, which holds the value that is being written.
pub(super) struct Values(BytesMut);

impl Values {
    pub(super) fn new() -> Self {
        Self(BytesMut::with_capacity(CAPACITY))
    }

    /// Appends text to the value.
    pub(super) fn text(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.0.put_slice(text.as_ref());
        self
    }

    /// Appends a number to the value.
    pub(super) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.text(itoa::Buffer::new().format(number))
    }

    /// Ends the value, and returns it.
    pub(super) fn cut(&mut self) -> HeaderValue {
        HeaderValue::from_maybe_shared(self.0.split().freeze())
            .expect("our header values are visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_where_they_end() {
        let mut values = Values::new();
        let first = values.text("max-age=").number(60).cut();
        let empty = values.cut();
        let long = values.text("x".repeat(2 * CAPACITY)).number(-1).cut();
        assert_eq!([first, empty], ["max-age=60", ""]);
        assert_eq!(long, format!("{}-1", "x".repeat(2 * CAPACITY)));
    }
}
