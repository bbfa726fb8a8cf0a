//! This program once more, in the role of an upstream: a process of its own.
//!
//! It prints its address, and then its counts for each line on standard input. It ends with its
//! standard input, and so with the process that started it, in whatever way that one ends.

use std::io::{self, BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A process that runs; killed when dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// The value of `UPSTREAM_CONNECT_TO`.
    pub(crate) connect_to: String,
    /// The value of `UPSTREAM_CA_FILE`.
    pub(crate) ca_file: String,
}

impl Process {
    /// Starts one; the first of these words is its role.
    pub(crate) fn start(words: &[String]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args(words)
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
    pub(crate) fn told(&mut self) -> Value {
        self.tell("")
    }

    /// Tells it something, and asks what it has counted.
    pub(crate) fn tell(&mut self, word: &str) -> Value {
        writeln!(self.input, "{word}").expect("a process that listens");
        line(&mut self.output)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the other side: prints its address, and its counts for each line that it reads, until the
/// standard input ends. `told` sees each line before the counts are taken.
pub(crate) fn answer(connect_to: &str, ca_file: &str, told: impl Fn(&str) -> Value) {
    say(&json!({"connect_to": connect_to, "ca_file": ca_file}));
    for word in io::stdin().lines() {
        say(&told(&word.unwrap_or_default()));
    }
}

fn line(output: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = output.next().expect("a process that answers").expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

fn say(value: &Value) {
    let mut output = io::stdout();
    let written = writeln!(output, "{value}").and_then(|()| output.flush());
    // The reader is gone, and the standard input ends with it.
    drop(written);
}
