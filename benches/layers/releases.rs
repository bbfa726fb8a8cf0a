//! Many documents, whose size does not matter.

use crate::support::documents::Document;

/// The latest releases of as many repositories, a small document each.
pub(crate) fn releases(count: usize) -> Vec<Document> {
    let release = |number| Document {
        path: format!("/repos/octo/application-{number}/releases/latest"),
        body: format!(r#"{{"tag_name":"v1.0.{number}"}}"#).into_bytes(),
    };
    (0..count).map(release).collect()
}
