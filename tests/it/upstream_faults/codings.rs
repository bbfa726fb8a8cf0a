//! Content codings: we ask for gzip alone, and undo nothing else.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::{CUT_SHORT, DOCUMENT, NOT_JSON, TOO_LARGE, refused, taken, with};
use crate::support::github::Failure;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("room in memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("room in memory")
}

#[tokio::test]
async fn a_coding_that_was_not_asked_for_is_not_undone() {
    let (once, twice) = (gzip(DOCUMENT.as_bytes()), gzip(&gzip(DOCUMENT.as_bytes())));
    refused(
        NOT_JSON,
        [
            ("gzip twice, in one line", with("content-encoding: gzip, gzip", &twice)),
            (
                "gzip twice, in two lines",
                with("content-encoding: gzip\ncontent-encoding: gzip", &twice),
            ),
            ("gzip twice, told once", with("content-encoding: gzip", &twice)),
            ("gzip that is not told", with("x-coding: gzip", &once)),
            ("deflate", with("content-encoding: deflate", deflate(DOCUMENT.as_bytes()))),
            // Brotli and Zstandard of an empty object, which nobody here can undo.
            ("br", with("content-encoding: br", b"\x0b\x00\x80{}\x03")),
            ("zstd", with("content-encoding: zstd", b"\x28\xb5\x2f\xfd\x20\x02\x11\0\0{}")),
            ("compress", with("content-encoding: compress", b"\x1f\x9d\x90\x7b\xfa\x01")),
            ("an unknown one", with("content-encoding: quantum", &once)),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_coding_that_is_none_is_taken() {
    let once = gzip(DOCUMENT.as_bytes());
    taken([
        ("gzip", with("content-encoding: gzip", once), DOCUMENT.as_bytes()),
        ("identity", with("content-encoding: identity", DOCUMENT), DOCUMENT.as_bytes()),
        ("an empty name", with("content-encoding:", DOCUMENT), DOCUMENT.as_bytes()),
    ])
    .await;
}

#[tokio::test]
async fn gzip_that_is_broken_is_cut_short() {
    let whole = gzip(DOCUMENT.as_bytes());
    let mut wrong_sum = whole.clone();
    wrong_sum[whole.len() - 8] ^= 1;
    refused(
        CUT_SHORT,
        [
            ("plain", Failure::FakeGzip),
            ("half of it", Failure::CutGzip),
            ("a wrong checksum", with("content-encoding: gzip", wrong_sum)),
            ("no trailer", with("content-encoding: gzip", &whole[..whole.len() - 8])),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_unpacks_to_too_much_is_refused_while_it_does() {
    refused(TOO_LARGE, [("one part in a thousand", Failure::GzipBomb)]).await;
}
