//! Answers that the real GitHub does not send and a client must survive: broken bodies and broken
//! headers.

use std::sync::OnceLock;

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::answer::Answer;
use super::document::gzip;
use super::received::Received;

const JSON: &str = "application/json; charset=utf-8";
const MEBIBYTE: usize = 1 << 20;
const BOMB_MEBIBYTES: usize = 256;

/// A page for people.
pub fn html() -> Answer {
    Answer::new(200, "text/html; charset=utf-8", "<!DOCTYPE html>\n<title>Sign in</title>\n")
}

/// Bytes that are no UTF-8, where text belongs.
pub fn invalid_utf8() -> Answer {
    Answer::new(200, JSON, b"{\"tag_name\":\"\xff\xfe\"}")
}

/// Deeper than any stack.
pub fn deep_json() -> Answer {
    let depth = 100_000;
    Answer::new(200, JSON, "[".repeat(depth) + &"]".repeat(depth))
}

/// More headers than anybody wants.
pub fn many_headers() -> Answer {
    (0..1_000)
        .fold(Answer::new(200, JSON, "{}"), |answer, n| answer.header(&format!("x-many-{n}"), "1"))
}

/// A tag with a comma, a blank, and a byte that is no ASCII.
pub fn odd_etag() -> Answer {
    Answer::new(200, JSON, "{}").header("etag", b"\"odd, \xe9tag\"")
}

/// Not what its header says.
pub fn fake_gzip() -> Answer {
    Answer::gzipped(200, JSON, "{\"tag_name\":\"v1\"}")
}

/// Whole by its length, cut by its content.
pub fn cut_gzip() -> Answer {
    let whole = gzip("{\"tag_name\":\"v1\",\"assets\":[1,2,3,4,5,6,7,8,9]}".as_bytes());
    Answer::gzipped(200, JSON, &whole[..whole.len() / 2])
}

/// Blanks and an empty object: valid JSON, if anybody gets to its end.
pub fn gzip_bomb() -> Answer {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    Answer::gzipped(200, JSON, BOMB.get_or_init(bomb).as_slice())
}

/// Unchanged since a question nobody asked.
pub fn unasked_not_modified() -> Answer {
    Answer::empty(304).header("etag", "\"unasked\"")
}

/// To where the client already is.
pub fn redirect_loop(request: &Received) -> Answer {
    let location = format!("https://{}{}", request.host, request.target);
    Answer::new(301, JSON, "{\"message\":\"Moved Permanently\"}").header("location", location)
}

/// One compressed mebibyte, as often as wanted: it ends at a full flush, so nothing in it refers to
/// what precedes it.
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
