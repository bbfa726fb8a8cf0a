//! The commands of `svm`'s command line.

mod check;
mod explain;
mod healthcheck;
mod help;
mod own_service;
mod table;
mod usage_error;

pub use check::listing;
pub use explain::explain;
pub use healthcheck::healthcheck;
pub use help::{help, help_all, help_of};
pub use own_service::OwnService;
pub use table::{COMMANDS, CommandEntry, HELP, OPTIONS, OptionEntry};
pub use usage_error::UsageError;

use table::{CHECK, HEALTHCHECK, HELP_ALL, VERSION};
use usage_error::UnknownArgument;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `svm`: serve.
    Serve,
    /// `svm check`: validate and print the configuration.
    Check,
    /// `svm healthcheck`: ask the running service for its health.
    Healthcheck,
    /// `svm healthcheck --ready`: ask the running service whether it accepts clients.
    ReadyCheck,
    /// `svm explain`: ask the running service why it answers a URL as it does.
    Explain {
        /// The URL, as the user wrote it.
        url: String,
        /// True if the user wants the answer as JSON.
        as_json: bool,
    },
    /// `svm --help`: print the usage and the variables that matter.
    Help,
    /// `svm --help-all`: print the usage and every variable.
    HelpAll,
    /// `svm --help check`, or `svm check --help`: print the help of one command.
    HelpOf(&'static CommandEntry),
    /// `svm --version`: print the version.
    Version,
}

impl Command {
    /// Parses the arguments after the program's name. A help option after a command gives the help
    /// of that command.
    ///
    /// # Errors
    ///
    /// [`UsageError`] for an argument that is not known, or missing.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, UsageError> {
        let Some(first) = args.next() else { return Ok(Self::Serve) };
        if let Some(entry) = COMMANDS.into_iter().find(|entry| entry.word == first) {
            return Self::parse_rest(entry, args);
        }
        let command = match &*first {
            help if is_help(help) => Self::Help,
            all if HELP_ALL.is(all) => Self::HelpAll,
            version if VERSION.is(version) => Self::Version,
            _ => return Err(unknown(first, known_first())),
        };
        match (&command, args.next()) {
            (_, None) => Ok(command),
            // `svm --help check`, and `svm --version --help`.
            (Self::Help, Some(word)) => {
                let entry = COMMANDS.into_iter().find(|entry| entry.word == word);
                entry.map(Self::HelpOf).ok_or_else(|| unknown(word, words()))
            }
            (_, Some(help)) if is_help(&help) && args.next().is_none() => Ok(Self::Help),
            (_, Some(extra)) => Err(unknown(extra, ["--help".to_owned()])),
        }
    }

    fn parse_rest(
        entry: &'static CommandEntry,
        mut args: impl Iterator<Item = String>,
    ) -> Result<Self, UsageError> {
        let (mut has_option, mut operand) = (false, None);
        while let Some(argument) = args.next() {
            let is_option = entry.options.iter().any(|option| option.is(&argument));
            if is_help(&argument) && args.next().is_none() {
                return Ok(Self::HelpOf(entry));
            } else if is_option && !has_option {
                has_option = true;
            } else if !entry.operand.is_empty() && operand.is_none() && !argument.starts_with('-') {
                operand = Some(argument);
            } else {
                let options = entry.options.iter().chain([&HELP]);
                return Err(unknown(argument, options.map(|it| format!("--{}", it.long))));
            }
        }
        let incomplete = UsageError::Incomplete { word: entry.word, operand: entry.operand };
        match entry.word {
            word if word == CHECK.word => Ok(Self::Check),
            word if word == HEALTHCHECK.word && has_option => Ok(Self::ReadyCheck),
            word if word == HEALTHCHECK.word => Ok(Self::Healthcheck),
            _ => operand.map(|url| Self::Explain { url, as_json: has_option }).ok_or(incomplete),
        }
    }
}

fn is_help(argument: &str) -> bool {
    argument == "help" || HELP.is(argument)
}

fn words() -> impl Iterator<Item = String> {
    COMMANDS.into_iter().map(|entry| entry.word.to_owned())
}

/// Returns the arguments that may come first.
fn known_first() -> impl Iterator<Item = String> {
    words().chain(OPTIONS.into_iter().map(|option| format!("--{}", option.long)))
}

