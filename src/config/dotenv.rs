//! A parser of `.env` files. It sets nothing in the environment of the process.
//!
//! A line of the file may hold a token, so an error names the variable or the line number, and
//! repeats nothing else.

mod blank;
mod lines;
mod quoted;

use std::fmt;
use std::path::{Path, PathBuf};

pub use quoted::quoted;

use self::blank::Aliases;
use self::lines::{DotenvLines, DotenvProgress};
use super::process;
use super::variables::VARIABLES;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// More bytes than all values of any file need. The limit exists because each value may repeat
/// earlier ones.
const MOST_BYTES: usize = 1 << 20;

/// A parsed `.env` file. It does not derive `Debug`, since the values may be tokens.
pub struct Dotenv {
    path: PathBuf,
    variables: Vec<(String, String)>,
}

impl Dotenv {
    /// Parses the contents of the file at `path`. A `$NAME` in a value stands for a variable of the
    /// process that is not blank, or of an earlier line.
    ///
    /// # Errors
    ///
    /// [`Error`], of the first faulty line.
    pub fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let fault = |problem, at: usize| Error { problem, place: FilePosition::of_byte(bytes, at) };
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(fault(Problem::Nul, at));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| fault(Problem::NotUtf8, error.valid_up_to()))?;
        // Without a line break at the end, the parser reports a blank at the end of the last line
        // as an unterminated value.
        let text = format!("{text}\n");
        let variables = variables(&text, process::text).map_err(|(problem, line)| Error {
            problem,
            place: FilePosition::of_line(&text, line),
        })?;
        Ok(Self { path, variables })
    }

    /// Returns the absolute path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns names and values in the order of the file. A name may occur more than once.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// The reason why the contents of `.env` cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(".env: {place} {problem}")]
pub struct Error {
    place: FilePosition,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    /// No value can hold a NUL character: in the environment, it would end the value.
    #[error("holds a NUL character, which no value can hold")]
    Nul,
    #[error("is not valid UTF-8")]
    NotUtf8,
    #[error("is malformed; accepted: NAME=value, in single quotes if it holds blanks, `#` or `$`")]
    Malformed,
    #[error("makes the values longer than {MOST_BYTES} bytes in all")]
    TooLong,
}

/// The reason why no `.env` was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDotenv {
    /// There is no file of that name, or it is not a regular file.
    Absent,
    /// There may be a file, but its folder or the target of a link cannot be searched.
    Unseen,
}

impl fmt::Display for NoDotenv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there is no .env in the working folder",
            Self::Unseen => "a .env in the working folder cannot be seen",
        })
    }
}

/// A position in the file.
#[derive(Debug, PartialEq, Eq)]
struct FilePosition {
    /// The line number, counted from 1.
    line: usize,
    /// The variable of svm that the line sets.
    variable: Option<&'static str>,
}

impl FilePosition {
    fn of_byte(bytes: &[u8], at: usize) -> Self {
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        let text = bytes.split(|byte| *byte == b'\n').nth(line - 1).unwrap_or_default();
        Self { line, variable: variable(&String::from_utf8_lossy(text)) }
    }

    fn of_line(text: &str, line: usize) -> Self {
        Self { line, variable: variable(text.lines().nth(line - 1).unwrap_or_default()) }
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variable {
            Some(variable) => write!(f, "the line of {variable}"),
            None => write!(f, "line {}", self.line),
        }
    }
}

/// Returns the variable of svm that a line sets, if a faulty line still shows it.
fn variable(line: &str) -> Option<&'static str> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim().trim_start_matches("export").trim_start();
    VARIABLES.iter().map(|variable| variable.name).find(|known| *known == name)
}

