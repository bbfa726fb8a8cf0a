//! The meaning of a query of `/version` or `/explain`, which take the same parameters.

use crate::cache::Demand;
use crate::target::{self, Policy, Target};

use super::marked::{has_hash, has_stand_in};
use super::query::VersionQuery;
use super::selection::Selection;

/// The error message for `min_age` with a URL that has no releases to choose from.
const NO_RELEASES: &str =
    "min_age parameter is for URLs of releases/latest and of lists of releases of a repository";

/// The error message for a parameter with a raw character that svm cannot tell from another.
const RAW: &str = "`^` and `|` must be percent-encoded, as %5E and %7C";

/// A request for a document or for a part of it.
#[derive(Debug)]
pub(super) struct Question {
    /// The document; with a minimum age, the list of releases to choose from.
    pub(super) target: Target,
    pub(super) demand: Demand,
    pub(super) selection: Selection,
}

impl Question {
    /// Parses the raw query, without its question mark. `target_of` parses the value of `url`.
    ///
    /// # Errors
    ///
    /// A message for the client.
    pub(super) fn parse(
        query: Option<&str>,
        policy: &Policy,
        target_of: impl FnOnce(&str) -> Result<Target, target::Error>,
    ) -> Result<Self, String> {
        // A `#` would cut the `url` short, so a query with one is not parsed.
        if query.is_some_and(has_hash) {
            return Err(target::Error::Fragment.to_string());
        }
        let raw = query.unwrap_or_default();
        let query = VersionQuery::parse(query).map_err(|error| error.to_string())?;
        let target = target_of(&query.url).map_err(|error| error.to_string())?;
        // The grammar refuses both in a `url`. They may occur in a pointer.
        if has_stand_in(raw) {
            return Err(RAW.to_owned());
        }
        let target = match query.selection.min_age {
            Some(_) => target.list_of_releases(policy).ok_or(NO_RELEASES)?,
            None => target,
        };
        let demand = if query.refresh { Demand::Refresh } else { Demand::Cached };
        Ok(Self { target, demand, selection: query.selection })
    }
}
