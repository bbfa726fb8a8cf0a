//! The sources of variables: the process's environment and `.env`, or a test.
//!
//! This module reads only the variables of the table and those of proxies, and does not judge their
//! values.

use std::collections::{HashMap, HashSet};

use super::dotenv::{Dotenv, NoDotenv};
use super::near_miss::near_miss;
use super::process;
use super::redacted::redacted_path;
use super::variables::VARIABLES;

/// The variables by which other programs find a proxy.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// Variables that other programs and the plans of svm have, with the feature that svm lacks.
const UNSUPPORTED: [(&str, &str); 4] = [
    ("REDIS_CERT_FILE", "client certificates for Redis"),
    ("REDIS_KEY_FILE", "client certificates for Redis"),
    ("REDIS_SENTINEL_PASSWORD", "Redis Sentinel"),
    ("REDIS_SENTINEL_USER", "Redis Sentinel"),
];

/// The variables that are set. Blanks around a value are ignored, and a blank value counts as
/// unset.
pub struct Vars {
    values: HashMap<String, Value>,
    dotenv: Result<Dotenv, NoDotenv>,
}

pub(super) enum Value {
    /// A text that is not blank.
    Text(String),
    NotUtf8,
}

impl Vars {
    /// Reads the environment of the process, and unset variables from `.env`. It does not change
    /// the environment.
    pub fn from_process(dotenv: Result<Dotenv, NoDotenv>) -> Self {
        let others = PROXIES.into_iter().chain(UNSUPPORTED.map(|(name, _)| name));
        let names = VARIABLES.iter().map(|variable| variable.name).chain(others);
        let mut values: HashMap<_, _> =
            names.filter_map(|name| Some((name.to_owned(), of_process(name)?))).collect();
        for (name, value) in dotenv.iter().flat_map(Dotenv::pairs) {
            if let Some(value) = Value::text(value) {
                // Of several lines, the first counts.
                values.entry(name.to_owned()).or_insert(value);
            }
        }
        Self { values, dotenv }
    }

    /// Returns the path of the `.env` file that was read, without credentials, or the reason why
    /// there is none.
    pub fn dotenv(&self) -> Result<String, NoDotenv> {
        self.dotenv.as_ref().map(|dotenv| redacted_path(dotenv.path())).map_err(|why| *why)
    }

    /// Returns a warning if a proxy is configured that svm ignores. It names the variables and the
    /// alternative, but no values, which may hold a password.
    pub fn ignored_proxy(&self) -> Option<String> {
        let set: Vec<_> = PROXIES.into_iter().filter(|name| self.get(name).is_some()).collect();
        let verb = if set.len() > 1 { "are" } else { "is" };
        let warning = format!(
            "{} {verb} set and ignored: svm uses no proxy; UPSTREAM_CONNECT_TO names what to connect to in place of a host",
            set.join(", ")
        );
        (!set.is_empty()).then_some(warning)
    }

    /// Returns a warning for each name in `.env` that has no effect and resembles a variable.
    pub fn near_misses(&self) -> Vec<String> {
        let names = self.dotenv.iter().flat_map(Dotenv::pairs).map(|(name, _)| name);
        let mut seen = HashSet::new();
        let unknown = names.filter(|name| !PROXIES.contains(name) && seen.insert(*name));
        let misses = unknown.filter_map(|name| Some((name, near_miss(name)?)));
        let warning = |(name, meant)| format!(".env: {name} has no effect; did you mean {meant}?");
        misses.map(warning).collect()
    }

    /// Returns the variables that are set although svm lacks their feature, and the feature. To
    /// ignore one could mean, for example, a connection without the certificate that it names.
    pub(super) fn unsupported(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        UNSUPPORTED.into_iter().filter(|(name, _)| self.is_set(name))
    }

    /// Returns true if the variable has a value that is not blank.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

fn of_process(name: &str) -> Option<Value> {
    match process::read(name)?.into_string() {
        Ok(text) => Value::text(&text),
        Err(_) => Some(Value::NotUtf8),
    }
}

impl<K: Into<String>, V: AsRef<str>> FromIterator<(K, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let values = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), Value::text(value.as_ref())?)));
        Self { values: values.collect(), dotenv: Err(NoDotenv::Absent) }
    }
}

impl Value {
    fn text(value: &str) -> Option<Self> {
        let value = value.trim_ascii();
        (!value.is_empty()).then(|| Self::Text(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Dotenv, NoDotenv, Value, Vars};

    #[test]
    fn a_proxy_that_is_named_is_ignored_by_name() {
        let warning =
            |vars: &[(&str, &str)]| vars.iter().copied().collect::<Vars>().ignored_proxy();
        assert_eq!(warning(&[("HTTPS_PROXY", " "), ("NO_PROXY", "*"), ("HOST", "::")]), None);
        for name in super::PROXIES {
            let warned = warning(&[(name, "http://user:secret@proxy:3128")]).unwrap();
            assert!(warned.starts_with(&format!("{name} is set and ignored")), "{warned}");
            assert!(!warned.contains("secret") && !warned.contains("3128"), "{warned}");
        }
        let warned = warning(&[("https_proxy", "p"), ("HTTPS_PROXY", "p")]).unwrap();
        assert!(warned.starts_with("HTTPS_PROXY, https_proxy are set and ignored"), "{warned}");
    }

    #[test]
    fn only_variables_of_the_table_are_read_from_the_process() {
        let vars = Vars::from_process(Err(NoDotenv::Absent));
        assert!(vars.get("PATH").is_none());
    }

    #[test]
    fn the_first_line_of_dotenv_that_is_not_blank_counts() {
        let text = b"SHUTDOWN_GRACE=\nSHUTDOWN_GRACE=1s\nSHUTDOWN_GRACE=2s\n";
        let dotenv = Dotenv::parse(PathBuf::from("/app/.env"), text).unwrap();
        let vars = Vars::from_process(Ok(dotenv));
        let Some(Value::Text(text)) = vars.get("SHUTDOWN_GRACE") else { panic!("it is unset") };
        assert_eq!(text, "1s");
    }
}
