//! The variables with the values in force, as text for the log and for operators, without secrets.

use std::fmt::{self, Display};

use super::Config;
use super::redacted::cut;
use super::variables::{VARIABLES, Variable};

/// A variable with the value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name of the variable.
    pub name: &'static str,
    /// The value.
    pub value: Shown,
}

/// The part of a value that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The whole text that was read.
    Value(String),
    /// A description of a value that is a secret or has no effect.
    Description(String),
    /// The beginning of a value that may be a secret.
    Cut(String),
}

impl Setting {
    /// Returns true if the value is the default of the variable.
    pub fn is_default(&self) -> bool {
        let is_default = |it: &Variable| it.name == self.name && !it.required;
        let default = VARIABLES.iter().find(|variable| is_default(variable));
        default.is_some_and(|it| self.value == Shown::Value(it.default.to_owned()))
    }
}

impl Config {
    /// Returns the variables that are required, or whose value differs from the default.
    pub fn unusual_settings(&self) -> impl Iterator<Item = &Setting> {
        let has_effect = |setting: &&Setting| setting.value != not_used();
        self.settings.iter().filter(|setting| !setting.is_default()).filter(has_effect)
    }
}

/// Returns the description of a value that has no effect beside Redis.
pub(super) fn not_used() -> Shown {
    Shown::Description("not used, because REDIS_HOST is set".to_owned())
}

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Value(text) | Self::Description(text) | Self::Cut(text)) = self;
        f.write_str(text)
    }
}

impl From<&str> for Shown {
    /// Shows the value, unless it holds a possible token in the wrong variable.
    fn from(value: &str) -> Self {
        cut(value).map_or_else(|| Self::Value(value.to_owned()), Self::Cut)
    }
}
