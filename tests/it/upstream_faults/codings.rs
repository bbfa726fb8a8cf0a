//! Content codings: svm requests only gzip, and decodes nothing else.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::{
    CUT_SHORT, DOCUMENT, JSON, MAX_BODY_BYTES, NOT_JSON, TOO_LARGE, app, refused, taken, with,
};
use crate::LATEST;
use crate::support::github::{Coding, Failure, Wire};

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
            // Brotli and Zstandard of an empty object, which svm does not decode.
            ("br", with("content-encoding: br", b"\x0b\x00\x80{}\x03")),
            ("zstd", with("content-encoding: zstd", b"\x28\xb5\x2f\xfd\x20\x02\x11\0\0{}")),
            ("compress", with("content-encoding: compress", b"\x1f\x9d\x90\x7b\xfa\x01")),
            ("an unknown one", with("content-encoding: quantum", &once)),
            ("two spellings of gzip", with("content-encoding: GZIP, x-gzip", &twice)),
            ("gzip and another one", with("content-encoding: gzip\ncontent-encoding: br", &once)),
            ("one that is not true", with("content-encoding: br", DOCUMENT)),
            ("two that are not true", with("content-encoding: gzip, gzip", &once)),
        ],
    )
    .await;
}

#[tokio::test]
async fn gzip_and_no_coding_are_taken_in_any_spelling() {
    let once = gzip(DOCUMENT.as_bytes());
    taken([
        ("gzip", with("content-encoding: gzip", &once), DOCUMENT.as_bytes()),
        ("in capitals", with("content-encoding: GZIP", &once), DOCUMENT.as_bytes()),
        ("in both", with("Content-Encoding: GZip", &once), DOCUMENT.as_bytes()),
        ("by its old name", with("content-encoding: x-gzip", &once), DOCUMENT.as_bytes()),
        ("by that in capitals", with("content-encoding: X-GZIP", &once), DOCUMENT.as_bytes()),
        ("in a list", with("content-encoding: , gzip ,", &once), DOCUMENT.as_bytes()),
        ("beside none", with("content-encoding: Identity\ncontent-encoding: gzip", &once), {
            DOCUMENT.as_bytes()
        }),
        ("no coding, in capitals", with("content-encoding: IDENTITY", DOCUMENT), {
            DOCUMENT.as_bytes()
        }),
        ("identity", with("content-encoding: identity", DOCUMENT), DOCUMENT.as_bytes()),
        ("an empty name", with("content-encoding:", DOCUMENT), DOCUMENT.as_bytes()),
    ])
    .await;
}

#[tokio::test]
async fn all_members_of_a_gzip_body_are_read() {
    let document = format!("[{}{DOCUMENT}]", format!("{DOCUMENT},").repeat(1000));
    let members = |size: usize| {
        let members = document.as_bytes().chunks(size).map(gzip);
        with("content-encoding: gzip", members.collect::<Vec<_>>().concat())
    };
    let with_empty = [gzip(b""), gzip(document.as_bytes()), gzip(b"")].concat();
    taken([
        ("two", members(document.len() - 7), document.as_bytes()),
        ("a hundred", members(document.len() / 100), document.as_bytes()),
        ("empty ones", with("content-encoding: gzip", with_empty), document.as_bytes()),
        (
            "the first is a document",
            { with("content-encoding: gzip", [gzip(b"[]"), gzip(b" ")].concat()) },
            b"[] ",
        ),
    ])
    .await;
    // The first member holds a document, but not the one that was sent.
    let two = [gzip(DOCUMENT.as_bytes()), gzip(b"x")].concat();
    refused(NOT_JSON, [("half a document", with("content-encoding: gzip", two))]).await;
}

#[tokio::test]
async fn a_document_is_revalidated_whatever_its_coding() {
    for coding in [Coding::Named(&["GZIP"]), Coding::Named(&["x-gzip", ""]), Coding::Members(3)] {
        let app = app().await;
        let plain = app.version(LATEST).await.body;
        app.github.publish("octo/app", "v2.0.0");
        app.github.fail_all(Failure::Coded(coding.clone()));
        let fresh = app.refresh(LATEST).await;
        assert_eq!(fresh.json()["tag_name"], "v2.0.0", "{coding:?}");
        assert_ne!(fresh.body, plain, "{coding:?}");
        let again = app.refresh(LATEST).await;
        assert_eq!(again.header("x-cache"), "REVALIDATED", "{coding:?}: {}", again.summary());
    }
}

