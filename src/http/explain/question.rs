//! The query of `/explain`: the one that a request for the document would have.

use crate::cache::Demand;
use crate::target::{self, ApiRoot, Policy, Target};

use crate::http::marked::has_hash;
use crate::http::mirror::without_prefix;
use crate::http::query::VersionQuery;
use crate::http::query_cache::NO_RELEASES;
use crate::http::selection::Selection;

/// The request to be explained.
#[derive(Debug)]
pub(super) struct Question {
    /// The document; with a minimum age, the list from which the release is chosen.
    pub(super) target: Target,
    pub(super) demand: Demand,
    pub(super) selection: Selection,
}

impl Question {
    /// Parses the raw query, without its question mark. Its `url` may be a path of the mirror.
    ///
    /// # Errors
    ///
    /// A sentence for the client.
    pub(super) fn parse(
        query: Option<&str>,
        policy: &Policy,
        root: &ApiRoot,
    ) -> Result<Self, String> {
        if query.is_some_and(has_hash) {
            return Err(target::Error::Fragment.to_string());
        }
        let query = VersionQuery::parse(query).map_err(|error| error.to_string())?;
        let target = match query.url.starts_with('/') {
            true => {
                let (path, query) = query.url.split_once('?').unwrap_or((&query.url, ""));
                root.target(without_prefix(path), query, policy)
            }
            false => Target::parse(&query.url, policy),
        };
        let target = target.map_err(|error| error.to_string())?;
        let target = match query.selection.min_age {
            Some(_) => target.list_of_releases(policy).ok_or(NO_RELEASES)?,
            None => target,
        };
        let demand = if query.refresh { Demand::Refresh } else { Demand::Cached };
        Ok(Self { target, demand, selection: query.selection })
    }
}
