//! The output of `svm check`: lines for `.env`, which svm reads as the same values.

use crate::config::dotenv::quoted;
use crate::config::{Config, Setting, Shown, Vars};

const DEFAULT: &str = "default";
/// The note on a value that depends on the machine.
const DEFAULT_HERE: &str = "default for the available memory";

/// The note on a line that an operator must complete after pasting it.
const FILL_IN: &str = "(looks like a token and is cut short; fill it in)";

/// Returns the `.env` that was read, and a line for each variable. A value that may not be shown is
/// described in a comment.
pub fn listing(config: &Config, vars: &Vars) -> String {
    let read = match vars.dotenv() {
        Ok(path) => format!("# read from the environment and from {path:?}\n"),
        Err(why) => format!("# read from the environment; {why}\n"),
    };
    let lines = config.settings.iter().map(|setting| {
        let mark = match setting.is_default() {
            _ if vars.is_set(setting.name) => None,
            true => Some(DEFAULT),
            false => Some(DEFAULT_HERE),
        };
        line(setting, mark)
    });
    lines.fold(read, |text, line| text + &line + "\n")
}

fn line(Setting { name, value }: &Setting, mark: Option<&str>) -> String {
    let value = match value {
        Shown::Value(value) => {
            quoted(value).ok_or_else(|| "a value with control characters".to_owned())
        }
        Shown::Description(text) => Err(text.clone()),
        Shown::Cut(text) => Err(format!("{text} {FILL_IN}")),
    };
    match (value, mark) {
        (Ok(value), None) => format!("{name}={value}"),
        (Ok(value), Some(mark)) => format!("{name}={value}  # {mark}"),
        (Err(description), _) => format!("# {name}: {description}"),
    }
}
