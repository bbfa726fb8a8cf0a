//! Properties of the signature of a webhook.

use crate::secret::{Secret, Signature};

use super::CANARY;

/// Reads a header as the signature of the remaining bytes. A forged signature is never accepted.
pub fn signature(data: &[u8]) {
    let (header, body) =
        data.split_at(data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len()));
    let Some(signature) = Signature::parse(header) else { return };
    assert_eq!(header.len(), 71);
    let secrets = Secret::new(CANARY).into_iter().collect::<Vec<_>>();
    assert!(!signature.is_of(body, &secrets));
}
