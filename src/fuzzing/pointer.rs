//! Properties of JSON Pointers.

use serde_json::Value;

use crate::http::selection::JsonPointer;

/// Reads the pointer from the first line and the document from the others. The reader agrees with
/// the library wherever the library reads the document, and finds bytes of the document.
pub fn pointer(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (text, document) = text.split_once('\n').unwrap_or((text, ""));
    let Some(pointer) = JsonPointer::parse(text) else { return };
    assert_eq!(pointer.to_string(), text, "one spelling");
    let found = pointer.find(document);
    if let Some(found) = found {
        let range = document.as_bytes().as_ptr_range();
        assert!(range.contains(&found.as_ptr()), "a part of the document");
    }
    let Ok(value) = serde_json::from_str::<Value>(document) else { return };
    let found = found.map(|it| serde_json::from_str(it).expect("a JSON value"));
    // The library spells a document with duplicate names in another way: it keeps only the last of
    // them.
    let spelled = value.to_string();
    if spelled == document {
        assert_eq!(found.as_ref(), value.pointer(text));
    }
}
