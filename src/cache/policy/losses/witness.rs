//! The witnesses of a loss: the releases that a claim takes away, each by the document of its tag.

use http::StatusCode;

use crate::cache::release::{self, Summary};
use crate::entry::Entry;
use crate::target::percent::is_unreserved;
use crate::target::{Target, in_repository};

/// The statement of the releases that a claim takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Witness {
    /// The release does not exist.
    Absent,
    /// The release exists, as a draft or as a pre-release: it is not the latest any more.
    Withdrawn,
    /// The release exists.
    Present,
    /// Nothing is known of the release.
    Silent,
}

/// A release that a claim takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cache) struct LostRelease {
    /// Its number.
    pub(in crate::cache) id: u64,
    /// The path of the document of its tag; nothing where the claim is about that document, which
    /// cannot vouch for itself.
    pub(in crate::cache) document: Option<String>,
}

impl Witness {
    /// Reads the answer to a request for the document of the tag.
    pub(in crate::cache) fn of(status: StatusCode, body: &[u8]) -> Self {
        match (status, release::summary(body)) {
            (StatusCode::NOT_FOUND, _) => Self::Absent,
            (StatusCode::OK, Some(release)) if !release.may_be_latest => Self::Withdrawn,
            (StatusCode::OK, Some(_)) => Self::Present,
            _ => Self::Silent,
        }
    }
}

/// Returns the releases by which a claim is checked. Of a list those are the newest and the oldest:
/// where only one of them is gone, the list has others. A later page of a list empties where a
/// release moves to the page before, so it has none.
pub(in crate::cache) fn lost_releases(target: &Target, copy: &Entry) -> Vec<LostRelease> {
    named(target, copy).unwrap_or_default()
}

fn named(target: &Target, copy: &Entry) -> Option<Vec<LostRelease>> {
    let path = target.path();
    let resource = in_repository(path)?;
    let root = path.strip_suffix(resource)?;
    let by_tag = |Summary { id, tag, .. }: Summary| {
        let document = Some(format!("{root}releases/tags/{}", encoded(&tag)));
        LostRelease { id, document }
    };
    match resource {
        "releases" if is_first_page(target) => {
            Some(release::ends_of_list(&copy.body).into_iter().map(by_tag).collect())
        }
        _ if !release::is_single(path) => None,
        _ if resource.starts_with("releases/tags/") => {
            let id = release::summary(&copy.body)?.id;
            Some(vec![LostRelease { id, document: None }])
        }
        _ => Some(vec![by_tag(release::summary(&copy.body)?)]),
    }
}

fn is_first_page(target: &Target) -> bool {
    let pairs = target.query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.strip_prefix("page=")).all(|page| page == "1")
}

fn encoded(tag: &str) -> String {
    let encoded = tag.bytes().map(|byte| match byte {
        b'/' => "/".to_owned(),
        _ if is_unreserved(byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}