#[tokio::test]
async fn the_words_of_an_error_are_read_in_any_coding() {
    let limit = br#"{"message":"You have exceeded a secondary rate limit."}"#;
    let halves = [gzip(&limit[..20]), gzip(&limit[20..])].concat();
    // Complete members count, even with other bytes after them.
    let cut = [gzip(limit), b"\x1f".to_vec()].concat();
    for (name, body) in
        [("GZIP", gzip(limit)), ("x-gzip", gzip(limit)), ("gzip", halves), ("gzip", cut)]
    {
        let app = app().await;
        let headers = format!("{JSON}\ncontent-encoding: {name}");
        app.github.fail_all(Failure::Wire(Wire::whole("403 Forbidden", &headers, body)));
        let answer = app.version(LATEST).await;
        assert_eq!(answer.status, 403, "{name}: {}", answer.summary());
        let message = answer.json()["message"]["message"].clone();
        assert_eq!(message, "You have exceeded a secondary rate limit.", "{name}");
        assert!(answer.header("cache-status").ends_with("detail=limited"), "{name}");
    }
}

#[tokio::test]
async fn an_error_in_an_unknown_coding_speaks_by_its_status() {
    let app = app().await;
    // Brotli of an empty object.
    let headers = format!("{JSON}\ncontent-encoding: br");
    let error = Wire::whole("500 x", &headers, b"\x0b\x00\x80{}\x03");
    app.github.fail_all(Failure::Wire(error));
    let answer = app.version(LATEST).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json()["message"], "Internal Server Error");
}

#[tokio::test]
async fn gzip_that_is_broken_is_cut_short() {
    let whole = gzip(DOCUMENT.as_bytes());
    let mut wrong_sum = whole.clone();
    wrong_sum[whole.len() - 8] ^= 1;
    let mut wrong_length = whole.clone();
    wrong_length[whole.len() - 1] ^= 1;
    let (begin, end) = DOCUMENT.as_bytes().split_at(5);
    let two = [gzip(begin), gzip(end)].concat();
    refused(
        CUT_SHORT,
        [
            ("plain", Failure::FakeGzip),
            ("half of it", Failure::CutGzip),
            ("a wrong checksum", with("content-encoding: gzip", &wrong_sum)),
            ("no trailer", with("content-encoding: gzip", &whole[..whole.len() - 8])),
            ("a wrong length", with("content-encoding: gzip", wrong_length)),
            ("a word behind", Failure::Coded(Coding::WithBehind(b"x"))),
            ("a document behind", Failure::Coded(Coding::WithBehind(DOCUMENT.as_bytes()))),
            ("zeros behind", Failure::Coded(Coding::WithBehind(&[0; 512]))),
            ("half a member behind", Failure::Coded(Coding::WithBehind(b"\x1f\x8b\x08"))),
            ("a second member, cut", with("content-encoding: gzip", &two[..two.len() - 1])),
            (
                "a second member, damaged",
                with("content-encoding: gzip", [&*whole, &wrong_sum].concat()),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_body_that_unpacks_to_too_much_is_refused_meanwhile() {
    let bomb = |blanks: usize| with("content-encoding: GZIP", gzip(&vec![b' '; blanks]));
    let head = Wire::head("200 OK", &format!("{JSON}\ncontent-encoding: gzip"));
    refused(
        TOO_LARGE,
        [
            ("one part in a thousand", Failure::GzipBomb),
            ("a byte too much", bomb(MAX_BODY_BYTES + 1)),
            ("members for ever", Failure::Wire(head.clone().then_for_ever(gzip(b" ")))),
            ("empty members for ever", Failure::Wire(head.then_for_ever(gzip(b"")))),
        ],
    )
    .await;
    let full = format!("\"{}\"", "x".repeat(MAX_BODY_BYTES - 2)).into_bytes();
    taken([("just the limit", with("content-encoding: gzip", gzip(&full)), &full)]).await;
}
