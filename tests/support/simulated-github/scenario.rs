//! A scenario: changes at the start, and changes at later seconds.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::control::{Control, Words};

/// A change and its time.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    after: Duration,
    verb: String,
    words: Words,
}

/// Reads a file of steps; an error is a sentence that names the line.
pub(crate) fn load(file: &Path) -> Result<Vec<Step>, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    parse(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn parse(text: &str) -> Result<Vec<Step>, String> {
    let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let mut steps = lines
        .map(|(line, number)| step(line).ok_or_else(|| format!("line {number} is no step: {line}")))
        .collect::<Result<Vec<_>, _>>()?;
    steps.sort_by_key(|step| step.after);
    Ok(steps)
}

fn step(line: &str) -> Option<Step> {
    let (after, line) = match line.strip_prefix('@') {
        Some(rest) => {
            let (seconds, rest) = rest.split_once(' ')?;
            (Duration::from_secs(seconds.parse().ok()?), rest)
        }
        None => (Duration::ZERO, line),
    };
    let mut words = line.split_whitespace();
    let verb = words.next()?.to_owned();
    let words = words.map(|word| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    Some(Step { after, verb, words: words.collect::<Option<_>>()? })
}

/// Makes the changes of the start before anything is served. Returns the later ones.
pub(crate) fn begin(steps: Vec<Step>, control: &Control<'_>) -> Result<Vec<Step>, String> {
    let (first, later): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.after.is_zero());
    let change = |step: &Step| control.change(&step.verb, &step.words);
    first.iter().try_for_each(change).map_err(|refused| refused.to_string())?;
    Ok(later)
}

/// Makes the later changes at their times. An error names the change.
pub(crate) async fn go_on(steps: &[Step], control: &Control<'_>) -> Result<(), String> {
    let mut passed = Duration::ZERO;
    for Step { after, verb, words } in steps {
        sleep(*after - passed).await;
        passed = *after;
        control.change(verb, words).map_err(|refused| refused.to_string())?;
    }
    Ok(())
}