/// Parses a text that ends with a line break. Fails with the problem and the number of the line
/// where it begins.
fn variables(
    text: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, (Problem, usize)> {
    let aliases = Aliases::of(text, environment);
    let text = aliases.rename(text);
    let progress = DotenvProgress::new(aliases.longest, MOST_BYTES);
    let (mut variables, mut bytes) = (Vec::new(), 0);
    for item in dotenvy::from_read_iter(DotenvLines::new(&text, &progress)) {
        let (name, value) = item.map_err(|error| match error {
            dotenvy::Error::Io(_) => (Problem::TooLong, progress.lines()),
            error => (Problem::Malformed, first_line(&error, progress.lines())),
        })?;
        if aliases.has(&name) {
            continue;
        }
        bytes += value.len();
        if bytes > MOST_BYTES {
            return Err((Problem::TooLong, progress.lines()));
        }
        progress.end_item(value.len(), aliases.line(&name, &value));
        variables.push((name, aliases.restore(value)));
    }
    Ok(variables)
}

/// Returns the line where the value begins that the parser refused after it had read `last` lines.
fn first_line(error: &dotenvy::Error, last: usize) -> usize {
    let dotenvy::Error::LineParse(refused, _) = error else { return last };
    let breaks = refused.matches('\n').count();
    // The parser reports an unterminated value with its last line break, any other value without.
    let first = if refused.ends_with('\n') { last + 1 } else { last }.saturating_sub(breaks);
    first.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Dotenv, Error> {
        Dotenv::parse(PathBuf::from("/app/.env"), bytes)
    }

    #[track_caller]
    fn read(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")).variables
    }

    #[test]
    fn an_error_names_the_place_and_never_the_line() {
        let bytes = |text: &'static str| text.as_bytes().to_vec();
        for (file, expected) in [
            (bytes("GITHUB_PATS=ghp_secret 'x"), "the line of GITHUB_PATS is malformed"),
            (bytes("GITHUB_PATS=ghp_secret x\nPORT=1"), "the line of GITHUB_PATS is malformed"),
            (bytes("PORT=1\n\nexport HOST='ghp_secret\nPORT=2\n"), "the line of HOST is malformed"),
            (bytes("PORT=1\n# x\nghp_secret=x y z"), "line 3 is malformed"),
            (bytes("A='1\n2'\nghp_secret\nB=1"), "line 3 is malformed"),
            (bytes("A='1\n2\n3' ghp_secret\nB=1"), "line 1 is malformed"),
            (bytes("ghp_secret"), "line 1 is malformed"),
            (bytes("PORT=\0ghp_secret"), "the line of PORT holds a NUL"),
            (bytes("A=1\r\nPO\0RT=ghp_secret"), "line 2 holds a NUL"),
            (bytes("# ghp_secret\0"), "line 1 holds a NUL"),
            (b"A=1\nHOST=ghp_secret\xff\n".to_vec(), "the line of HOST is not valid UTF-8"),
            (b"\xff\xfeP\0".to_vec(), "line 1 holds a NUL"),
        ] {
            let shown = String::from_utf8_lossy(&file).into_owned();
            let Err(error) = parse(&file) else { panic!("{shown:?} is taken") };
            let text = format!("{error} {error:?}");
            assert!(text.starts_with(&format!(".env: {expected}")), "{shown:?}: {text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn the_forms_of_a_line_are_those_of_dotenvy() {
        for (text, value) in [
            ("\u{feff}PORT=1", "1"),
            ("PORT=1\r\n", "1"),
            ("export PORT = 1 # one", "1"),
            ("PORT=1 ", "1"),
            ("PORT='a b#$X'", "a b#$X"),
            ("PORT=\"a\\n\\\"b\\$\"", "a\n\"b$"),
            ("PORT='1\n2'", "1\n2"),
            ("PORT=", ""),
            ("PORT=a=b", "a=b"),
        ] {
            assert_eq!(read(text), [("PORT".to_owned(), value.to_owned())], "{text:?}");
        }
        let substituted = read("FIRST=x\nPORT=${FIRST}1$FIRST$ABSENT");
        assert_eq!(substituted[1].1, "x1x");
    }

    #[test]
    fn a_blank_variable_of_the_environment_hides_none_of_the_file() {
        let environment = |name: &str| match name {
            "BLANK" | "A.B" | "C_D" => Some(" ".to_owned()),
            _ => None,
        };
        let read = |text: &str| {
            let read = variables(&format!("{text}\n"), environment).expect(text);
            read.last().cloned().unwrap().1
        };
        for (text, value) in [
            ("BLANK=1\nPORT=${BLANK}s", "1s"),
            ("BLANK=1\nPORT=$BLANK-$BLANK", "1-1"),
            ("BLANK=1\nPORT=\"a ${BLANK} $BLANK b\"", "a 1 1 b"),
            ("BLANK='a $X\\ \n\"'\nPORT=${BLANK}", "a $X\\ \n\""),
            ("BLANK=1\nBLANK=2\nPORT=$BLANK", "2"),
            ("A.B=1\nC_D=2\nPORT=${A.B}${C_D}", "12"),
            ("BLANK=1\nX=$BLANK\nPORT=${X}$BLANK", "11"),
            ("PORT=x$BLANK", "x"),
            ("PORT=$BLANK\nBLANK=1", "1"),
            // A `$` without a meaning.
            ("BLANK=1\nPORT='$BLANK ${BLANK}'", "$BLANK ${BLANK}"),
            ("BLANK=1\nPORT=\\$BLANK", "$BLANK"),
            ("BLANK=1\nX='$BLANK'\nPORT=$X", "$BLANK"),
            // Other names with the same beginning.
            ("BLANK=1\nBLANK2=2\nPORT=$BLANK2", "2"),
            ("BLANK=1\nPORT=SVMBLANK0Z$BLANK", "SVMBLANK0Z1"),
        ] {
            assert_eq!(read(text), value, "{text:?}");
        }
        let Err((problem, line)) = variables("BLANK=1\nX=$BLANK\n\nPORT=a b\n", environment) else {
            panic!("it is taken")
        };
        assert_eq!((problem, line), (Problem::Malformed, 4));
    }

    #[test]
    fn values_that_multiply_end_in_an_error() {
        let doubled = |count: usize| {
            (1..count).fold("A0=0123456789\n".to_owned(), |text, at| {
                text + &format!("A{at}=$A{before}$A{before}\n", before = at - 1)
            })
        };
        assert_eq!(read(&doubled(16)).len(), 16);
        let error = parse(doubled(40).as_bytes()).err().expect("it is taken");
        assert_eq!(error.problem, Problem::TooLong);
        assert_eq!(error.place.line, 17);
        // A single line that would take terabytes.
        let line = format!("A='{}'\nPORT={}\n", "x".repeat(500_000), "$A".repeat(250_000));
        let error = parse(line.as_bytes()).err().expect("it is taken");
        assert!(error.to_string().starts_with(".env: the line of PORT makes the values longer"));
        let line = format!("PORT=\"{}\"\n", "$A\n".repeat(100_000));
        let large = |name: &str| (name == "A").then(|| "x".repeat(100_000));
        let error = variables(&line, large).expect_err("it is taken");
        assert_eq!(error.0, Problem::TooLong);
    }

    #[test]
    fn a_line_longer_than_any_buffer_is_read() {
        let long = "x".repeat(100_000);
        assert_eq!(read(&format!("A={long}\nB=1"))[0].1, long);
        let Err(error) = parse(format!("A={long}\nB 1").as_bytes()) else { panic!("it is taken") };
        assert_eq!(error.place.line, 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "([A-Z_]{1,3}=)?[\\PC\n\r\"'$\\\\{}# ]{0,60}") {
            let _ = parse(text.as_bytes());
        }
    }
}
