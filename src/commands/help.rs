//! The output of `svm --help`: the commands, and every variable from the one table.

use std::fmt::Write;

use crate::config::VARIABLES;

const USAGE: &str = "\
svm: a caching service for GitHub release metadata

Usage:
  svm               serve; configured by the environment and by .env in the working folder; the environment wins
  svm check         validate the configuration and print it without its secrets, as lines for .env; nothing is
                    dialled or written
  svm healthcheck   ask the running service's /healthz; exit code 0 if it serves, else 1;
                    with --ready its /readyz
  svm --help        this text, also behind a command
  svm --version     the version

Variables:
";

/// Returns the text of `svm --help`.
pub fn help() -> String {
    let mut text = USAGE.to_owned();
    for variable in VARIABLES {
        let default = match (variable.required, variable.default) {
            (true, _) => "required".to_owned(),
            (false, "") => "default: none".to_owned(),
            (false, default) => format!("default: {default}"),
        };
        let _ = writeln!(
            text,
            "  {}\n      {}\n      {}; {default}",
            variable.name, variable.meaning, variable.accepts
        );
    }
    text
}
