//! The rules of language, for all code, including tests and benches.

use super::sources::rust_files;
use super::{File, assert_none, files};

const INTERROGATIVES: [&str; 10] =
    ["What", "Who", "Whose", "Whoever", "Whether", "How", "When", "Where", "Which", "Why"];

const WIDEST: usize = 100;
const LONGEST_NAME: usize = 60;

/// The first line of a module is a noun phrase.
#[test]
fn module_heads_ask_nothing() {
    let heads = rust_files().into_iter().filter_map(|File { path, text }| {
        let head = text.lines().next()?;
        begins_as_question(head.strip_prefix("//! ")?).then(|| format!("{path}: {head}"))
    });
    assert_none(heads);
}

/// The first line of a doc comment names the thing, or says what a function does.
#[test]
fn doc_comments_ask_nothing() {
    let faults = rust_files().into_iter().flat_map(|File { path, text }| {
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        let begins = |lines: &&[&str]| !lines[0].starts_with("///");
        let asks = |line: &str| line.strip_prefix("/// ").is_some_and(begins_as_question);
        let first = lines.windows(2).filter(begins).map(|lines| lines[1]).filter(|line| asks(line));
        first.map(|line| format!("{path}: {line}")).collect::<Vec<_>>()
    });
    assert_none(faults);
}

#[test]
fn comments_are_narrow() {
    assert_lines(|line| is_comment(line) && line.chars().count() > WIDEST);
}

#[test]
fn comments_of_scripts_and_settings_are_narrow() {
    let endings =
        ["sh", "toml", "yml", "yaml", "lua", "vcl", "conf", "run", "justfile", "Dockerfile"];
    let is_one = |file: &File| endings.iter().any(|ending| file.path.ends_with(ending));
    let is_wide = |line: &str| {
        let is_comment = ["# ", "-- "].iter().any(|mark| line.trim_start().starts_with(mark));
        is_comment && line.chars().count() > WIDEST
    };
    assert_none(files("").into_iter().filter(is_one).flat_map(|File { path, text }| {
        let wide = text.lines().zip(1..).filter(|(line, _)| is_wide(line));
        wide.map(|(_, at)| format!("{path}:{at}")).collect::<Vec<_>>()
    }));
}

/// Lines of tables, of code and of a single link are exempt.
#[test]
fn prose_is_narrow() {
    let documents = files("").into_iter().filter(|file| file.path.ends_with(".md"));
    assert_none(documents.flat_map(|File { path, text }| {
        let mut is_code = false;
        let wide = text.lines().zip(1..).filter(|(line, _)| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            let is_exempt = is_code || line.starts_with(['|', '#']) || !line.contains(' ');
            line.chars().count() > WIDEST && !is_exempt
        });
        wide.map(|(_, at)| format!("{path}:{at}")).collect::<Vec<_>>()
    }));
}

/// The subject of a sentence is a thing, so that a reader does not need to guess it.
#[test]
fn comments_pose_no_riddles() {
    let words = ["What ", "Who ", "Whose ", "Whoever "];
    let begins = |text: &str| words.iter().any(|word| text.starts_with(word));
    assert_lines(|line| {
        let text = line.trim_start().trim_start_matches(['/', '!', ' ']);
        let has_one = || text.split(['.', ':', ';', '?']).skip(1).map(str::trim_start).any(begins);
        is_comment(line) && (begins(text) || has_one() || text.contains("whoever"))
    });
}

#[test]
fn names_of_tests_are_short_and_name_their_subject() {
    let riddles = ["what_", "who_", "whose_", "whoever_"];
    assert_lines(|line| {
        let name = line.split_once("fn ").map_or("", |(_, rest)| rest.split('(').next().unwrap());
        let is_riddle = riddles.iter().any(|word| name.starts_with(word));
        (name.len() > LONGEST_NAME || is_riddle) && !name.contains(' ')
    });
}

/// Asserts that no line of code has this fault.
#[track_caller]
fn assert_lines(has_fault: impl Fn(&str) -> bool) {
    assert_none(rust_files().into_iter().flat_map(|File { path, text }| {
        let lines = text.lines().zip(1..).filter(|(line, _)| has_fault(line));
        lines.map(|(line, at)| format!("{path}:{at}: {}", line.trim())).collect::<Vec<_>>()
    }));
}

fn begins_as_question(text: &str) -> bool {
    let word = text.split([' ', '.', ',', ':']).next();
    word.is_some_and(|word| INTERROGATIVES.contains(&word))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}
