//! Text that compresses badly, for tests of stored or sent bytes.

/// Returns text of this length, always the same. It is valid in a JSON string, and its gzip form
/// saves a quarter.
pub fn noise(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(length as u64);
    std::iter::repeat_with(|| char::from(random.u8(b'#'..=b'Z'))).take(length).collect()
}
