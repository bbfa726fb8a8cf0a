//! The fields of a GitHub release that the rules read: its name, its age, and whether it may still
//! get assets.
//!
//! Pure. Assets are uploaded one by one after the publication of a release, and an upload need not
//! change its date.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use crate::clock::Timestamp;
use crate::entry::Pin;
use crate::target::in_repository;

/// The time after its publication in which a release may change without a new date.
const GROWS_FOR: Duration = Duration::from_secs(60 * 60);

/// Returns true for the path of a single release in GitHub's API.
pub(super) fn is_single(path: &str) -> bool {
    in_releases(path).is_some_and(|which| which == "latest" || is_tag_or_id(which))
}

/// Returns true for a path that always leads to the release of the same tag.
pub(super) fn is_of_one_tag(path: &str) -> bool {
    in_releases(path).is_some_and(is_tag_or_id)
}

/// Returns the part of a path after the releases of a repository, which may itself be named
/// `releases`.
fn in_releases(path: &str) -> Option<&str> {
    in_repository(path)?.strip_prefix("releases/")
}

fn is_tag_or_id(which: &str) -> bool {
    let is_tag = which.strip_prefix("tags/").is_some_and(|tag| !tag.is_empty());
    let is_id = !which.is_empty() && which.bytes().all(|byte| byte.is_ascii_digit());
    is_tag || is_id
}

/// The fields of a release that tell whether it has settled.
#[derive(Deserialize)]
struct Release<'a> {
    published_at: &'a str,
    #[serde(default)]
    immutable: bool,
    #[serde(borrow)]
    assets: Vec<Asset<'a>>,
}

/// The fields of a release that tell since when it has not changed.
#[derive(Deserialize)]
struct Dates<'a> {
    published_at: Option<&'a str>,
    updated_at: Option<&'a str>,
    #[serde(default)]
    immutable: bool,
    #[serde(borrow, default)]
    assets: Vec<AssetDates<'a>>,
}

#[derive(Deserialize)]
struct AssetDates<'a> {
    updated_at: Option<&'a str>,
}

#[derive(Deserialize)]
struct Asset<'a> {
    state: &'a str,
}

/// Returns true if GitHub has locked the release, or if it was published more than an hour ago and
/// all of its assets, at least one, are uploaded.
pub(super) fn has_settled(body: &[u8], now: Timestamp) -> bool {
    let Ok(release) = serde_json::from_slice::<Release<'_>>(body) else { return false };
    if release.immutable {
        return true;
    }
    let published_at = Timestamp::from_rfc3339(release.published_at);
    let is_old = published_at.is_some_and(|at| now.since(at) > GROWS_FOR);
    let is_complete = release.assets.iter().all(|asset| asset.state == "uploaded");
    is_old && is_complete && !release.assets.is_empty()
}

/// Returns the reason why a release hardly ever changes.
pub(super) fn pin(body: &[u8]) -> Option<Pin> {
    let release = serde_json::from_slice::<Dates<'_>>(body).ok()?;
    if release.immutable {
        return Some(Pin::Locked);
    }
    let published_at = release.published_at.and_then(Timestamp::from_rfc3339)?;
    // A rolling release is published once, and its assets are replaced again and again.
    let updates = release.assets.iter().map(|asset| asset.updated_at).chain([release.updated_at]);
    let updates = updates.flatten().filter_map(Timestamp::from_rfc3339);
    Some(Pin::Unchanged(updates.fold(published_at, Timestamp::max)))
}

/// The fields that identify a release.
#[derive(Deserialize)]
struct ReleaseIdentity<'a> {
    id: u64,
    #[serde(borrow)]
    tag_name: Cow<'a, str>,
    published_at: Option<&'a str>,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    draft: bool,
}

/// The identity of a release, and its order among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// Its number.
    pub(super) id: u64,
    /// Its tag.
    pub(super) tag: String,
    /// The time of its publication.
    pub(super) published_at: Option<Timestamp>,
    /// True if it may be the latest release: it is neither a draft nor a pre-release.
    pub(super) may_be_latest: bool,
}

