//! JSON Pointers (RFC 6901), and the search for the value that a pointer names.
//!
//! The search reads the bytes of a document once, up to the end of the value, and allocates no
//! tree: it returns the bytes of the value itself.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};
use serde_json::value::RawValue;

/// The length of the longest pointer, in bytes.
const LONGEST: usize = 256;
/// The most steps of a pointer. A client cannot select a deeper part of a document.
const MOST_STEPS: usize = 32;

/// A JSON Pointer: for each step, the name of a member or the index of an element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JsonPointer(Box<[Box<str>]>);

impl JsonPointer {
    /// Parses a pointer: the empty text for the whole document, or steps with a slash before each
    /// one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Box::default()));
        }
        if text.len() > LONGEST {
            return None;
        }
        let steps = text.strip_prefix('/')?.split('/').map(step).collect::<Option<Box<[_]>>>()?;
        (steps.len() <= MOST_STEPS).then_some(Self(steps))
    }

    /// Returns the bytes of the value, if the document has it. Of several members with the same
    /// name, the first one counts.
    pub fn find<'a>(&self, json: &'a str) -> Option<&'a str> {
        let found = Cell::new(None);
        let mut reader = serde_json::Deserializer::from_str(json);
        // The reader stops at the end of the value with an error, so an error does not mean that
        // the value is absent.
        let _ = Search { steps: &self.0, found: &found }.deserialize(&mut reader);
        found.get()
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// Decodes a step: `~1` is a slash, and `~0` is a tilde.
fn step(text: &str) -> Option<Box<str>> {
    let mut pieces = text.split('~');
    let mut step = pieces.next()?.to_owned();
    for piece in pieces {
        step.push(match piece.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        step.push_str(&piece[1..]);
    }
    Some(step.into())
}

/// The search within one value: the steps that remain.
struct Search<'p, 'f, 'de> {
    steps: &'p [Box<str>],
    found: &'f Cell<Option<&'de str>>,
}

impl<'de> DeserializeSeed<'de> for Search<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if self.steps.is_empty() {
            let value = <&RawValue>::deserialize(reader)?;
            self.found.set(Some(value.get()));
            return Ok(());
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (name, steps) = self.steps.split_first().expect("a step to go");
        while let Some(is_it) = members.next_key_seed(Named(name))? {
            if is_it {
                members.next_value_seed(Search { steps, found: self.found })?;
                return Err(A::Error::custom("the way ends here"));
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let (index, steps) = self.steps.split_first().expect("a step to go");
        let Some(index) = index_of(index) else { return Err(A::Error::custom("no index")) };
        for _ in 0..index {
            if elements.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        elements.next_element_seed(Search { steps, found: self.found })?;
        Err(A::Error::custom("the way ends here"))
    }
}

/// Parses the index of an element: digits without a leading zero.
fn index_of(step: &str) -> Option<usize> {
    let is_canonical = step == "0" || !step.starts_with('0');
    let is_number = is_canonical && step.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { step.parse().ok() } else { None }
}

/// The comparison of a member's name with this one.
struct Named<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn found<'a>(pointer: &str, json: &'a str) -> Option<&'a str> {
        JsonPointer::parse(pointer).unwrap().find(json)
    }

    /// The examples of RFC 6901, section 5, with the raw text of each value.
    #[test]
    fn the_examples_of_the_standard_are_found() {
        let json = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4,
            "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;
        for (pointer, value) in [
            ("", json),
            ("/foo", r#"["bar", "baz"]"#),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            assert_eq!(found(pointer, json), Some(value), "{pointer}");
            assert_eq!(JsonPointer::parse(pointer).unwrap().to_string(), pointer);
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let json = r#"{"a": [1, {"b": null}], "c": "text", "d": 1.5}"#;
        for pointer in [
            "/b",
            "/a/2",
            "/a/-",
            "/a/01",
            "/a/+1",
            "/a/x",
            "/a/",
            "/c/0",
            "/d/e",
            "/a/1/b/c",
            "/A",
            "/a/99999999999999999999",
        ] {
            assert_eq!(found(pointer, json), None, "{pointer}");
        }
        assert_eq!(found("/a/1/b", json), Some("null"));
    }

    #[test]
    fn the_first_of_equal_names_counts() {
        assert_eq!(found("/a", r#"{"a":1,"a":2}"#), Some("1"));
        assert_eq!(found("/a/b", r#"{"a":{},"a":{"b":2}}"#), None);
    }

    #[test]
    fn text_that_is_no_pointer_is_refused() {
        let (long, deep) = ("/x".repeat(20) + &"x".repeat(300), "/x".repeat(33));
        for text in ["a", "a/b", "#/a", "/~", "/~2", "/a~", "~0", &long, &deep] {
            assert_eq!(JsonPointer::parse(text), None, "{text}");
        }
    }

    /// Generates documents whose member names also occur in the generated pointers.
    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[a~/\"\\\\]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[ab~/]{0,2}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_library(
            document in document(), steps in proptest::collection::vec("[ab~/0-2]{0,2}", 0..5)
        ) {
            let escape = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
            let pointer: String = steps.iter().map(escape).collect();
            let text = document.to_string();
            let found = JsonPointer::parse(&pointer).unwrap().find(&text);
            let expected = document.pointer(&pointer).map(Value::to_string);
            prop_assert_eq!(found, expected.as_deref());
        }
    }
}
