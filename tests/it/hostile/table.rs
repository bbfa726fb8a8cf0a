//! The reader of the tables in `testdata/hostile`: one case per line, in columns that two or more
//! blanks separate. The unit tests of [`Target`](svm::target::Target) read them too.

use std::iter;

/// A line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its line in the table.
    pub(crate) line: usize,
    /// Its columns; the last one is the reason.
    pub(crate) columns: Vec<String>,
}

/// Returns the cases of a table, without empty lines and comments.
pub(crate) fn cases(table: &str) -> Vec<Case> {
    let lines = (1..).zip(table.lines());
    let cases = lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
    let case = |(line, text): (usize, &str)| {
        let columns = text.split("  ").map(str::trim).filter(|column| !column.is_empty());
        Case { line, columns: columns.map(unescape).collect() }
    };
    cases.map(case).collect()
}

/// Decodes `\t`, `\n`, `\r`, `\\`, `\s` for a blank, `\u{ad}` for a character, and `\{64*a}` for a
/// repeated text.
fn unescape(column: &str) -> String {
    let mut text = String::new();
    let mut rest = column;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (spelt, after) = unescape_one(escape);
        text.push_str(&spelt);
        rest = after;
    }
    text + rest
}

/// Returns the text of the escape after a backslash, and the rest.
fn unescape_one(escape: &str) -> (String, &str) {
    let (kind, after) = escape.split_at_checked(1).expect("something behind a backslash");
    let braced = || after.trim_start_matches('{').split_once('}').expect("a closing brace");
    match kind {
        "t" => ("\t".into(), after),
        "n" => ("\n".into(), after),
        "r" => ("\r".into(), after),
        "s" => (" ".into(), after),
        "\\" => ("\\".into(), after),
        "u" => {
            let (number, after) = braced();
            let number = u32::from_str_radix(number, 16).expect("a hexadecimal number");
            (char::from_u32(number).expect("a character").into(), after)
        }
        "{" => {
            let (repeated, after) = braced();
            let (times, text) = repeated.split_once('*').expect("how often");
            (iter::repeat_n(text, times.parse().expect("a number")).collect(), after)
        }
        other => panic!("an unknown escape: {other}"),
    }
}
