//! The environment of the process. No other module reads it.

use std::ffi::OsString;

/// Returns the text of a variable, for references in `.env`.
pub(super) fn text(name: &str) -> Option<String> {
    read(name)?.into_string().ok()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
