//! A validity check for JSON that builds no values.

use serde::de::IgnoredAny;

/// Returns true if `bytes` are one JSON value in valid UTF-8. It allocates nothing, and depth costs
/// no stack.
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    // The parser does not check the encoding of strings that it ignores.
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Returns the number of elements, if `bytes` are a JSON array.
pub(crate) fn elements(bytes: &[u8]) -> Option<usize> {
    serde_json::from_slice::<Vec<IgnoredAny>>(bytes).ok().map(|elements| elements.len())
}

#[cfg(test)]
mod tests {
    use super::{elements, is_valid};

    #[test]
    fn the_elements_of_an_array_are_counted() {
        for (body, want) in
            [("[]", Some(0)), (" [1, [2, 3], {\"a\": []}] ", Some(3)), ("{}", None), ("[1", None)]
        {
            assert_eq!(elements(body.as_bytes()), want, "{body}");
        }
    }

    #[test]
    fn invalid_json_is_refused() {
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
            assert_eq!(is_valid(body.as_bytes()), want, "{body:?}");
        }
    }

    #[test]
    fn a_string_must_be_valid_utf_8() {
        assert!(!is_valid(b"{\"name\":\"\xff\xfe\"}"));
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 100_000;
        assert!(is_valid(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes()));
        assert!(!is_valid("[".repeat(depth).as_bytes()));
    }
}
