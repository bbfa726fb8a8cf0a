//! The gzip coding (RFC 1952) of a body: compression, and decompression within bounds.
//!
//! Pure: it does not decide which bodies are compressed, nor when. A form may come from a store
//! that others write to, so its decompressed size is bounded in advance, and the form must be a
//! single stream.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

/// The compression level. It leaves 7.4 % of the recorded documents; level 1 leaves 11.1 % in a
/// third of the time, level 9 7.3 % in one and a half times the time. See docs/benchmarks.md.
pub const LEVEL: u32 = 6;

/// Returns the gzip form of `bytes`.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    compress_at(LEVEL, bytes)
}

/// Returns the gzip form at another level, for benchmarks.
pub fn compress_at(level: u32, bytes: &[u8]) -> Vec<u8> {
    let room = Vec::with_capacity(bytes.len() / 8);
    let mut encoder = GzEncoder::new(room, Compression::new(level));
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    compressed.expect("memory takes what is written to it")
}

/// Returns the bytes of this gzip form; `None` if it is not one stream, intact to its end, of
/// exactly `length` bytes. It uses memory for at most one byte more.
pub fn inflate(form: &[u8], length: usize) -> Option<Vec<u8>> {
    // One byte more than expected, to detect longer streams. At the end the decoder verifies the
    // stream's own checksum.
    let most = length + 1;
    let mut bytes = Vec::with_capacity(most);
    let mut decoder = GzDecoder::new(form);
    decoder.by_ref().take(most as u64).read_to_end(&mut bytes).ok()?;
    let has_ended = decoder.into_inner().is_empty();
    (bytes.len() == length && has_ended).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] = b"the same words, the same words, the same words, the same words";

    #[test]
    fn a_form_inflates_only_to_its_exact_length() {
        let form = compress(TEXT);
        assert!(form.len() < TEXT.len());
        assert_eq!(inflate(&form, TEXT.len()).as_deref(), Some(TEXT));
        assert_eq!(inflate(&form, TEXT.len() - 1), None);
        assert_eq!(inflate(&form, TEXT.len() + 1), None);
        assert_eq!(inflate(&form, 0), None);
    }

    #[test]
    fn a_form_is_one_whole_stream() {
        let form = compress(TEXT);
        for cut in 0..form.len() {
            assert_eq!(inflate(&form[..cut], TEXT.len()), None, "cut at {cut}");
        }
        let two = [&*form, &*form].concat();
        assert_eq!(inflate(&two, TEXT.len()), None, "another stream behind it");
        assert_eq!(inflate(&two, 2 * TEXT.len()), None);
        assert_eq!(inflate(&[&*form, b"\0"].concat(), TEXT.len()), None, "a byte behind it");
    }

    #[test]
    fn a_stream_that_does_not_match_its_checksum_is_none() {
        let mut form = compress(TEXT);
        let crc = form.len() - 8;
        form[crc] ^= 1;
        assert_eq!(inflate(&form, TEXT.len()), None);
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_its_length_says() {
        let bomb = compress(&vec![0; 64 << 20]);
        let taken = allocation_counter::measure(|| assert_eq!(inflate(&bomb, 1 << 10), None));
        assert!(taken.bytes_max < 1 << 20, "{} bytes", taken.bytes_max);
    }

    proptest! {
        #[test]
        fn all_bytes_come_back(bytes in vec(any::<u8>(), 0..2000), level in 1u32..=9) {
            prop_assert_eq!(inflate(&compress_at(level, &bytes), bytes.len()), Some(bytes));
        }
    }
}
