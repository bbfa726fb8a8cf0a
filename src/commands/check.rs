//! The output of `svm check`: lines that can be pasted into `.env`, and are read as the same values there.

use crate::config::dotenv::quoted;
use crate::config::{Config, Setting, Shown, Vars};

/// The `.env` that was read, and a line for each variable. A value that may not be shown is told in a comment.
pub fn listing(config: &Config, vars: &Vars) -> String {
    let read = match vars.dotenv() {
        Some(path) => format!("# read from the environment and from {path:?}\n"),
        None => "# read from the environment; there is no .env in the working folder\n".to_owned(),
    };
    let lines = config.effective().into_iter().map(|setting| line(setting, vars));
    lines.fold(read, |text, line| text + &line + "\n")
}

fn line(Setting { name, value }: Setting, vars: &Vars) -> String {
    let value = match &value {
        Shown::Value(value) => quoted(value).ok_or("a value with control characters"),
        Shown::Description(text) => Err(text.as_str()),
    };
    match value {
        Ok(value) if vars.is_set(name) => format!("{name}={value}"),
        Ok(value) => format!("{name}={value}  # default"),
        Err(description) => format!("# {name}: {description}"),
    }
}
