//! The commands of `svm`'s command line.

mod check;
mod healthcheck;
mod help;

pub use check::listing;
pub use healthcheck::healthcheck;
pub use help::help;

use crate::config::redacted::cut;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve; the bare `svm`.
    Serve,
    /// Validate and print the configuration.
    Check,
    /// Ask the running service for its health.
    Healthcheck,
    /// Ask the running service whether it accepts clients.
    ReadyCheck,
    /// Print the usage and the variables.
    Help,
    /// Print the version.
    Version,
}

/// The number of characters of an argument that an error repeats.
const MAX_SHOWN: usize = 80;

/// An unknown argument. A long one, or one that may be a token, is not repeated in full.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}; see svm --help")]
pub struct UnknownArgument(String);

impl UnknownArgument {
    fn new(argument: String) -> Self {
        let argument = cut(&argument).unwrap_or(argument);
        match argument.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => Self(format!("{}...", &argument[..end])),
            None => Self(argument),
        }
    }
}

impl Command {
    /// Parses the arguments after the program's name. A request for help after a command replaces
    /// it.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, UnknownArgument> {
        let command = match args.next().as_deref() {
            None => Self::Serve,
            Some("check") => Self::Check,
            Some("healthcheck") => Self::Healthcheck,
            Some(argument) if is_help(argument) => Self::Help,
            Some("-V" | "--version") => Self::Version,
            Some(unknown) => return Err(UnknownArgument::new(unknown.to_owned())),
        };
        let next = args.next();
        let (command, next) = match (command, next.as_deref()) {
            (Self::Healthcheck, Some("--ready")) => (Self::ReadyCheck, args.next()),
            _ => (command, next),
        };
        if next.as_deref().is_some_and(is_help) && args.next().is_none() {
            return Ok(Self::Help);
        }
        next.map_or(Ok(command), |extra| Err(UnknownArgument::new(extra)))
    }
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "-h" | "--help" | "help")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], want: Result<Command, &str>) {
        let got = Command::parse(args.iter().map(|arg| (*arg).to_owned()));
        assert_eq!(got, want.map_err(|arg| UnknownArgument(arg.to_owned())), "{args:?}");
    }

    #[test]
    fn arguments_are_read_to_the_last() {
        check(&[], Ok(Command::Serve));
        check(&["check"], Ok(Command::Check));
        check(&["healthcheck"], Ok(Command::Healthcheck));
        check(&["healthcheck", "--ready"], Ok(Command::ReadyCheck));
        check(&["healthcheck", "--ready", "--help"], Ok(Command::Help));
        check(&["healthcheck", "--ready", "now"], Err("now"));
        check(&["check", "--ready"], Err("--ready"));
        check(&["--help"], Ok(Command::Help));
        check(&["-V"], Ok(Command::Version));
        check(&["serve"], Err("serve"));
        check(&["healthcheck", "now"], Err("now"));
        check(&["check", "--help"], Ok(Command::Help));
        check(&["healthcheck", "-h"], Ok(Command::Help));
        check(&["check", "--help", "now"], Err("--help"));
        check(&["ghp_secret"], Err("ghp_..."));
        check(&["--api-key hunter2"], Err("--api-key ..."));
        check(&[&"é-".repeat(100)], Err(&format!("{}...", "é-".repeat(40))));
        check(&["--password hunter2pass"], Err("--password ..."));
        check(&["check", "--token=ghp_secret"], Err("--token=..."));
    }
}
