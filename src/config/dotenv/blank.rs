//! References, such as `$NAME`, to variables that are set in the environment and blank.
//!
//! Blank counts as unset, but the parser takes it for a value. So such a reference gets another
//! name, its alias, which the environment does not have, and each line that sets the variable is
//! followed by one that sets the alias. The subtle thing is a `$` that means nothing, as within
//! single quotes: it is not told apart, and the name of the variable is put back into the value
//! that comes of it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::quoted::double_quoted;

/// Letters and digits, for a name without braces may have no other characters.
const ALIAS: &str = "SVMBLANK";

/// The variables that are blank in the environment, and their aliases.
pub(super) struct Aliases {
    /// How each alias begins. Nothing in the file does.
    prefix: String,
    names: Vec<String>,
    /// The length of the longest variable of the environment that the file refers to.
    pub(super) longest: usize,
}

impl Aliases {
    /// Looks in the environment for all to which the text refers.
    pub(super) fn of(text: &str, environment: impl Fn(&str) -> Option<String>) -> Self {
        let names: BTreeSet<_> = references(text).map(|range| &text[range]).collect();
        let set: Vec<_> =
            names.into_iter().filter_map(|name| Some((name, environment(name)?))).collect();
        let longest = set.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
        let is_blank = |(name, value): &(&str, String)| {
            value.trim_ascii().is_empty().then(|| (*name).to_owned())
        };
        let mut prefix = ALIAS.to_owned();
        while text.contains(&prefix) {
            prefix.push('X');
        }
        Self { prefix, names: set.iter().filter_map(is_blank).collect(), longest }
    }

    /// The text with the aliases in it.
    pub(super) fn rename(&self, text: &str) -> String {
        let (mut renamed, mut from) = (String::with_capacity(text.len()), 0);
        for range in references(text) {
            if let Some(alias) = self.alias(&text[range.clone()]) {
                renamed += &text[from..range.start];
                renamed += &alias;
                from = range.end;
            }
        }
        renamed + &text[from..]
    }

    /// The line that sets the alias of a variable, if it has one.
    pub(super) fn line(&self, name: &str, value: &str) -> Option<String> {
        Some(format!("{}={}\n", self.alias(name)?, double_quoted(value)))
    }

    /// Whether a name is an alias.
    pub(super) fn has(&self, name: &str) -> bool {
        name.starts_with(&self.prefix)
    }

    /// The value with the names in it where a `$` before them means nothing.
    pub(super) fn restore(&self, value: String) -> String {
        if !value.contains(&self.prefix) {
            return value;
        }
        let names = self.names.iter().enumerate();
        names.fold(value, |value, (at, name)| value.replace(&self.numbered(at), name))
    }

    fn alias(&self, name: &str) -> Option<String> {
        let at = self.names.iter().position(|blank| blank == name)?;
        Some(self.numbered(at))
    }

    /// Ended by a letter, so that no alias begins another.
    fn numbered(&self, at: usize) -> String {
        format!("{}{at}Z", self.prefix)
    }
}

/// The names behind each `$`.
fn references(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices('$').filter_map(|(at, _)| {
        let rest = &text[at + 1..];
        let (start, length) = match rest.strip_prefix('{') {
            Some(rest) => {
                (at + 2, rest.find(|c| !is_of_name(c)).filter(|end| rest[*end..].starts_with('}'))?)
            }
            None => (at + 1, rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())),
        };
        (length > 0).then_some(start..start + length)
    })
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}
