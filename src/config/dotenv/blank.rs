//! Aliases for references, such as `$NAME`, to variables that are set in the environment but blank.
//!
//! svm counts a blank variable as unset, but the parser would insert the blank value. So such a
//! reference gets another name, its alias, which the environment does not have, and after each line
//! of the file that sets the variable, a line is inserted that sets the alias. A `$` without a
//! meaning, as within single quotes, gets the alias as well; the name of the variable is then
//! restored in the value.

use std::collections::BTreeSet;
use std::ops::Range;

use super::quoted::double_quoted;

/// The beginning of an alias. It has only letters and digits, the characters of a name without
/// braces.
const ALIAS: &str = "SVMBLANK";

/// The variables that are blank in the environment, and their aliases.
pub(super) struct Aliases {
    /// The prefix of all aliases, which does not occur in the file.
    prefix: String,
    names: Vec<String>,
    /// The length of the longest environment variable that the file refers to.
    pub(super) longest: usize,
}

impl Aliases {
    /// Looks up all variables to which the text refers.
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

    /// Returns the text with aliases instead of names.
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

    /// Returns the line that sets the alias of a variable, if it has one.
    pub(super) fn line(&self, name: &str, value: &str) -> Option<String> {
        Some(format!("{}={}\n", self.alias(name)?, double_quoted(value)))
    }

    /// Returns true if a name is an alias.
    pub(super) fn has(&self, name: &str) -> bool {
        name.starts_with(&self.prefix)
    }

    /// Puts the names back into a value in which the `$` before them has no meaning.
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

    /// Returns the alias with this number. It ends with a letter, so that no alias is a prefix of
    /// another.
    fn numbered(&self, at: usize) -> String {
        format!("{}{at}Z", self.prefix)
    }
}

/// Returns the ranges of the names that follow a `$`.
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
