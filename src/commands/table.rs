//! The table of the command line: commands, options and their texts, in one place.
//!
//! The help texts are made from this table, and tests compare the man page and the completions in
//! `deploy/` with it.

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandEntry {
    /// The word on the command line.
    pub word: &'static str,
    /// The name of the value after the word; empty if there is none.
    pub operand: &'static str,
    /// The options of this command, apart from `--help`.
    pub options: &'static [OptionEntry],
    /// Its effect, in one line.
    pub summary: &'static str,
    /// The rest of its help, wrapped.
    pub details: &'static str,
}

/// An option.
#[derive(Debug, PartialEq, Eq)]
pub struct OptionEntry {
    /// The letter of its short form.
    pub short: Option<char>,
    /// Its long form, without the hyphens.
    pub long: &'static str,
    /// Its effect, in one line.
    pub summary: &'static str,
}

/// `svm check`.
pub(super) static CHECK: CommandEntry = CommandEntry {
    word: "check",
    operand: "",
    options: &[],
    summary: "validate the configuration and print it",
    details: "\
Reads the environment, .env and the files that they name, as a start would, and prints lines for
.env, which are read as the same values. Secrets are left out. Nothing is dialled or written.

The exit code is 0 for a good configuration, and 78 for a bad one, with every fault in a line.",
};

/// `svm healthcheck`.
pub(super) static HEALTHCHECK: CommandEntry = CommandEntry {
    word: "healthcheck",
    operand: "",
    options: &[option("ready", "ask whether it accepts clients, at /readyz")],
    summary: "ask the running service for its health",
    details: "\
Asks /healthz at HOST and PORT, over TLS if TLS_CERT_FILE is set, and prints the answer.

The exit code is 0 if the service serves, 1 if it does not or does not answer within 2 s, and 78 for
a bad configuration.",
};

/// `svm explain`.
pub(super) static EXPLAIN: CommandEntry = CommandEntry {
    word: "explain",
    operand: "URL",
    options: &[option("json", "print the JSON of /explain instead of its sentences")],
    summary: "ask the running service why it answers a URL as it does",
    details: "\
Asks /explain at HOST and PORT, over TLS if TLS_CERT_FILE is set. The URL is one that /version
takes, or a path of the mirror, such as /repos/o/r/releases/latest. The answer tells what is stored,
the last check and its outcome, the next check, and what a request now would get. It causes no call
to GitHub.

The exit code is 0 with an answer, 1 if the URL is refused or no service answers, and 78 for a bad
configuration.",
};

/// Every command; the bare `svm` serves.
pub static COMMANDS: [&CommandEntry; 3] = [&CHECK, &HEALTHCHECK, &EXPLAIN];

/// The option of help, which is also valid after every command.
pub static HELP: OptionEntry = OptionEntry {
    short: Some('h'),
    long: "help",
    summary: "print this text, or behind a command its own",
};

/// The option of the long help.
pub(super) static HELP_ALL: OptionEntry = option("help-all", "print this text with every variable");

/// The option that prints the version.
pub(super) static VERSION: OptionEntry = OptionEntry {
    short: Some('V'),
    long: "version",
    summary: "print the version, its commit and the day of the commit",
};

/// Every option that stands in the place of a command.
pub static OPTIONS: [&OptionEntry; 3] = [&HELP, &HELP_ALL, &VERSION];

const fn option(long: &'static str, summary: &'static str) -> OptionEntry {
    OptionEntry { short: None, long, summary }
}

impl CommandEntry {
    /// Returns the command as it is written, such as `svm explain [--json] URL`.
    pub fn usage(&self) -> String {
        let options = self.options.iter().map(|option| format!(" [--{}]", option.long));
        let operand = if self.operand.is_empty() { "" } else { " " };
        format!("svm {}{}{operand}{}", self.word, options.collect::<String>(), self.operand)
    }
}

impl OptionEntry {
    /// Returns true for the short or the long form of the option.
    pub fn is(&self, argument: &str) -> bool {
        let long = argument.strip_prefix("--");
        let mut letters = argument.strip_prefix('-').unwrap_or_default().chars();
        long == Some(self.long)
            || letters.next().is_some_and(|letter| self.short == Some(letter))
                && letters.next().is_none()
    }

    /// Returns its forms, such as `-h, --help`.
    pub fn forms(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}, --{}", self.long),
            None => format!("--{}", self.long),
        }
    }
}
