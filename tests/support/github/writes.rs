//! Writes that GitHub refuses for an immutable release: its assets are locked, and its tag can
//! never be used again, even after its deletion.

use serde_json::Value;

use super::{GitHub, errors};

/// The body of GitHub's `422`.
#[derive(Debug, PartialEq, Eq)]
pub struct Unprocessable(pub Value);

impl GitHub {
    /// Publishes a release as [`GitHub::publish`] does. The release may be immutable.
    ///
    /// # Errors
    ///
    /// If the tag belongs, or belonged, to an immutable release.
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
