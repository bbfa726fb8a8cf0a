//! The form of a value in a line of `.env`.

/// Quotes the value so that a line `NAME=` with it is read as this value. Returns `None` for a
/// value with control characters, which must not reach a terminal.
pub fn quoted(value: &str) -> Option<String> {
    if value.chars().any(is_unprintable) {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:,=@%+*[]~".contains(c);
    if value.chars().all(is_plain) {
        return Some(value.to_owned());
    }
    // Within single quotes no character has a meaning. But when the parser looks for the end of the
    // line, it takes a backslash for an escape.
    if !value.contains(['\'', '\\', '\n']) {
        return Some(format!("'{value}'"));
    }
    Some(double_quoted(value))
}

/// Returns the value in double quotes, with escapes.
pub(super) fn double_quoted(value: &str) -> String {
    let escaped = value.chars().fold(String::new(), |mut text, c| {
        match c {
            '\n' => text.push_str("\\n"),
            '\\' | '"' | '$' => text.extend(['\\', c]),
            c => text.push(c),
        }
        text
    });
    format!("\"{escaped}\"")
}

fn is_unprintable(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::super::Dotenv;
    use super::{is_unprintable, quoted};

    #[test]
    fn quotes_are_used_where_they_are_needed() {
        for (value, want) in [
            ("", ""),
            ("300ms", "300ms"),
            ("[::1]:80=a:1,b@c", "[::1]:80=a:1,b@c"),
            ("/var/lib/svm data", "'/var/lib/svm data'"),
            ("a#b", "'a#b'"),
            ("$HOME", "'$HOME'"),
            ("\"x\"", "'\"x\"'"),
            ("it's $5", "\"it's \\$5\""),
            ("a\\b", "\"a\\\\b\""),
            ("a\nb", "\"a\\nb\""),
        ] {
            assert_eq!(quoted(value).as_deref(), Some(want), "{value:?}");
        }
        assert_eq!(quoted("\u{1b}[31m"), None);
    }

    proptest! {
        #[test]
        fn a_line_is_read_as_the_value(value in "[\\PC\n\t]{0,40}|[a-z'\"\\\\$#{} \n\t=]{0,20}") {
            prop_assume!(!value.contains(is_unprintable));
            let line = format!("NAME={}  # default", quoted(&value).expect("no control character"));
            let path = PathBuf::from("/app/.env");
            let Ok(read) = Dotenv::parse(path, format!("A=1\n{line}\nB=2").as_bytes()) else {
                return Err(TestCaseError::fail(format!("{line:?} is refused")));
            };
            let names: Vec<_> = read.pairs().collect();
            prop_assert_eq!(names, [("A", "1"), ("NAME", &*value), ("B", "2")]);
        }
    }
}