/// Returns the summary of a single release.
pub(super) fn summary(body: &[u8]) -> Option<Summary> {
    Some(serde_json::from_slice::<ReleaseIdentity<'_>>(body).ok()?.into())
}

/// Returns the summaries of the first and the last release of a list.
pub(super) fn ends_of_list(body: &[u8]) -> Vec<Summary> {
    let mut releases =
        serde_json::from_slice::<Vec<ReleaseIdentity<'_>>>(body).unwrap_or_default().into_iter();
    let ends = [releases.next(), releases.next_back()];
    ends.into_iter().flatten().map(Summary::from).collect()
}

impl From<ReleaseIdentity<'_>> for Summary {
    fn from(release: ReleaseIdentity<'_>) -> Self {
        Self {
            id: release.id,
            tag: release.tag_name.into_owned(),
            published_at: release.published_at.and_then(Timestamp::from_rfc3339),
            may_be_latest: !release.prerelease && !release.draft,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PUBLISHED: &str = "2026-06-01T12:00:00Z";
    const HOUR: u64 = 3600;

    #[test]
    fn a_single_release_is_known_by_its_path() {
        for (path, want) in [
            ("/repos/octo/app/releases/latest", true),
            ("/repositories/17/releases/latest", true),
            ("/repos/octo/app/releases/tags/v1", true),
            ("/repos/octo/app/releases/tags/app%2Fv1", true),
            ("/repos/octo/app/releases/tags/app/v1", true),
            ("/repos/octo/app/releases/4711", true),
            ("/repos/octo/app/releases", false),
            ("/repos/octo/app/releases/", false),
            ("/repos/octo/app/releases/tags/", false),
            ("/repos/octo/app/releases/4711/assets", false),
            ("/repos/octo/app/releases/assets/4711", false),
            ("/repos/octo/app/releases/latest/x", false),
            ("/repos/octo/app/tags", false),
            ("/api/v3/repos/octo/app/releases/latest", true),
            ("/repos/octo/releases/releases/tags/v1", true),
            ("/repos/octo/releases/releases/latest", true),
            ("/repos/releases/app/releases/tags/v1", true),
            ("/repos/octo/releases/tags/v1", false),
            ("/repos/octo/app/contents/releases/7", false),
            ("/repos/octo/app/branches/releases/2024", false),
        ] {
            assert_eq!(is_single(path), want, "{path}");
        }
    }

    #[test]
    fn a_locked_release_has_settled_at_once() {
        let body = format!(r#"{{"published_at":"{PUBLISHED}","assets":[],"immutable":true}}"#);
        assert!(has_settled(body.as_bytes(), Timestamp::from_secs(1_780_315_200)));
        assert_eq!(pin(body.as_bytes()), Some(Pin::Locked));
        let open = body.replace("true", "false");
        assert!(!has_settled(open.as_bytes(), Timestamp::from_secs(1_780_315_200)));
        assert_eq!(pin(open.as_bytes()), Some(Pin::Unchanged(Timestamp::from_secs(1_780_315_200))));
        assert_eq!(pin(b"[]"), None);
    }

    #[test]
    fn a_rolling_release_is_as_old_as_its_latest_change() {
        let day = |day: u64| format!("2026-06-{day:02}T12:00:00Z");
        let asset = |at: u64| json!({ "state": "uploaded", "updated_at": day(at) });
        for (updated_at, assets, want) in [
            (Value::Null, json!([]), 1),
            (day(1).into(), json!([asset(1)]), 1),
            (day(1).into(), json!([asset(2), asset(9), asset(3)]), 9),
            (day(7).into(), json!([asset(2)]), 7),
            (day(1).into(), json!([{ "updated_at": null }, {}, asset(4)]), 4),
            ("soon".into(), json!([{ "updated_at": "soon" }]), 1),
        ] {
            let release =
                json!({ "published_at": PUBLISHED, "updated_at": updated_at, "assets": assets });
            let changed_at = Timestamp::from_rfc3339(&day(want)).map(Pin::Unchanged);
            assert_eq!(pin(release.to_string().as_bytes()), changed_at, "{release}");
        }
    }

    #[test]
    fn a_summary_names_a_release() {
        let release =
            json!({ "id": 7, "tag_name": "a\"b", "published_at": PUBLISHED, "draft": false });
        let want = Summary {
            id: 7,
            tag: "a\"b".to_owned(),
            published_at: Some(Timestamp::from_secs(1_780_315_200)),
            may_be_latest: true,
        };
        assert_eq!(summary(release.to_string().as_bytes()), Some(want.clone()));
        let list = json!([release, { "id": 6, "tag_name": "v1" }, { "id": 5, "tag_name": "v0" }]);
        let ends = ends_of_list(list.to_string().as_bytes());
        assert_eq!((&ends[0], ends[1].id, ends.len()), (&want, 5, 2));
        let one = json!([release]).to_string();
        assert_eq!(ends_of_list(one.as_bytes()), [want]);
        let pre = json!({ "id": 7, "tag_name": "v1", "prerelease": true }).to_string();
        assert!(summary(pre.as_bytes()).is_some_and(|it| !it.may_be_latest));
        assert_eq!(summary(b"[]"), None);
        assert_eq!(ends_of_list(b"[]"), []);
        assert_eq!(ends_of_list(br#"[{"name":"v1"}]"#), []);
    }

    #[test]
    fn a_release_with_assets_settles_after_an_hour() {
        let published = Timestamp::from_secs(1_780_315_200);
        let asset = |state: &str| json!({ "name": "app.tar.gz", "state": state });
        let release = |published_at: Value, assets: Value| {
            json!({ "tag_name": "v1", "published_at": published_at, "assets": assets }).to_string()
        };
        let good = json!([asset("uploaded"), asset("uploaded")]);
        for (body, age_secs, want) in [
            (release(PUBLISHED.into(), good.clone()), HOUR + 1, true),
            (release(PUBLISHED.into(), good.clone()), HOUR, false),
            (release(PUBLISHED.into(), good.clone()), 0, false),
            (release(PUBLISHED.into(), json!([])), 9 * HOUR, false),
            (release(PUBLISHED.into(), json!([asset("uploaded"), asset("open")])), 9 * HOUR, false),
            (release(PUBLISHED.into(), json!([{ "name": "x" }])), 9 * HOUR, false),
            (release(PUBLISHED.into(), json!({})), 9 * HOUR, false),
            (release(Value::Null, good.clone()), 9 * HOUR, false),
            (release("yesterday".into(), good), 9 * HOUR, false),
            ("[]".to_owned(), 9 * HOUR, false),
            ("not json".to_owned(), 9 * HOUR, false),
        ] {
            let now = published + Duration::from_secs(age_secs);
            assert_eq!(has_settled(body.as_bytes(), now), want, "{body} after {age_secs} s");
        }
    }
}
