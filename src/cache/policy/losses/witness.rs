//! The witnesses of a loss: the documents of the releases that a claim removes.

use http::StatusCode;

use crate::cache::release::{self, Summary};
use crate::entry::Entry;
use crate::target::{Target, in_repository, percent};

/// The evidence about the releases that a claim removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Witness {
    /// The release does not exist.
    Absent,
    /// The release exists as a draft or a pre-release, so it is no longer the latest one.
    Withdrawn,
    /// The release exists.
    Present,
    /// The evidence is missing.
    Silent,
}

/// A release that a claim removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cache) struct LostRelease {
    /// Its number.
    pub(in crate::cache) id: u64,
    /// The path of the document of its tag; `None` if the claim is about that document, which
    /// cannot be evidence for itself.
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

/// Returns the releases whose documents are the evidence. For a list these are the newest and the
/// oldest one: if only one of them is gone, the list has other releases. There are none for a later
/// page, which is empty once a release moves to the previous page.
pub(in crate::cache) fn lost_releases(target: &Target, copy: &Entry) -> Vec<LostRelease> {
    named(target, copy).unwrap_or_default()
}

fn named(target: &Target, copy: &Entry) -> Option<Vec<LostRelease>> {
    let path = target.path();
    let resource = in_repository(path)?;
    let root = path.strip_suffix(resource)?;
    let by_tag = |Summary { id, tag, .. }: Summary| {
        let tag = percent::encode(&tag).replace("%2F", "/");
        LostRelease { id, document: Some(format!("{root}releases/tags/{tag}")) }
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
