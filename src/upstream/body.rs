//! Reads an upstream's body: bounded while it streams, and complete or not at all.

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use serde::de::IgnoredAny;

use super::Reason;

/// Of an error, as much as a message needs.
const ERROR_LIMIT: usize = 64 * 1024;

/// The whole body, counted in decoded bytes.
pub(super) async fn read(response: &mut Response, limit: u64) -> Result<Bytes, Reason> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Reason::CutShort)? {
        if chunk.len() > limit - body.len() {
            return Err(Reason::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    // An entry may live for days: it must not hold on to the slack of a growing buffer.
    Ok(Bytes::from(body.to_vec().into_boxed_slice()))
}

/// The beginning of an error's body; whatever goes wrong, what has arrived will do.
pub(super) async fn read_error(response: &mut Response) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_LIMIT - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Bytes::from(body.to_vec().into_boxed_slice())
}

/// Whether `body` is one JSON value in valid UTF-8; nothing is built, and depth costs no stack.
pub(super) fn is_json(body: &[u8]) -> bool {
    // The parser skips over the strings that it ignores without a look at their encoding.
    std::str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_is_told_from_what_looks_like_it() {
        for (body, want) in [
            (r#"{"tag_name":"v1"}"#, true),
            (" [1, 2.5e3, null] \n", true),
            (r#""text""#, true),
            ("", false),
            ("{", false),
            ("<html></html>", false),
            (r#"{"a":1} x"#, false),
            (r#"{"a":1}{"b":2}"#, false),
            (r#"{'a':1}"#, false),
            ("\u{feff}{}", false),
            ("404: Not Found", false),
        ] {
            assert_eq!(is_json(body.as_bytes()), want, "{body:?}");
        }
    }

    #[test]
    fn a_string_must_be_valid_utf_8() {
        assert!(!is_json(b"{\"name\":\"\xff\xfe\"}"));
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 100_000;
        assert!(is_json(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes()));
        assert!(!is_json("[".repeat(depth).as_bytes()));
    }
}
