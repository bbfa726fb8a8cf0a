//! A property of the query string of `/version`.

use std::fmt::Write;

use crate::http::query::VersionQuery;

/// Checks that a parsed query can be written and parsed again, and contains only text of the input.
pub fn query(data: &[u8]) {
    let Some(raw) = super::text(data) else { return };
    let Ok(read) = VersionQuery::parse(Some(raw)) else { return };
    assert!(!read.url.is_empty());
    let urls = raw.split('&').filter(|piece| piece.starts_with("url="));
    assert_eq!(urls.clone().count(), 1);
    // The value is decoded at most once, and unchanged without a percent sign.
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
