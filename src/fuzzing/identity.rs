//! A property of the answers to `GET /user`.

use super::rate_limit::{FuzzedAnswer, NOW};
use crate::upstream::identity::Finding;

/// Checks that only a `200` names an account, and only a `401` refuses the token.
pub fn identity(data: &[u8]) {
    let Some(FuzzedAnswer { status, headers, body }) = FuzzedAnswer::read(data) else { return };
    match Finding::read(status, &headers, body, NOW) {
        Finding::Known(identity) => {
            assert_eq!(status, 200);
            let said = serde_json::from_slice::<serde_json::Value>(body).expect("JSON");
            assert_eq!(said["id"].as_u64(), Some(identity.id));
            assert_eq!(said["login"].as_str(), Some(&*identity.login));
        }
        Finding::Refused => assert_eq!(status, 401),
        Finding::NoUser => assert_eq!(status, 403),
        Finding::Limited(_) => assert!(matches!(status.as_u16(), 403 | 429)),
        Finding::NoAnswer => assert!(status.as_u16() >= 500),
        Finding::Unclear => assert!(status.as_u16() < 500),
    }
}
