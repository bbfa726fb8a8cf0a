//! The events of a repository, as the bodies of GitHub's webhooks.

use serde_json::json;

use super::{GitHub, render, render_repository};

impl GitHub {
    /// Returns the event of an action on the latest release.
    #[track_caller]
    pub fn release_event(&self, name: &str, action: &str) -> String {
        let mut world = self.world();
        let repository = world.repository(name);
        let latest = repository.latest().expect("the repository has a latest release");
        let event = json!({
            "action": action,
            "release": render::release(repository, latest),
            "repository": render_repository::repository(repository),
        });
        event.to_string()
    }

    /// Returns the event of a push to the main branch.
    pub fn push_event(&self, name: &str) -> String {
        let mut world = self.world();
        let repository = render_repository::repository(world.repository(name));
        json!({ "ref": "refs/heads/main", "repository": repository }).to_string()
    }
}
