//! Where the text of variables comes from: the process's environment, or a test.
//!
//! Only this module reads the environment, and only the variables of the table and of proxies. It
//! does not judge their values.

use std::collections::HashMap;

use super::VARIABLES;

/// The variables by which other programs find a proxy.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// The variables that are set. Blanks around a value are ignored, and a blank value counts as unset.
pub struct Vars(HashMap<String, Value>);

pub(super) enum Value {
    /// Not blank.
    Text(String),
    NotUtf8,
}

impl Vars {
    /// Reads the environment of the process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_process() -> Self {
        let names = VARIABLES.iter().map(|variable| variable.name).chain(PROXIES);
        let values = names.filter_map(|name| {
            let value = match std::env::var_os(name)?.into_string() {
                Ok(text) => Value::text(&text)?,
                Err(_) => Value::NotUtf8,
            };
            Some((name.to_owned(), value))
        });
        Self(values.collect())
    }

    /// The warning that a proxy is named which svm does not use: which variables, and what to use
    /// instead. Their values may hold a password.
    pub fn ignored_proxy(&self) -> Option<String> {
        let set: Vec<_> = PROXIES.into_iter().filter(|name| self.get(name).is_some()).collect();
        let verb = if set.len() > 1 { "are" } else { "is" };
        let warning = format!(
            "{} {verb} set and ignored: svm uses no proxy; UPSTREAM_CONNECT_TO names what to connect to in place of a host",
            set.join(", ")
        );
        (!set.is_empty()).then_some(warning)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl<K: Into<String>, V: AsRef<str>> FromIterator<(K, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let values = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), Value::text(value.as_ref())?)));
        Self(values.collect())
    }
}

impl Value {
    fn text(value: &str) -> Option<Self> {
        let value = value.trim_ascii();
        (!value.is_empty()).then(|| Self::Text(value.to_owned()))
    }
}

/// Adds the variables of the `.env` file in this folder or one above it to the environment; those that are set
/// already stay. No such file is no error, and one that cannot even be seen is none: a service may well run as a
/// user who cannot search the working folder.
///
/// It changes the environment of the process, so it must run before a second thread does.
pub fn load_dotenv() -> Result<(), Error> {
    let Ok(folder) = std::env::current_dir() else { return Ok(()) };
    let mut candidates = folder.ancestors().map(|folder| folder.join(".env"));
    match candidates.find(|file| file.is_file()) {
        Some(file) => Ok(dotenvy::from_path(file)?),
        None => Ok(()),
    }
}

/// Why `.env` could not be loaded. It never repeats a line of the file, which may hold a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there and cannot be read.
    #[error(".env cannot be read")]
    Read(#[source] std::io::Error),
    /// A line of a variable of ours is malformed.
    #[error(
        ".env: the line of {variable} is malformed; accepted: NAME=value, in single quotes if it holds blanks, `#` or `$`"
    )]
    Variable {
        /// The variable.
        variable: &'static str,
    },
    /// Some other line is malformed.
    #[error(
        ".env: a line is malformed; accepted: NAME=value, in single quotes if it holds blanks, `#` or `$`"
    )]
    Line,
}

impl From<dotenvy::Error> for Error {
    fn from(error: dotenvy::Error) -> Self {
        match error {
            dotenvy::Error::Io(error) => Self::Read(error),
            dotenvy::Error::LineParse(line, _) => {
                let name = line.split_once('=').map_or("", |(name, _)| name.trim());
                let known = VARIABLES.iter().find(|variable| variable.name == name);
                known.map_or(Self::Line, |known| Self::Variable { variable: known.name })
            }
            _ => Self::Line,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Error, Vars};

    #[test]
    fn an_error_never_repeats_the_line() {
        for (line, expected) in [
            ("GITHUB_PATS=ghp_secret 'x", ".env: the line of GITHUB_PATS is malformed"),
            ("ghp_secret=x y z", ".env: a line is malformed"),
            ("ghp_secret", ".env: a line is malformed"),
        ] {
            let error = Error::from(dotenvy::Error::LineParse(line.to_owned(), 3));
            let text = format!("{error} {error:?}");
            assert!(text.starts_with(expected), "{text}");
            assert!(!text.contains("ghp_secret"), "{text}");
        }
        let error = Error::from(dotenvy::Error::Io(io::ErrorKind::PermissionDenied.into()));
        assert_eq!(error.to_string(), ".env cannot be read");
    }

    #[test]
    fn a_proxy_that_is_named_is_ignored_by_name() {
        let warning =
            |vars: &[(&str, &str)]| vars.iter().copied().collect::<Vars>().ignored_proxy();
        assert_eq!(warning(&[("HTTPS_PROXY", " "), ("NO_PROXY", "*"), ("HOST", "::")]), None);
        for name in super::PROXIES {
            let told = warning(&[(name, "http://user:secret@proxy:3128")]).unwrap();
            assert!(told.starts_with(&format!("{name} is set and ignored")), "{told}");
            assert!(!told.contains("secret") && !told.contains("3128"), "{told}");
        }
        let told = warning(&[("https_proxy", "p"), ("HTTPS_PROXY", "p")]).unwrap();
        assert!(told.starts_with("HTTPS_PROXY, https_proxy are set and ignored"), "{told}");
    }

    #[test]
    fn only_variables_of_the_table_are_read_from_the_process() {
        let vars = Vars::from_process();
        assert!(vars.get("PATH").is_none());
    }
}
