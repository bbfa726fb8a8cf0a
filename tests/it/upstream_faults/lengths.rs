//! Bodies that are longer or shorter than allowed, or than announced.

use super::{CUT_SHORT, DOCUMENT, JSON, TOO_LARGE, UNREACHABLE, refused, taken};
use crate::support::github::{Failure, Wire};

const GIGABYTE: u64 = 1_000_000_000;
const CHUNKED: &str = "transfer-encoding: chunked";

fn wire(headers: &str) -> Wire {
    Wire::head("200 OK", &format!("{JSON}\n{headers}"))
}

fn chunk(bytes: &str) -> String {
    format!("{:x}\r\n{bytes}\r\n", bytes.len())
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_while_it_comes() {
    let huge = wire(&format!("content-length: {}", 10 * GIGABYTE));
    let piece = chunk(&"v".repeat(16 * 1024));
    refused(
        TOO_LARGE,
        [
            ("endless, in chunks", Failure::EndlessBody),
            ("endless, in chunks of a byte", {
                Failure::Wire(wire(CHUNKED).then(chunk("\"")).then_for_ever(chunk("v")))
            }),
            ("endless, to the end of the connection", {
                Failure::Wire(wire("").then("\"").then_for_ever(vec![b'v'; 1024]))
            }),
            ("10 GB, announced", {
                Failure::Wire(huge.then_repeated(vec![b' '; 1_000_000], 10 * GIGABYTE / 1_000_000))
            }),
            ("10 GB, in chunks", {
                Failure::Wire(wire(CHUNKED).then_repeated(piece, 10 * GIGABYTE / (16 * 1024)))
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_body_that_ends_early_is_refused() {
    let short = |headers: &str| wire(headers).then(DOCUMENT);
    refused(
        CUT_SHORT,
        [
            ("cut in the middle", Failure::CutBody),
            ("without its last chunk", Failure::CutChunked),
            ("shorter than announced", Failure::Wire(short("content-length: 18").closed())),
            ("far shorter than announced", {
                Failure::Wire(short("content-length: 199999").closed())
            }),
            ("without length, and TLS is not told of the end", Failure::Wire(short("").cut())),
            ("in chunks, and TLS is not told of the end", {
                Failure::Wire(wire(CHUNKED).then(chunk(DOCUMENT)).cut())
            }),
            ("a chunk with another length", {
                Failure::Wire(wire(CHUNKED).then("5\r\n{\"tag_name\":1}\r\n0\r\n\r\n"))
            }),
            ("a chunk with a length that is no number", {
                Failure::Wire(wire(CHUNKED).then("x\r\n{}\r\n0\r\n\r\n"))
            }),
            ("a chunk with a length past all numbers", {
                Failure::Wire(wire(CHUNKED).then("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"))
            }),
            ("an endless extension of a chunk", {
                Failure::Wire(wire(CHUNKED).then("2;").then_for_ever("x"))
            }),
            ("endless trailers", {
                let body = wire(CHUNKED).then(chunk(DOCUMENT)).then("0\r\n");
                Failure::Wire(body.then_for_ever("x-more: 1\r\n"))
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_length_that_can_be_read_in_two_ways_is_refused() {
    refused(
        UNREACHABLE,
        [
            ("two lengths", {
                Failure::Wire(wire("content-length: 17\ncontent-length: 2").then(DOCUMENT))
            }),
            ("two lengths in one line", {
                Failure::Wire(wire("content-length: 17, 2").then(DOCUMENT))
            }),
            ("a negative one", Failure::Wire(wire("content-length: -17").then(DOCUMENT))),
            ("one with a sign", Failure::Wire(wire("content-length: +17").then(DOCUMENT))),
            ("one in hex", Failure::Wire(wire("content-length: 0x11").then(DOCUMENT))),
            ("one past all numbers", {
                Failure::Wire(wire("content-length: 99999999999999999999").then(DOCUMENT))
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_length_with_one_meaning_is_accepted() {
    let document = DOCUMENT.as_bytes();
    let both = wire("content-length: 2\ntransfer-encoding: chunked");
    let old = |headers: &str| {
        Wire::new(format!("HTTP/1.0 200 OK\r\n{JSON}\r\n{headers}\r\n{DOCUMENT}")).closed()
    };
    taken([
        (
            "one length, twice",
            { Failure::Wire(wire("content-length: 17\ncontent-length: 17").then(DOCUMENT)) },
            document,
        ),
        // The chunks take precedence (RFC 9112, 6.3).
        (
            "a length and chunks",
            { Failure::Wire(both.then(chunk(DOCUMENT)).then("0\r\n\r\n")) },
            document,
        ),
        ("the end of the connection", Failure::Wire(wire("").then(DOCUMENT).closed()), document),
        ("HTTP/1.0 with a length", Failure::Wire(old("content-length: 17\r\n")), document),
        ("HTTP/1.0 without", Failure::Wire(old("")), document),
        (
            "a cut after all that was announced",
            { Failure::Wire(wire("content-length: 17").then(DOCUMENT).cut()) },
            document,
        ),
    ])
    .await;
}
