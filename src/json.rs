//! A validity check for JSON, and a walk over a list, that build no values.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

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

/// Passes each element of a JSON array to `look`. The array itself takes no memory: one of 10 MiB
/// may have millions of elements.
///
/// # Errors
///
/// If the text is anything else; `look` may have seen elements by then.
pub(crate) fn for_each_element<'a>(
    list: &'a str,
    look: impl FnMut(&'a str),
) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(list);
    reader.deserialize_seq(EachElement(look))?;
    reader.end()
}

struct EachElement<F>(F);

impl<'a, F: FnMut(&'a str)> Visitor<'a> for EachElement<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<&RawValue>()? {
            (self.0)(element.get());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{elements, for_each_element, is_valid};

    #[test]
    fn each_element_of_an_array_is_passed_on() {
        let walk = |list| {
            let mut seen = Vec::new();
            for_each_element(list, |element| seen.push(element)).map(|()| seen).ok()
        };
        assert_eq!(
            walk(r#" [1, [2, "]"], {"a": []}] "#),
            Some(vec!["1", r#"[2, "]"]"#, r#"{"a": []}"#])
        );
        assert_eq!(walk("[]"), Some(vec![]));
        for other in ["{}", "1", "", "[1", "[1,]", "[1] 2", "null"] {
            assert_eq!(walk(other), None, "{other}");
        }
    }

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
