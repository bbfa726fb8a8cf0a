//! The memory that a hostile upstream can make the process hold: at most twice the limit of a body,
//! for each exchange in progress.

use crate::LATEST;
use crate::support::github::{Failure, GitHub, Wire};
use crate::support::process::{Running, Setup};

/// The default of `MAX_UPSTREAM_RESPONSE_BYTES`.
const LIMIT_BYTES: u64 = 10 * 1024 * 1024;
const MOST_PER_EXCHANGE: u64 = 2 * LIMIT_BYTES;
/// The memory of a socket, its TLS and the allocator beside a body in progress.
const BUFFERS: u64 = 4 * 1024 * 1024;
const GIGABYTE: u64 = 1_000_000_000;
const JSON: &str = "content-type: application/json";

/// Starts a process and serves one document, so that its memory includes all one-time allocations.
async fn start(github: &GitHub) -> Running {
    github.release("octo/app").serve();
    // The timeout lets a busy machine reach the limit.
    let svm = Setup::new().behind(github).set("UPSTREAM_TIMEOUT", "60s").start().await;
    assert_eq!(svm.version(LATEST).await.status, 200);
    svm.written(1).await;
    svm
}

fn documents(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("https://api.github.com/repos/octo/app/hostile/{n}"))
}

/// Returns the rise of the peak while this many documents are requested at once and GitHub answers
/// all of them with this failure.
async fn rise(failure: &Failure, at_once: usize, want: (u16, &str)) -> u64 {
    let github = GitHub::start().await;
    let svm = start(&github).await;
    let before = svm.peak_bytes();
    let _ = github.fail_all(failure.clone());
    let asked = documents(at_once).map(|url| svm.version(&url));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!((answer.status.as_u16(), answer.header("x-cache")), (want.0, "MISS"));
        assert!(answer.header("cache-status").ends_with(want.1), "{}", answer.summary());
    }
    // The system counts pages per processor, and its sum is inexact.
    let rise = svm.peak_bytes().saturating_sub(before);
    svm.terminate().await.assert_code(0);
    rise
}

async fn stays_within(most: u64, name: &str, failure: Failure, want: (u16, &str)) {
    for at_once in [1, 4] {
        let (rise, most) = (rise(&failure, at_once, want).await, at_once as u64 * most);
        eprintln!("{name}, {at_once} at once: {} KiB of {}", rise / 1024, most / 1024);
        assert!(rise <= most, "{name}, {at_once} at once: {rise} of {most} bytes");
    }
}

const TOO_LARGE: (u16, &str) = (502, "detail=too-large");

#[tokio::test]
async fn an_endless_body_costs_at_most_twice_the_limit() {
    stays_within(MOST_PER_EXCHANGE, "endless", Failure::EndlessBody, TOO_LARGE).await;
}

#[tokio::test]
async fn a_body_of_10_gb_costs_at_most_twice_the_limit() {
    let megabyte = vec![b' '; 1_000_000];
    let head = format!("{JSON}\ncontent-length: {}", 10 * GIGABYTE);
    let body = Wire::head("200 OK", &head).then_repeated(megabyte, 10_000);
    stays_within(MOST_PER_EXCHANGE, "10 GB", Failure::Wire(body), TOO_LARGE).await;
}

#[tokio::test]
async fn a_highly_compressed_body_costs_at_most_twice_the_limit() {
    stays_within(MOST_PER_EXCHANGE, "1:1000", Failure::GzipBomb, TOO_LARGE).await;
}

#[tokio::test]
async fn a_body_that_is_taken_is_there_twice_for_a_moment() {
    let body = format!("\"{}\"", "x".repeat(usize::try_from(LIMIT_BYTES).unwrap() - 2));
    let whole = Failure::Wire(Wire::whole("200 OK", JSON, body));
    stays_within(MOST_PER_EXCHANGE + BUFFERS, "just the limit", whole, (200, "ttl=86400")).await;
}

#[tokio::test]
async fn bytes_beside_a_body_cost_less_than_one() {
    let chunked = format!("{JSON}\ntransfer-encoding: chunked");
    let trailers = Wire::head("200 OK", &chunked).then("2\r\n{}\r\n0\r\n");
    let chunks = Wire::head("200 OK", &chunked).then("2;");
    for (name, wire, want) in [
        ("headers", Wire::new("HTTP/1.1 200 OK\r\nx: ").then_for_ever("x"), "detail=unreachable"),
        ("trailers", trailers.then_for_ever("x-more: 1\r\n"), "detail=cut-short"),
        ("an extension", chunks.then_for_ever("x"), "detail=cut-short"),
        ("an error", Wire::head("500 x", JSON).then_for_ever("x"), "detail=server-error"),
    ] {
        let status = if want.ends_with("error") { 500 } else { 502 };
        let rise = rise(&Failure::Wire(wire), 1, (status, want)).await;
        eprintln!("{name}: {} KiB", rise / 1024);
        assert!(rise < LIMIT_BYTES, "{name}: {rise} bytes");
    }
}
