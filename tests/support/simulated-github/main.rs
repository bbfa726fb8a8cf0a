//! The simulated GitHub as a program: for a trial of the service without an account and a network.
//!
//! With a command, the program starts that command with an environment that sends its requests
//! here, passes signals on, and ends with it. Without a command, it prints that environment and
//! serves until it is interrupted.

mod arguments;
mod banner;
mod cassette;
mod child;
mod control;
mod documents;
mod environment;
mod readiness;
mod scenario;
mod store;

/// An inline module with a folder, as in `tests/support.rs`.
#[path = ".."]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the harness offers tests more than a program needs"
)]
mod support {
    pub mod canary;
    pub mod github;
}

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{Arguments, Parsed};
use control::Control;
use documents::Document;
use store::FreshStore;
use support::github::{Failure, GitHub, HOSTS};
use tokio::net::TcpListener;

/// A repository that was renamed.
const OLD_NAME: &str = "octo/kitten";
/// The current name of that repository.
const NEW_NAME: &str = "octo/cat";
/// A repository whose list has several pages.
const MANY: &str = "octo/many";
const RELEASES: usize = 250;
/// A file that is always refused, on a host without tokens, so that no token cools down because of
/// it.
const LIMITED: (&str, &str) = ("raw.githubusercontent.com", "/octo/limited/main/version.json");

/// A wrong use of the command line (`sysexits.h`).
const USAGE: u8 = 64;
/// A file that cannot be read.
const NO_INPUT: u8 = 66;
/// A folder that cannot be created.
const NO_FOLDER: u8 = 73;
/// A port that is not available.
const UNAVAILABLE: u8 = 69;

#[tokio::main]
async fn main() -> ExitCode {
    match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Parsed::Run(arguments)) => run(*arguments).await.unwrap_or_else(|code| code),
        Ok(Parsed::Help) => {
            let _ = io::stdout().write_all(arguments::HELP.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => fail(USAGE, &format!("{error}\nTry `simulated-github --help`.")),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, ExitCode> {
    let file = arguments.requests.clone();
    let github = start(&arguments).await?;
    let ended = serve_and_change(&arguments, &github).await;
    if let Some(file) = file {
        std::fs::write(&file, requests(&github))
            .map_err(|error| fail(NO_INPUT, &format!("{}: {error}", file.display())))?;
    }
    ended
}

/// Returns the requests so far, one per line.
fn requests(github: &GitHub) -> String {
    github.requests().iter().fold(String::new(), |mut lines, request| {
        let agent = request.header("user-agent").unwrap_or("-");
        let (method, host, target) = (&request.method, &request.host, &request.target);
        let _ = writeln!(lines, "{method} https://{host}{target} {agent}");
        lines
    })
}

async fn start(arguments: &Arguments) -> Result<GitHub, ExitCode> {
    let documents = documents::load(arguments.documents.as_deref(), arguments.urls.as_deref())
        .map_err(|error| fail(NO_INPUT, &error))?;
    let github =
        GitHub::start_on(arguments.listen, &further_hosts(&documents)).await.map_err(|error| {
            fail(UNAVAILABLE, &format!("cannot listen on {}: {error}", arguments.listen))
        })?;
    fill(&github, &documents);
    if !arguments.quiet && (arguments.documents.is_some() || arguments.urls.is_some()) {
        say(&documents::table(&documents));
    }
    Ok(github)
}

/// Serves, also over plain HTTP if requested, while the scenario runs.
async fn serve_and_change(arguments: &Arguments, github: &GitHub) -> Result<ExitCode, ExitCode> {
    let control = Control::new(github, arguments.seed);
    let steps = arguments.scenario.as_deref().map_or(Ok(Vec::new()), scenario::load);
    let later = steps.and_then(|steps| scenario::begin(steps, &control));
    let later = later.map_err(|error| fail(NO_INPUT, &error))?;
    let plain = async {
        let Some(address) = arguments.http else { return std::future::pending().await };
        match TcpListener::bind(address).await {
            Ok(listener) => {
                if let Ok(bound) = listener.local_addr() {
                    environment::say_api(bound);
                }
                github.serve_plain(listener, |request| control.answer(request)).await
            }
            Err(error) => fail(UNAVAILABLE, &format!("cannot listen on {address}: {error}")),
        }
    };
    let changes = async {
        if let Err(error) = scenario::go_on(&later, &control).await {
            fail(NO_INPUT, &error);
        }
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        ended = serve(arguments, github) => ended,
        code = plain => Err(code),
        never = changes => match never {},
    }
}

async fn serve(arguments: &Arguments, github: &GitHub) -> Result<ExitCode, ExitCode> {
    let parent = arguments.store.as_deref();
    let store = parent.map(FreshStore::new).transpose().map_err(|error| {
        fail(NO_FOLDER, &format!("no store below {:?}: {error}", parent.unwrap_or("".as_ref())))
    })?;
    let mut environment = environment::of(github);
    environment.extend(store.iter().map(environment::of_store));
    match arguments.command.split_first() {
        Some((program, command)) => {
            let running = child::run(program, command, &environment);
            let ended = tokio::select! {
                ended = running => ended,
                never = greet(arguments.quiet) => match never {},
            };
            ended.map_err(|error| {
                fail(UNAVAILABLE, &format!("cannot start {}: {error}", program.display()))
            })
        }
        None => {
            if !arguments.quiet {
                say(&banner::banner(&environment::port()));
            }
            let _ = io::stdout().write_all(environment::exports(&environment).as_bytes());
            child::interrupted().await.map_err(|error| fail(UNAVAILABLE, &error.to_string()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints the banner below the first log lines, once the service is ready.
async fn greet(quiet: bool) -> Infallible {
    let address = environment::address().filter(|_| !quiet);
    if let Some(address) = address {
        // Another service may have the port; then ours will end soon.
        if !readiness::is_ready(address).await {
            readiness::ready(address).await;
            say(&banner::banner(&environment::port()));
        }
    }
    std::future::pending().await
}

/// Returns the hosts of `--urls` that a simulation does not serve by default.
fn further_hosts(documents: &[Document]) -> Vec<&str> {
    let hosts: BTreeSet<&str> = documents.iter().map(|document| document.host.as_str()).collect();
    hosts.into_iter().filter(|host| !HOSTS.contains(host)).collect()
}

/// Fills the simulation with the documents, and with one example of each other behavior of GitHub.
fn fill(github: &GitHub, documents: &[Document]) {
    for document in documents {
        let Document { host, target, compact, .. } = document;
        if host == "api.github.com" {
            github.document_bytes(target, compact.clone());
        } else {
            github.file_on(host, target, &String::from_utf8_lossy(compact));
        }
    }
    for number in 1..=RELEASES {
        github.release(MANY).tag(&format!("v{number}.0.0")).assets(2).serve();
    }
    github.rename(OLD_NAME, NEW_NAME);
    let (host, path) = LIMITED;
    github.failing_on(host, path, Failure::RawThrottled429);
}

fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn fail(code: u8, error: &str) -> ExitCode {
    say(&format!("simulated-github: {error}\n"));
    ExitCode::from(code)
}
