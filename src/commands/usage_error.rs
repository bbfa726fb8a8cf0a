//! The errors of the command line. A sentence names the nearest known word, and shows no secret.

use std::fmt::{self, Display, Formatter};

use crate::config::VARIABLES;
use crate::config::near_miss::near_miss;
use crate::config::nearest::closest;
use crate::config::redacted::cut;

/// The number of characters of an argument that an error repeats.
const MAX_SHOWN: usize = 80;

/// A fault of the command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// An argument that svm does not know in this place.
    #[error(transparent)]
    Unknown(UnknownArgument),
    /// A command without the value that it needs.
    #[error("svm {word} needs a {operand}; see svm {word} --help")]
    Incomplete {
        /// The command.
        word: &'static str,
        /// The name of the value.
        operand: &'static str,
    },
}

/// An unknown argument. A long one, or one that may be a token, is not repeated in full.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownArgument {
    shown: String,
    meant: Option<Meant>,
}

/// The probable meaning of an unknown argument.
#[derive(Debug, PartialEq, Eq)]
enum Meant {
    Word(String),
    Variable(&'static str),
}

impl UnknownArgument {
    /// Creates the error for an argument; `known` are the arguments that are valid in its place.
    pub(super) fn new<'a>(argument: String, known: impl IntoIterator<Item = &'a str>) -> Self {
        let meant = meant(&argument, known);
        let argument = cut(&argument).unwrap_or(argument);
        let shown = match argument.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => format!("{}...", &argument[..end]),
            None => argument,
        };
        Self { shown, meant }
    }
}

impl Display for UnknownArgument {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { shown, meant } = self;
        write!(f, "unknown argument {shown:?}; ")?;
        match meant {
            Some(Meant::Word(word)) => write!(f, "did you mean {word}? ")?,
            Some(Meant::Variable(name)) => write!(f, "svm reads the variable {name}; ")?,
            None => {}
        }
        f.write_str("see svm --help")
    }
}

fn meant<'a>(argument: &str, known: impl IntoIterator<Item = &'a str>) -> Option<Meant> {
    // A known word in a wrong place would be its own suggestion.
    let known = known.into_iter().filter(|word| *word != argument);
    if let Some(word) = closest(argument, known) {
        return Some(Meant::Word(word.to_owned()));
    }
    // Other programs take their settings as options.
    let (name, _) = argument.split_once('=').unwrap_or((argument, ""));
    let name = name.strip_prefix("--")?.replace('-', "_").to_ascii_uppercase();
    let named = || VARIABLES.iter().map(|it| it.name).find(|known| *known == name);
    named().or_else(|| near_miss(&name)).map(Meant::Variable)
}
