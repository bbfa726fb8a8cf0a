//! The `svm` command: environment → telemetry → [`App::build`] → serve → exit code.

mod signals;

use std::fs::File;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use svm::app::{App, BLOCKING_THREADS, BuildError};
use svm::build_info;
use svm::clock::Clock;
use svm::commands::{Command, OwnService, explain, healthcheck, help, help_all, help_of, listing};
use svm::config::dotenv::NoDotenv;
use svm::config::redacted::{redacted, redacted_path};
use svm::config::{Config, Faults, NamedFiles, Server, Setting, Vars};
use svm::container::memory_limit;
use svm::descriptors;
use svm::dotenv_file::{self, DotenvSearch};
use svm::http;
use svm::panics;
use svm::tasks;
use svm::telemetry::{self, Lines, chain};
use svm::tls;
use svm::upstream::ClientError;

use signals::Signals;

// Many small bodies come and go on several threads; the system's allocator does not return the
// memory that it frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;
/// `EX_CONFIG` of sysexits.h.
const CONFIGURATION: u8 = 78;
const FAILURE: u8 = 1;

/// The time for the runtime to end abandoned work on blocking threads.
const RUNTIME_LIMIT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    panics::install_hook();
    // If this fails, such a signal ends the process, as it does by default.
    let _ = signals::survive();
    // `args` would panic on text that is not UTF-8.
    let arguments = std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned());
    let run = match Command::parse(arguments) {
        Ok(Command::Serve) => serve(),
        Ok(Command::Check) => check_configuration(),
        Ok(Command::Healthcheck) => check_health("/healthz"),
        Ok(Command::ReadyCheck) => check_health("/readyz"),
        Ok(Command::Explain { url, as_json }) => explain_url(&url, as_json),
        Ok(Command::Help) => print(&help()),
        Ok(Command::HelpAll) => print(&help_all()),
        Ok(Command::HelpOf(command)) => print(&help_of(command)),
        Ok(Command::Version) => print(&format!("{}\n", build_info::line())),
        Err(fault) => Err(Exit { code: USAGE, sentence: fault.to_string() }),
    };
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(Exit { code, sentence }) => {
            report(&sentence);
            ExitCode::from(code)
        }
    }
}

/// Writes a sentence to standard error, without tokens, and with the program's name on each line,
/// since a supervisor mixes the lines of many programs. Errors are ignored: if standard error is
/// closed, there is no other place to report to.
fn report(sentence: &str) {
    let lines: String = redacted(sentence).lines().map(|line| format!("svm: {line}\n")).collect();
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// The reason for the end of the process, and its exit code.
struct Exit {
    code: u8,
    sentence: String,
}

impl Exit {
    fn failure(sentence: impl Into<String>) -> Self {
        Self { code: FAILURE, sentence: sentence.into() }
    }
}

impl From<Faults> for Exit {
    fn from(faults: Faults) -> Self {
        Self { code: CONFIGURATION, sentence: faults.to_string() }
    }
}

impl From<dotenv_file::Error> for Exit {
    fn from(error: dotenv_file::Error) -> Self {
        Self { code: CONFIGURATION, sentence: chain(&error) }
    }
}

impl From<BuildError> for Exit {
    fn from(error: BuildError) -> Self {
        Self { code: code_of(&error), sentence: chain(&error) }
    }
}

impl FromIterator<Exit> for Exit {
    fn from_iter<T: IntoIterator<Item = Exit>>(exits: T) -> Self {
        let (codes, sentences): (Vec<_>, Vec<_>) =
            exits.into_iter().map(|exit| (exit.code, exit.sentence)).unzip();
        Self { code: codes.into_iter().max().unwrap_or(FAILURE), sentence: sentences.join("\n") }
    }
}

fn code_of(error: &BuildError) -> u8 {
    match error {
        BuildError::Store(_)
        | BuildError::Upstream(
            ClientError::Tls(tls::Error::Setup { .. }) | ClientError::Client(_),
        ) => FAILURE,
        BuildError::Upstream(_) | BuildError::Tls(_) => CONFIGURATION,
    }
}

fn print(text: &str) -> Result<(), Exit> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| Exit::failure(error.to_string()))
}

/// Performs the checks of a start without its effects.
fn check_configuration() -> Result<(), Exit> {
    let (mut config, vars, warnings) = configuration()?;
    for warning in warnings.into_iter().chain(vars.near_misses()) {
        report(&warning);
    }
    let text = listing(&config, &vars);
    if let Some(warning) = descriptors::fit(&mut config, descriptors::limit()) {
        report(&warning);
    }
    print(&text)
}

