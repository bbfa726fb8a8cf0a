//! Text that hardly compresses, where a test is about the bytes that are stored or sent.

/// So much of it, always the same; it may stand in a JSON string, and its gzip form saves a
/// quarter.
pub fn noise(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(length as u64);
    std::iter::repeat_with(|| char::from(random.u8(b'#'..=b'Z'))).take(length).collect()
}
