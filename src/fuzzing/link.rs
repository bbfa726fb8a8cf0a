//! Properties of `Link`.

use http::HeaderValue;

use crate::entry::{Links, Relation};

/// Reads the lines of the header. All links belong to the host, are valid in a header, and stay the
/// same when they are read again.
pub fn link(data: &[u8]) {
    let lines = data.split(|&byte| byte == b'\n');
    let links = Links::parse(lines, "api.github.com");
    let mut header = Vec::new();
    for relation in Relation::ALL {
        let Some(url) = links.url(relation) else { continue };
        assert!(url.starts_with("https://api.github.com/"), "{url}");
        assert!(HeaderValue::from_str(url).is_ok(), "{url}");
        header.push(format!("<{url}>; rel=\"{}\"", relation.as_str()));
    }
    assert!(header.join(", ").len() <= 2_300);
    assert_eq!(Links::parse([header.join(", ").as_bytes()], "api.github.com"), links);
}