fn unknown(argument: String, known: impl IntoIterator<Item = String>) -> UsageError {
    let known: Vec<_> = known.into_iter().collect();
    UsageError::Unknown(UnknownArgument::new(argument, known.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::table::{CHECK, EXPLAIN, HEALTHCHECK};
    use super::*;

    fn parse(args: &[&str]) -> Result<Command, String> {
        let args = args.iter().map(|arg| (*arg).to_owned());
        Command::parse(args).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(args: &[&str], want: Command) {
        assert_eq!(parse(args), Ok(want), "{args:?}");
    }

    /// Asserts that the last argument is unknown, and that the error repeats only its part `shown`.
    #[track_caller]
    fn refuse(args: &[&str], shown: &str) {
        let want = format!("unknown argument {shown:?}; see svm --help");
        assert_eq!(parse(args), Err(want), "{args:?}");
    }

    #[test]
    fn arguments_are_read_to_the_last() {
        check(&[], Command::Serve);
        check(&["check"], Command::Check);
        check(&["healthcheck"], Command::Healthcheck);
        check(&["healthcheck", "--ready"], Command::ReadyCheck);
        check(&["-V"], Command::Version);
        check(&["--version"], Command::Version);
        let explain = |as_json| Command::Explain { url: "/repos/o/r".to_owned(), as_json };
        check(&["explain", "/repos/o/r"], explain(false));
        check(&["explain", "--json", "/repos/o/r"], explain(true));
        check(&["explain", "/repos/o/r", "--json"], explain(true));
        refuse(&["healthcheck", "--ready", "now"], "now");
        refuse(&["healthcheck", "--ready", "--ready"], "--ready");
        refuse(&["check", "--ready"], "--ready");
        refuse(&["check", "--help", "now"], "--help");
        refuse(&["serve"], "serve");
        refuse(&["healthcheck", "now"], "now");
        refuse(&["explain", "/repos/o/r", "/repos/o/s"], "/repos/o/s");
        assert_eq!(
            parse(&["explain"]),
            Err("svm explain needs a URL; see svm explain --help".into())
        );
    }

    #[test]
    fn each_command_has_its_own_help() {
        for help in ["-h", "--help", "help"] {
            check(&[help], Command::Help);
            check(&[help, "check"], Command::HelpOf(&CHECK));
            check(&["check", help], Command::HelpOf(&CHECK));
            check(&["healthcheck", "--ready", help], Command::HelpOf(&HEALTHCHECK));
            check(&["explain", help], Command::HelpOf(&EXPLAIN));
            check(&["--version", help], Command::Help);
        }
        check(&["--help-all"], Command::HelpAll);
        refuse(&["--help", "now"], "now");
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_nearest_known_one() {
        for (args, shown, meant) in [
            (&["chekc"][..], "chekc", "did you mean check?"),
            (&["health"], "health", "did you mean healthcheck?"),
            (&["explian", "x"], "explian", "did you mean explain?"),
            (&["--hepl"], "--hepl", "did you mean --help?"),
            (&["-version"], "-version", "did you mean --version?"),
            (&["healthcheck", "--redy"], "--redy", "did you mean --ready?"),
            (&["explain", "--jsn", "x"], "--jsn", "did you mean --json?"),
            (&["--port=1"], "--port=1", "svm reads the variable PORT;"),
            (&["--cache-dir", "x"], "--cache-dir", "svm reads the variable CACHE_DIR;"),
            (&["--log-level=debug"], "--log-level=debug", "svm reads the variable RUST_LOG;"),
            (&["--token=ghp_secret"], "--token=...", "svm reads the variable GITHUB_PATS;"),
        ] {
            let want = format!("unknown argument {shown:?}; {meant} see svm --help");
            assert_eq!(parse(args), Err(want), "{args:?}");
        }
    }

    #[test]
    fn no_secret_is_repeated() {
        refuse(&["ghp_secret"], "ghp_...");
        refuse(&["--api-key hunter2"], "--api-key ...");
        refuse(&[&"é-".repeat(100)], &format!("{}...", "é-".repeat(40)));
        refuse(&["--password hunter2pass"], "--password ...");
        refuse(&["check", "--password=hunter2pass"], "--password=...");
    }
}
