//! The command line of the simulation.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
A simulated GitHub: no account, no network.

Usage: simulated-github [OPTIONS] [-- COMMAND [ARGUMENT]...]

With a COMMAND, starts it with the environment that sends its GitHub requests
here (and, where not set already, GITHUB_PATS and API_USAGE_THRESHOLD), passes
SIGINT and SIGTERM on, and ends with its exit code. Without one, prints that
environment and serves until it is interrupted.

Options:
  --listen ADDRESS:PORT  where to listen for TLS; 127.0.0.1 and a free port
                         otherwise
  --http ADDRESS:PORT    serve api.github.com over plain HTTP there too, and below
                         /_sim/ the control (see tests/simulated-github)
  --scenario FILE        changes at the start, and later: a line is [@SECONDS]
                         VERB NAME=VALUE..., the words of the control
  --seed NUMBER          of the failures that flaky draws; 0 otherwise
  --documents DIR        serve the JSON files in DIR, at any depth, as well:
                         DIR/x/NAME.json and DIR/x/NAME.body.json at
                         https://api.github.com/repos/fixtures/NAME/releases/latest
                         (the second of one NAME as NAME-2, and so on).
                         A recorded betamax cassette gives a document for each
                         of its 200s: NAME-1, NAME-2... *.mapping.json,
                         index.json, error_bodies.json and etag_vectors.json
                         are no documents and are left out.
  --urls FILE            serve a document at each URL in FILE too, in turn: one
                         a line, raw or percent-encoded, # starts a comment
  --store DIR            give COMMAND a CACHE_DIR of its own below DIR, which is
                         removed when it ends
  --requests FILE        write each request to FILE at the end, one a line: the
                         method, the URL and the client's User-Agent
  --quiet                print neither banner nor table
  --help                 print this

Exit codes: 64 wrong usage, 66 unreadable file, 69 no such port or command, 73 no
folder for a store; otherwise the command's own, or 128 and the number of the signal that ended it.
";

/// The meaning of a command line.
pub(crate) enum Parsed {
    /// Serve.
    Run(Box<Arguments>),
    /// Print the help.
    Help,
}

/// The settings of the program.
pub(crate) struct Arguments {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// The address to serve plain HTTP on, with the control.
    pub(crate) http: Option<SocketAddr>,
    /// A file of changes.
    pub(crate) scenario: Option<PathBuf>,
    /// The seed of the random failures.
    pub(crate) seed: u64,
    /// A folder of further documents.
    pub(crate) documents: Option<PathBuf>,
    /// A file of further URLs.
    pub(crate) urls: Option<PathBuf>,
    /// The folder for stores that exist only as long as their runs.
    pub(crate) store: Option<PathBuf>,
    /// The file for the list of requests.
    pub(crate) requests: Option<PathBuf>,
    /// True if only the requested lines are printed.
    pub(crate) quiet: bool,
    /// The command to start, with its arguments; empty for none.
    pub(crate) command: Vec<OsString>,
}

/// Parses the command line, without the program's own name.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, String> {
    let mut words = words.into_iter();
    let mut arguments = Arguments {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        http: None,
        scenario: None,
        seed: 0,
        documents: None,
        urls: None,
        store: None,
        requests: None,
        quiet: false,
        command: Vec::new(),
    };
    while let Some(word) = words.next() {
        let name = word.to_string_lossy().into_owned();
        let mut value = || words.next().ok_or_else(|| format!("{name} needs a value"));
        match name.as_str() {
            "--listen" => arguments.listen = address(&name, &value()?)?,
            "--http" => arguments.http = Some(address(&name, &value()?)?),
            "--scenario" => arguments.scenario = Some(value()?.into()),
            "--seed" => arguments.seed = number(&name, &value()?)?,
            "--documents" => arguments.documents = Some(value()?.into()),
            "--urls" => arguments.urls = Some(value()?.into()),
            "--store" => arguments.store = Some(value()?.into()),
            "--requests" => arguments.requests = Some(value()?.into()),
            "--quiet" => arguments.quiet = true,
            "--help" | "-h" => return Ok(Parsed::Help),
            "--" => {
                arguments.command = words.by_ref().collect();
                if arguments.command.is_empty() {
                    return Err("-- needs a command after it".to_owned());
                }
            }
            _ => return Err(format!("unknown argument {name}; a command goes after --")),
        }
    }
    Ok(Parsed::Run(Box::new(arguments)))
}

fn address(name: &str, value: &OsString) -> Result<SocketAddr, String> {
    let text = value.to_string_lossy();
    text.parse()
        .map_err(|_| format!("{name} needs an address and a port, as 127.0.0.1:8443, not {text}"))
}

fn number(name: &str, value: &OsString) -> Result<u64, String> {
    let text = value.to_string_lossy();
    text.parse().map_err(|_| format!("{name} needs a whole number, not {text}"))
}
