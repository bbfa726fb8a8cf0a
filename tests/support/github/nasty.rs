//! Answers that the real GitHub does not send but that a client must survive: broken bodies and
//! broken headers.

use std::sync::OnceLock;

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::answer::Answer;
use super::document::gzip;
use super::received::Received;

const JSON: &str = "application/json; charset=utf-8";
const MEBIBYTE: usize = 1 << 20;
const BOMB_MEBIBYTES: usize = 256;

/// Returns an HTML page.
pub fn html() -> Answer {
    Answer::new(200, "text/html; charset=utf-8", "<!DOCTYPE html>\n<title>Sign in</title>\n")
}

/// Returns a document with bytes that are not UTF-8.
pub fn invalid_utf8() -> Answer {
    Answer::new(200, JSON, b"{\"tag_name\":\"\xff\xfe\"}")
}

/// Returns a document that is deeper than any stack.
pub fn deep_json() -> Answer {
    let depth = 100_000;
    Answer::new(200, JSON, "[".repeat(depth) + &"]".repeat(depth))
}

/// Returns an answer with 1,000 headers.
pub fn many_headers() -> Answer {
    (0..1_000)
        .fold(Answer::new(200, JSON, "{}"), |answer, n| answer.header(&format!("x-many-{n}"), "1"))
}

/// Returns a tag with a comma, a blank, and a byte that is not ASCII.
pub fn odd_etag() -> Answer {
    Answer::new(200, JSON, "{}").header("etag", b"\"odd, \xe9tag\"")
}

/// Returns a plain body whose header claims gzip.
pub fn fake_gzip() -> Answer {
    Answer::gzipped(200, JSON, "{\"tag_name\":\"v1\"}")
}

/// Returns a gzip stream that is cut, in a body of the announced length.
pub fn cut_gzip() -> Answer {
    let whole = gzip("{\"tag_name\":\"v1\",\"assets\":[1,2,3,4,5,6,7,8,9]}".as_bytes());
    Answer::gzipped(200, JSON, &whole[..whole.len() / 2])
}

/// Returns blanks and an empty object: valid JSON at its end, after 256 MiB.
pub fn gzip_bomb() -> Answer {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    Answer::gzipped(200, JSON, BOMB.get_or_init(bomb).as_slice())
}

/// Returns a `304` to a request without a condition.
pub fn unasked_not_modified() -> Answer {
    Answer::empty(304).header("etag", "\"unasked\"")
}

/// Returns a redirect to the requested URL.
pub fn redirect_loop(request: &Received) -> Answer {
    let location = format!("https://{}{}", request.host, request.target);
    Answer::new(301, JSON, "{\"message\":\"Moved Permanently\"}").header("location", location)
}

/// Compresses one mebibyte of blanks and repeats it. The compressed block ends at a full flush, so
/// it refers to nothing before it.
fn bomb() -> Vec<u8> {
    let blanks = vec![b' '; MEBIBYTE];
    let end = b"{}";
    let block = deflate(&blanks, FlushCompress::Full);
    let mut stream = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    let (mut sum, mut of_blanks, mut of_end) = (Crc::new(), Crc::new(), Crc::new());
    of_blanks.update(&blanks);
    of_end.update(end);
    for _ in 0..BOMB_MEBIBYTES {
        stream.extend(&block);
        sum.combine(&of_blanks);
    }
    stream.extend(deflate(end, FlushCompress::Finish));
    sum.combine(&of_end);
    stream.extend(sum.sum().to_le_bytes());
    stream.extend(sum.amount().to_le_bytes());
    stream
}

fn deflate(bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(64 * 1024);
    Compress::new(Compression::best(), false)
        .compress_vec(bytes, &mut compressed, flush)
        .expect("a compressible block");
    compressed
}
