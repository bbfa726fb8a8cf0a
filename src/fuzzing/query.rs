//! The query string of `/version`.

use std::fmt::Write;

use crate::http::query::VersionQuery;

/// What was understood can be written so that it is understood alike, and nothing of it was invented.
pub fn query(data: &[u8]) {
    let Some(raw) = super::text(data) else { return };
    let Ok(read) = VersionQuery::parse(Some(raw)) else { return };
    assert!(!read.url.is_empty());
    let urls = raw.split('&').filter(|piece| piece.starts_with("url="));
    assert_eq!(urls.clone().count(), 1);
    // Decoded once at most, and without a percent sign not at all.
    let written = urls.map(|piece| &piece["url=".len()..]).next().unwrap_or_default();
    assert!(read.url.len() <= written.len());
    assert!(written.contains('%') || read.url == written);

    let again = format!("url={}&refresh={}", encode(&read.url), read.refresh);
    assert_eq!(VersionQuery::parse(Some(&again)).as_ref(), Ok(&read));
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _infallible = write!(encoded, "%{byte:02X}");
        encoded
    })
}
