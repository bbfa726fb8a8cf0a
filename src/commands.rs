//! What `svm` can be told on its command line, beside serving.

mod healthcheck;
mod help;

pub use healthcheck::healthcheck;
pub use help::help;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve; the bare `svm`.
    Serve,
    /// Say what the configuration comes to, without serving.
    Check,
    /// Ask the running service how it is.
    Healthcheck,
    /// Say what `svm` is and how it is configured.
    Help,
    /// Say which version this is.
    Version,
}

/// Arguments that mean nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}; see svm --help")]
pub struct UnknownArgument(String);

impl Command {
    /// Reads the arguments that follow the program's name.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, UnknownArgument> {
        let command = match args.next().as_deref() {
            None => Self::Serve,
            Some("check") => Self::Check,
            Some("healthcheck") => Self::Healthcheck,
            Some("-h" | "--help" | "help") => Self::Help,
            Some("-V" | "--version") => Self::Version,
            Some(unknown) => return Err(UnknownArgument(unknown.to_owned())),
        };
        args.next().map_or(Ok(command), |extra| Err(UnknownArgument(extra)))
    }
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
        check(&["--help"], Ok(Command::Help));
        check(&["-V"], Ok(Command::Version));
        check(&["serve"], Err("serve"));
        check(&["healthcheck", "now"], Err("now"));
    }
}