/// Formats the settings that differ from the defaults in one line, without secrets.
fn settings(config: &Config) -> String {
    let settings = config.unusual_settings();
    settings.map(|Setting { name, value }| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

fn check_health(path: &str) -> Result<(), Exit> {
    let answer = healthcheck(own_service()?, path).map_err(Exit::failure)?;
    print(&format!("{answer}\n"))
}

fn explain_url(url: &str, as_json: bool) -> Result<(), Exit> {
    print(&explain(own_service()?, url, as_json).map_err(Exit::failure)?)
}

/// Returns the address of the service that the environment configures.
fn own_service() -> Result<OwnService, Exit> {
    let (vars, _) = environment()?;
    let server = Server::from_vars(&vars)?;
    OwnService::new(server.host, server.port, server.certificate.is_some()).map_err(Exit::failure)
}

/// Returns the variables, and warnings about the environment.
fn environment() -> Result<(Vars, Vec<String>), Exit> {
    let mut warnings = Vec::new();
    let dotenv = match dotenv_file::read()? {
        DotenvSearch::Read(dotenv) => Ok(dotenv),
        DotenvSearch::Missing(why) => Err(why),
        DotenvSearch::NoFile(path, kind) => {
            warnings.push(format!("{} is {kind}, which is ignored", redacted_path(&path)));
            Err(NoDotenv::Absent)
        }
    };
    let vars = Vars::from_process(dotenv);
    warnings.extend(vars.ignored_proxy());
    Ok((vars, warnings))
}

/// Returns the configuration, adapted to the machine, and warnings. Fails with the faults of all
/// variables and of all files that they name.
fn configuration() -> Result<(Config, Vars, Vec<String>), Exit> {
    let (vars, mut warnings) = environment()?;
    let mut faults: Vec<_> =
        App::check(&NamedFiles::from_vars(&vars)).into_iter().map(Exit::from).collect();
    let config = Config::from_vars(&vars).map_err(|error| {
        // A mistyped name is often the reason for a fault.
        vars.near_misses().iter().for_each(|warning| report(warning));
        faults.insert(0, error.into());
    });
    let Some(mut config) = config.ok().filter(|_| faults.is_empty()) else {
        return Err(faults.into_iter().collect());
    };
    warnings.extend(config.revalidate.warning());
    warnings.extend(config.fit_into(memory_limit(Path::new("/")), &vars));
    Ok((config, vars, warnings))
}

fn serve() -> Result<(), Exit> {
    let (mut config, vars, warnings) = configuration()?;
    let cannot =
        |what: &'static str| move |error: io::Error| Exit::failure(format!("{what}: {error}"));
    // Standard output is written without a buffer, so that written and unwritten lines can be told
    // apart.
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let lines = stdout
        .and_then(|stdout| Lines::start(config.log.format, stdout))
        .map_err(cannot("the log cannot be started"))?;
    telemetry::install(&config.log, &lines).map_err(|error| Exit::failure(error.to_string()))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    log_settings(&config, &vars);
    raise_descriptors(&mut config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(cannot("the runtime cannot be started"))?;
    let end = tasks::run(&runtime, run(config, lines.clone()));
    runtime.shutdown_timeout(RUNTIME_LIMIT);
    lines.wait_until_written();
    end
}

/// Raises the limit of descriptors, and leaves enough of them for everything but clients.
fn raise_descriptors(config: &mut Config) {
    if let Err(error) = descriptors::raise() {
        tracing::warn!(%error, "the limit on file descriptors cannot be raised");
    }
    if let Some(warning) = descriptors::fit(config, descriptors::limit()) {
        tracing::warn!("{warning}");
    }
}

fn log_settings(config: &Config, vars: &Vars) {
    let dotenv = vars.dotenv().unwrap_or_else(|_| "none".to_owned());
    tracing::info!(settings = settings(config), %dotenv, "configuration");
}

async fn run(config: Config, lines: Lines) -> Result<(), Exit> {
    let address = SocketAddr::new(config.server.host, config.server.port);
    let scheme = if config.server.certificate.is_some() { "https" } else { "http" };
    let failed = |error: io::Error| Exit::failure(format!("cannot listen on {address}: {error}"));
    let mut signals = Signals::listen().map_err(failed)?;
    let app = tokio::select! {
        app = App::build(config, Clock::System, lines) => app?,
        () = signals.next() => return Ok(()),
    };
    // The service listens only now: while the store waits for another process, that process may
    // still listen. It is better to refuse clients than to keep them waiting.
    let listener = http::bind(address).map_err(failed)?;
    // The bound address differs from the configured one if the system chose the port.
    let bound = listener.local_addr().map_err(failed)?;
    tracing::info!(address = %bound, scheme, version = build_info::VERSION, commit = build_info::COMMIT, "serving");
    // The system frees its memory with the process, at once. Freeing a million entries one by one
    // takes seconds.
    let _kept_to_the_end = ManuallyDrop::new(app.cache().clone());
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = app.serve(listener, async {
        let _ = stopped.await;
    });
    let twice = async {
        signals.next().await;
        let _ = stop.send(());
        signals.next_order().await;
    };
    tokio::select! {
        report = serving => report.map(drop).map_err(failed),
        () = twice => Err(Exit::failure("a second signal: ended at once, without draining")),
    }
}
