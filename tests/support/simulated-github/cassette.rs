//! Cassettes that betamax has recorded: JSON with the bodies of answers, often as the original gzip
//! in base64.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;

/// Returns the JSON bodies of the `200` answers in a cassette, byte for byte; `None` if `file` is
/// not a cassette.
pub(crate) fn bodies(file: &Value) -> Option<Vec<Vec<u8>>> {
    let interactions = file.get("http_interactions")?.as_array()?;
    let answers = interactions.iter().map(|interaction| &interaction["response"]);
    let good = answers.filter(|answer| answer["status"]["code"] == 200);
    let bodies = good.filter_map(|answer| body(&answer["body"]));
    Some(bodies.filter(|body| serde_json::from_slice::<Value>(body).is_ok()).collect())
}

fn body(body: &Value) -> Option<Vec<u8>> {
    let Some(text) = body["base64_string"].as_str() else {
        return Some(body["string"].as_str()?.as_bytes().to_vec());
    };
    let bytes = base64(text)?;
    let mut unpacked = Vec::new();
    match GzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked) {
        Ok(_) => Some(unpacked),
        // The body is not compressed.
        Err(_) => Some(bytes),
    }
}

/// Decodes standard base64. It is written by hand, since nothing else in this tree needs it.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.bytes().filter(|byte| !matches!(byte, b'=' | b'\n' | b'\r')).map(digit).collect();
    let bytes = digits?
        .chunks(4)
        .flat_map(|group| {
            let bits = group.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit));
            let [_, bytes @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
            bytes.into_iter().take(group.len() * 6 / 8).collect::<Vec<_>>()
        })
        .collect();
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let position = ALPHABET.iter().position(|known| *known == byte)?;
    u8::try_from(position).ok()
}
