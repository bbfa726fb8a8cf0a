//! Content codings of other servers: the answer of the rules in another coding.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::backend::Reply;
use super::document::gzip;

/// A way to encode an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Coding {
    /// gzip, with these values in the header, one line each.
    Named(&'static [&'static str]),
    /// gzip with this number of members, which share the bytes.
    Members(usize),
    /// gzip, followed by these bytes.
    WithBehind(&'static [u8]),
}

impl Coding {
    /// Encodes an answer again.
    pub(super) fn recode(&self, reply: &mut Reply) {
        if reply.body.is_empty() {
            return;
        }
        let plain = plain(reply);
        let (names, body) = match self {
            Self::Named(names) => (*names, gzip(&plain)),
            Self::Members(count) => {
                let members = plain.chunks(plain.len().div_ceil(*count)).map(gzip);
                (&["gzip"][..], members.collect::<Vec<_>>().concat())
            }
            Self::WithBehind(behind) => (&["gzip"][..], [&gzip(&plain), *behind].concat()),
        };
        reply.headers.remove(CONTENT_ENCODING);
        for name in names {
            reply.headers.append(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        reply.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        reply.body = body;
    }
}

/// Returns the body without the coding of the rules.
fn plain(reply: &Reply) -> Vec<u8> {
    let mut plain = Vec::new();
    if reply.headers.contains_key(CONTENT_ENCODING) {
        let read = MultiGzDecoder::new(reply.body.as_slice()).read_to_end(&mut plain);
        read.expect("what the rules compressed");
        return plain;
    }
    reply.body.clone()
}
