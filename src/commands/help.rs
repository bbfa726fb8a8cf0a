//! The help texts: the short one, the one with every variable, and one for each command.

use std::fmt::Write;

use crate::config::{SECTIONS, VARIABLES, Variable};

use super::table::{COMMANDS, CommandEntry, HELP, OPTIONS, OptionEntry};

/// The columns of a line.
const WIDTH: usize = 100;

/// The variables that the short help names.
const THAT_MATTER: [&str; 10] = [
    "GITHUB_PATS",
    "API_USAGE_THRESHOLD",
    "HOST",
    "PORT",
    "CACHE_DIR",
    "REDIS_HOST",
    "CACHE_L1_MAX_GB",
    "CLIENT_MISS_RATE",
    "PUBLIC_URL",
    "LOG_FORMAT",
];

/// Returns the text of `svm --help`.
pub fn help() -> String {
    let mut text = head();
    let count = VARIABLES.len();
    let _ = writeln!(text, "\nVariables that matter, of {count}; svm --help-all lists them all:");
    let rows = THAT_MATTER.iter().filter_map(|name| {
        let variable = VARIABLES.iter().find(|variable| variable.name == *name)?;
        Some((variable.name.to_owned(), format!("{}; {}", variable.meaning, default_of(variable))))
    });
    text + &table(rows.collect())
}

/// Returns the text of `svm --help-all`.
pub fn help_all() -> String {
    let mut text = head();
    text += "\nVariables. An empty value counts as unset.\n";
    for section in SECTIONS {
        let _ = writeln!(text, "\n{}:", section.title);
        for variable in section.variables() {
            let accepted = format!("{}; {}", variable.accepts, default_of(variable));
            let _ = write!(
                text,
                "  {}\n{}{}",
                variable.name,
                wrap(variable.meaning, 6),
                wrap(&accepted, 6)
            );
        }
    }
    text
}

/// Returns the text of a command's own help.
pub fn help_of(command: &CommandEntry) -> String {
    let CommandEntry { word, summary, details, .. } = command;
    let options = command.options.iter().chain([&HELP]).map(row);
    let options = table(options.collect());
    let usage = command.usage();
    format!("svm {word}: {summary}\n\nUsage: {usage}\n\n{details}\n\nOptions:\n{options}")
}

/// Returns the part before the variables.
fn head() -> String {
    let serve = "serve; configured by the environment, and by .env in the working folder";
    let commands = COMMANDS.iter().map(|command| (command.usage(), command.summary.to_owned()));
    let commands = [("svm".to_owned(), serve.to_owned())].into_iter().chain(commands);
    format!(
        "svm: a caching service for GitHub release metadata\n\nUsage:\n{}\nOptions:\n{}",
        table(commands.collect()),
        table(OPTIONS.into_iter().map(row).collect()),
    )
}

fn row(option: &OptionEntry) -> (String, String) {
    (option.forms(), option.summary.to_owned())
}

fn default_of(variable: &Variable) -> String {
    match (variable.required, variable.default) {
        (true, _) => "required".to_owned(),
        (false, "") => "default: none".to_owned(),
        (false, default) => format!("default: {default}"),
    }
}

/// Returns two columns, the first one as wide as it needs to be.
fn table(rows: Vec<(String, String)>) -> String {
    let width = rows.iter().map(|(first, _)| first.len()).max().unwrap_or_default();
    let row = |(first, second): (String, String)| {
        let second = wrap(&second, width + 4);
        format!("  {first:width$}  {}", second.trim_start())
    };
    rows.into_iter().map(row).collect()
}

/// Wraps a text into lines of the permitted width, each after `indent` blanks. A list may break
/// after each comma.
fn wrap(text: &str, indent: usize) -> String {
    let (mut lines, mut line) = (String::new(), " ".repeat(indent));
    for word in text.split_inclusive([' ', ',']) {
        if line.len() + word.trim_end().len() > WIDTH && line.len() > indent {
            let _ = writeln!(lines, "{}", line.trim_end());
            line.truncate(indent);
        }
        line += word;
    }
    let _ = writeln!(lines, "{line}");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let texts = [help(), help_all()].into_iter().chain(COMMANDS.into_iter().map(help_of));
        for text in texts {
            for line in text.lines() {
                assert!(line.chars().count() <= WIDTH && line.trim_end() == line, "{line:?}");
            }
        }
    }

    #[test]
    fn the_short_help_names_ten_variables() {
        let text = help();
        let rows = text.lines().filter(|line| line.starts_with("  ")).map(str::trim_start);
        let rows = rows.filter_map(|row| row.split(' ').next());
        let named: Vec<_> =
            rows.filter(|name| VARIABLES.iter().any(|it| it.name == *name)).collect();
        assert_eq!(named, THAT_MATTER);
        assert!(text.lines().count() <= 30, "{text}");
    }

    #[test]
    fn a_list_breaks_behind_its_commas() {
        let list = format!("default: {}", ["a.host.of.example"; 8].join(","));
        let wrapped = wrap(&list, 6);
        assert_eq!(wrapped.lines().count(), 2, "{wrapped}");
        assert_eq!(wrapped.replace("\n      ", "").trim(), list);
    }
}
