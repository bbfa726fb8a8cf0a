//! The files that a package installs beside the binary, against the code: the man page, the
//! completions and the unit.

use std::time::Duration;

use svm::config::{VARIABLES, Variable};

use super::{assert_none, read};

const PAGE: &str = "deploy/man/svm.8";
const UNIT: &str = "deploy/debian/svm.service";

/// The part of the page that stands before the variables.
const HEAD: &str = r#".TH SVM 8 "" svm "System administration"
.SH NAME
svm \- a caching service for GitHub release metadata
.SH SYNOPSIS
.B svm
.RB [ check | healthcheck | \-\-help | \-\-version ]
.SH DESCRIPTION
Without an argument,
.B svm
serves documents of GitHub's API over HTTP, from memory, from its store, or from GitHub.
The environment configures it, and a
.I .env
in the working folder; the environment wins.
.SH COMMANDS
.TP
.B check
Validate the configuration and print it without its secrets, as lines for
.IR .env .
Nothing is dialled or written.
.TP
.B healthcheck
Ask the running service for its health; the exit code is 0 if it serves, else 1.
With
.BR \-\-ready ,
ask whether it accepts clients.
.TP
.BR \-h ", " \-\-help
Print the usage and the variables.
.TP
.BR \-V ", " \-\-version
Print the version.
.SH ENVIRONMENT
An empty value counts as unset.
Durations are numbers with a unit, one after the other, of ns, us, ms, s, m, h and d.
"#;

/// The part that stands behind them.
const TAIL: &str = r".SH EXIT STATUS
.TP
.B 0
An end in order.
.TP
.B 1
A failure.
.TP
.B 64
An unknown argument.
.TP
.B 78
A bad configuration, or no CA certificates.
.SH SIGNALS
SIGTERM, SIGINT and SIGHUP end the service in order, a second SIGTERM or SIGINT at once.
SIGUSR1 and SIGUSR2 are ignored.
.SH FILES
.TP
.I /etc/svm/svm.env
The variables of the systemd service of the Debian package, readable by root alone.
.TP
.I /usr/share/svm/svm.env
All variables of this version, with their defaults.
.TP
.I /var/lib/svm
The store of the systemd service.
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1)
";

#[test]
fn the_man_page_lists_every_variable() {
    let page = page();
    assert!(read(PAGE) == page, "{PAGE} must be\n\n{page}");
}

fn page() -> String {
    VARIABLES.iter().fold(HEAD.to_owned(), |page, variable| page + &entry(variable)) + TAIL
}

fn entry(variable: &Variable) -> String {
    let Variable { name, required, default, accepts, meaning } = variable;
    let default = match (required, *default) {
        (true, _) => "required".to_owned(),
        (false, "") => "none".to_owned(),
        (false, default) => roff(default),
    };
    let (meaning, accepts) = (roff(meaning), roff(accepts));
    format!(".TP\n.B {name}\n{meaning}.\nAccepted: {accepts}.\nDefault: {default}.\n")
}

/// Escapes a text whose every letter stands for itself.
fn roff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

#[test]
fn completions_offer_every_command() {
    let help = svm::commands::help();
    let usage = help.lines().filter_map(|line| line.strip_prefix("  svm "));
    let words = usage.filter_map(|line| line.split(' ').next());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    assert!(words.contains(&"check") && words.contains(&"--help"), "{words:?}");
    let files = ["deploy/completions/svm.bash", "deploy/completions/_svm"];
    let files = files.into_iter().chain(["deploy/completions/svm.fish", PAGE]);
    assert_none(files.flat_map(|path| {
        let text = read(path).replace("\\-", "-");
        let missing = words.iter().filter(|word| {
            let in_fish = word.strip_prefix("--").map(|word| format!("-l {word} "));
            !text.contains(*word) && !in_fish.is_some_and(|word| text.contains(&word))
        });
        missing.map(|word| format!("{path}: no {word}")).collect::<Vec<_>>()
    }));
}

/// systemd kills the process after `TimeoutStopSec`.
#[test]
fn the_unit_waits_for_the_end_of_the_service() {
    let seconds = |name: &str| {
        let variable = VARIABLES.iter().find(|variable| variable.name == name).expect("it is");
        let duration = variable.default.strip_suffix('s').expect("seconds");
        Duration::from_secs(duration.parse().expect("a whole number"))
    };
    let names = ["SHUTDOWN_DELAY", "SHUTDOWN_GRACE", "SHUTDOWN_DRAIN_TIMEOUT"];
    let needed = names.into_iter().map(seconds).sum::<Duration>() + Duration::from_secs(3);
    assert!(Duration::from_secs(setting("TimeoutStopSec")) >= needed, "{needed:?}");

    let connections = VARIABLES.iter().find(|it| it.name == "MAX_CONNECTIONS").expect("it is");
    let connections: u64 = connections.default.parse().expect("a whole number");
    assert!(setting("LimitNOFILE") > 2 * connections);
    assert!(setting("RestartSec") > 0);
}

fn setting(name: &str) -> u64 {
    let unit = read(UNIT);
    let value = unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {name}")).parse().expect("a whole number")
}
