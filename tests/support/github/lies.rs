//! False answers, as the real GitHub sometimes gives them for minutes.

use std::collections::HashMap;
use std::sync::Arc;

use super::document::Document;
use super::repository::Repository;
use super::world::Resource;

/// A false answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A list without elements.
    Empty,
    /// A `404` for an existing document.
    Missing,
    /// The release before the latest, in place of the latest.
    Older,
}

/// The false answers, by path and query. Each ends at a second of the world's clock.
#[derive(Debug, Default)]
pub struct Lies(HashMap<String, (Untruth, u64)>);

/// A lie, or an answer from before a write.
#[derive(Clone, Debug)]
pub enum Untruth {
    /// A lie.
    Told(Lie),
    /// The document from before the write, with its tag.
    Lagging(Resource),
}

impl Lies {
    /// Gives this false answer for a path and query until `until_secs`.
    pub fn tell(&mut self, target: &str, untruth: Untruth, until_secs: u64) {
        self.0.insert(target.to_owned(), (untruth, until_secs));
    }

    /// Returns the false answer for a path and query.
    pub fn about(&self, target: &str, now_secs: u64) -> Option<Untruth> {
        let (untruth, until_secs) = self.0.get(target)?;
        (now_secs < *until_secs).then(|| untruth.clone())
    }
}

impl Untruth {
    /// Returns the resource that the answer shows.
    pub fn resource(self, repository: Option<&Repository>) -> Resource {
        match self {
            Self::Told(lie) => lie.resource(repository),
            Self::Lagging(resource) => resource,
        }
    }
}

impl Lie {
    fn resource(self, repository: Option<&Repository>) -> Resource {
        let older = || repository.and_then(Repository::before_latest);
        match self {
            Self::Empty => Resource::Document(Arc::new(Document::new(b"[]".to_vec(), None))),
            Self::Missing => Resource::Missing(404),
            Self::Older => {
                older().map_or(Resource::Missing(404), |it| Resource::Document(Arc::new(it)))
            }
        }
    }
}
