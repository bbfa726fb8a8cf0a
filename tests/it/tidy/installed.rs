//! The files that a package installs beside the binary, against the code: the man page and the
//! unit. The completions have a file of their own.

use std::time::Duration;

use svm::commands::{COMMANDS, CommandEntry, OPTIONS, OptionEntry};
use svm::config::{SECTIONS, VARIABLES, Variable};

use super::read;

const PAGE: &str = "deploy/man/svm.8";
const UNIT: &str = "deploy/debian/svm.service";

/// The part of the page before the commands.
const HEAD: &str = r#".TH SVM 8 "" svm "System administration"
.SH NAME
svm \- a caching service for GitHub release metadata
.SH SYNOPSIS
.B svm
"#;

/// The part between the synopsis and the commands.
const DESCRIPTION: &str = r".SH DESCRIPTION
Without an argument,
.B svm
serves documents of GitHub's API over HTTP, from memory, from its store, or from GitHub.
The environment configures it, and a
.I .env
in the working folder; the environment wins.
";

/// The part between the options and the variables.
const ENVIRONMENT: &str = r".SH ENVIRONMENT
An empty value counts as unset.
Durations are numbers with a unit, one after the other, of ns, us, ms, s, m, h and d.
";

/// The part after the variables.
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
fn the_man_page_lists_every_command_and_variable() {
    let page = page();
    assert!(read(PAGE) == page, "{PAGE} must be\n\n{page}");
}

fn page() -> String {
    let synopsis = COMMANDS.iter().map(|it| format!(".br\n.B {}\n", roff(&it.usage())));
    let commands = COMMANDS.iter().map(|it| command(it));
    let options = OPTIONS.iter().map(|it| option(it));
    let sections = SECTIONS.iter().map(|section| {
        let variables: String = section.variables().iter().map(entry).collect();
        format!(".SS {}\n{variables}", section.title)
    });
    let synopsis: String = synopsis.collect();
    let (commands, options): (String, String) = (commands.collect(), options.collect());
    let sections: String = sections.collect();
    format!(
        "{HEAD}{synopsis}{DESCRIPTION}.SH COMMANDS\n{commands}.SH OPTIONS\n{options}{ENVIRONMENT}{sections}{TAIL}"
    )
}

fn command(entry: &CommandEntry) -> String {
    let CommandEntry { word, options, summary, details, .. } = entry;
    let details = roff(details).replace("\n\n", "\n.IP\n").replace("\n.env", "\n\\&.env");
    let options: String = options.iter().map(option).collect();
    let options = if options.is_empty() { options } else { format!(".RS\n{options}.RE\n") };
    format!(".TP\n.B {word}\n{}\n{details}\n{options}", sentence(summary))
}

fn option(option: &OptionEntry) -> String {
    format!(".TP\n.B {}\n{}\n", roff(&option.forms()), sentence(option.summary))
}

fn sentence(summary: &str) -> String {
    format!("{}{}.", summary[..1].to_uppercase(), roff(&summary[1..]))
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

/// Escapes a text in which every character is literal.
fn roff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
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
