//! The long text in a document: notes of a release that shrink as GitHub's documents do.
//!
//! The gzip form of a single letter, however often, is next to nothing, and so would be what it
//! takes of L1, of the store and of the wire. That of these notes is 12 to 14 % of 7 KB and more,
//! 19 % of 2 KB. They are the beginning of one text, made once, so that they cost a copy.

use std::sync::LazyLock;

use fastrand::Rng;

/// Together longer than what gzip looks back at, which is 32 KiB: otherwise all behind the first
/// text would be a repetition.
const LINES: usize = 400;
const SEED: u64 = 42;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut random = Rng::with_seed(SEED);
    (0..LINES).map(|_| line(random.u128(..))).collect()
});

/// The words of each line are the same; what cannot shrink is its digest.
fn line(digest: u128) -> String {
    format!(
        "* https://github.com/octo/application/releases/download/v1.0.0/application-1.0.0-linux-amd64.tar.gz, \
         downloaded by users of Debian and others, sha256:{digest:032x}. "
    )
}

/// So many bytes of it, always the same; they may stand in a JSON string as they are.
pub(crate) fn notes(bytes: usize) -> String {
    let mut notes = TEXT.repeat(bytes / TEXT.len());
    notes.push_str(&TEXT[..bytes % TEXT.len()]);
    notes
}
