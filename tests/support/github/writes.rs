//! Writes that GitHub refuses where a release is immutable: its assets are locked, and the name of
//! its tag is never free again, even after the release was deleted.

use serde_json::Value;

use super::{GitHub, errors};

/// The body of GitHub's `422`.
#[derive(Debug, PartialEq, Eq)]
pub struct Unprocessable(pub Value);

impl GitHub {
    /// Publishes a release as [`GitHub::publish`] does, which may be immutable from then on.
    ///
    /// # Errors
    ///
    /// If the tag is that of an immutable release, or was.
    pub fn try_publish(
        &self,
        name: &str,
        tag: &str,
        is_immutable: bool,
    ) -> Result<(), Unprocessable> {
        if self.world().repository(name).is_locked(tag) {
            return Err(Unprocessable(errors::used_tag()));
        }
        self.publish(name, tag);
        if is_immutable {
            self.world().repository(name).change_latest(|latest| latest.immutable = true);
        }
        Ok(())
    }

    /// Uploads an asset to the latest release, as [`GitHub::grow_asset`] does.
    ///
    /// # Errors
    ///
    /// If the release is immutable.
    #[track_caller]
    pub fn try_upload(&self, name: &str) -> Result<(), Unprocessable> {
        if self.world().repository(name).latest().is_some_and(|latest| latest.immutable) {
            return Err(Unprocessable(errors::locked_assets()));
        }
        self.grow_asset(name);
        Ok(())
    }
}
