//! The simulated GitHub as a process of its own: this program once more, in another role.
//!
//! It says on standard output where it is, and then, for each line on standard input, what it has counted. It ends with
//! its standard input, and so with whoever started it, however that one ended.

use std::io::{self, BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::documents::Family;
use crate::harness::github::GitHub;

/// The word that asks for this role.
const ROLE: &str = "simulated-github";

/// The tokens of the one user, who never runs out of quota.
pub(crate) const TOKENS: &str = "ghp_first,ghp_second";

/// A simulation that runs; killed when dropped.
pub(crate) struct Simulation {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// The value of `UPSTREAM_CONNECT_TO`.
    pub(crate) connect_to: String,
    /// The value of `UPSTREAM_CA_FILE`.
    pub(crate) ca_file: String,
}

/// What it has counted so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Requests that cost quota.
    pub(crate) charged: u64,
    /// Answers 304, which cost none.
    pub(crate) free: u64,
    /// Requests for each document of the first family.
    pub(crate) calls: Vec<u64>,
}

impl Simulation {
    /// Starts one with these documents.
    pub(crate) fn start(families: &[Family<'_>]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .arg(ROLE)
            .args(families.iter().map(Family::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program once more");
        let input = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let place = line(&mut output);
        let text = |name: &str| place[name].as_str().expect("a text").to_owned();
        let (connect_to, ca_file) = (text("connect_to"), text("ca_file"));
        Self { child, input, output, connect_to, ca_file }
    }

    /// Asks what it has counted.
    pub(crate) fn told(&mut self) -> Told {
        self.input.write_all(b"\n").expect("a simulation that listens");
        let told = line(&mut self.output);
        let number = |value: &Value| value.as_u64().expect("a number");
        let calls = told["calls"].as_array().expect("a list").iter().map(number).collect();
        Told { charged: number(&told["charged"]), free: number(&told["free"]), calls }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // It fails where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Told {
    /// Requests for all documents of the first family.
    pub(crate) fn total(&self) -> u64 {
        self.calls.iter().sum()
    }

    /// What came after `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let calls = self.calls.iter().zip(&earlier.calls).map(|(now, then)| now - then);
        Self {
            charged: self.charged - earlier.charged,
            free: self.free - earlier.free,
            calls: calls.collect(),
        }
    }
}

fn line(output: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = output.next().expect("a simulation that answers").expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

/// The documents of this role, if these words ask for it.
pub(crate) fn role(words: &[String]) -> Option<Vec<Family<'_>>> {
    let (role, families) = words.split_first()?;
    let families = families.iter().filter_map(|text| Family::parse(text)).collect();
    (role == ROLE).then_some(families)
}

/// Serves until the standard input ends.
pub(crate) fn serve(families: &[Family<'_>]) {
    let runtime = Runtime::new().expect("a runtime");
    let github = runtime.block_on(GitHub::start());
    let user = github.user("chaos").limit(u64::MAX);
    TOKENS.split(',').fold(user, |user, token| user.token(token));
    for document in families.iter().flat_map(Family::documents) {
        github.document_bytes(document.path(), document.body());
    }
    say(&json!({"connect_to": github.connect_to(), "ca_file": github.ca_file()}));
    for _ in io::stdin().lines() {
        let calls = families.first().map(|family| {
            family.documents().map(|document| github.calls(document.path())).collect::<Vec<_>>()
        });
        say(&json!({"charged": github.charged(), "free": github.free(), "calls": calls}));
    }
}

fn say(value: &Value) {
    let mut output = io::stdout();
    let written = writeln!(output, "{value}").and_then(|()| output.flush());
    // Whoever listened is gone, and the standard input ends with it.
    drop(written);
}
