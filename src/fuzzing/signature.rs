//! Properties of the signature of a webhook.

use crate::secret::{Secret, Signature};

use super::CANARY;

/// Reads a header, and takes it for the signature of the rest: a made-up one is never right.
pub fn signature(data: &[u8]) {
    let (header, body) =
        data.split_at(data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len()));
    let Some(signature) = Signature::parse(header) else { return };
    assert_eq!(header.len(), 71);
    let secrets = Secret::new(CANARY).into_iter().collect::<Vec<_>>();
    assert!(!signature.is_of(body, &secrets));
}
