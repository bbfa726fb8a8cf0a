//! A simulated repository: its releases, and the documents GitHub derives from them.
//!
//! The subtle part: `updated_at` of a release, which is its `Last-Modified`, changes neither with
//! downloads nor with new assets, while the body and so the tag do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::account::number_of;
use super::date;
use super::document::Document;
use super::{render, render_repository};

/// A repository, by its current name.
#[derive(Debug)]
pub struct Repository {
    /// `owner/name`.
    pub name: String,
    /// The number behind `/repositories/<id>`; a rename keeps it.
    pub id: u64,
    /// The time of its creation.
    pub created_secs: u64,
    /// The releases, the newest first.
    releases: Vec<Release>,
    rendered: HashMap<String, Arc<Document>>,
    /// The tags of immutable releases that were deleted.
    used_tags: HashSet<String>,
}

/// One release.
#[derive(Clone, Debug)]
pub struct Release {
    /// The git tag.
    pub tag: String,
    /// The number behind `/releases/<id>`.
    pub id: u64,
    /// The time of its publication.
    pub published_secs: u64,
    /// True if the release is kept out of `/releases/latest`.
    pub prerelease: bool,
    /// True if its tag and its assets are locked.
    pub immutable: bool,
    /// The number of downloads of each asset, in the order of upload.
    pub downloads: Vec<u64>,
    /// The time of the upload of each asset.
    pub uploads_secs: Vec<u64>,
}

impl Repository {
    /// Creates a repository without a release.
    pub fn new(name: &str, created_secs: u64) -> Self {
        let (name, id) = (name.to_owned(), number_of(name));
        let (releases, rendered) = (Vec::new(), HashMap::new());
        Self { name, id, created_secs, releases, rendered, used_tags: HashSet::new() }
    }

    /// Publishes a release with `assets` assets, as the newest one.
    pub fn publish(&mut self, tag: &str, assets: usize, published_secs: u64) -> &mut Release {
        let id = number_of(&format!("{}@{tag}", self.name));
        let (tag, downloads) = (tag.to_owned(), (0..assets).map(|n| 40 + n as u64).collect());
        let (prerelease, immutable, uploads_secs) = (false, false, vec![published_secs; assets]);
        let release =
            Release { tag, id, published_secs, prerelease, immutable, downloads, uploads_secs };
        self.rendered.clear();
        self.releases.insert(0, release);
        &mut self.releases[0]
    }

    /// Returns the latest release: the newest one that is not a pre-release.
    pub fn latest(&self) -> Option<&Release> {
        self.releases.iter().find(|release| !release.prerelease)
    }

    /// Returns the document of the release before the latest one.
    pub fn before_latest(&self) -> Option<Document> {
        let mut candidates = self.releases.iter().filter(|release| !release.prerelease);
        candidates.nth(1).map(|release| self.release(release))
    }

    /// Changes the latest release.
    #[track_caller]
    pub fn change_latest(&mut self, change: impl FnOnce(&mut Release)) {
        self.rendered.clear();
        let latest = self.releases.iter_mut().find(|release| !release.prerelease);
        change(latest.expect("the repository has a latest release"));
    }

    /// Deletes the latest release: the previous one becomes the latest again, with its own, earlier
    /// date.
    pub fn unpublish(&mut self) {
        self.rendered.clear();
        let latest = self.releases.iter().position(|release| !release.prerelease);
        let deleted = latest.map(|index| self.releases.remove(index));
        self.used_tags.extend(deleted.filter(|it| it.immutable).map(|it| it.tag));
    }

    /// Returns true if a tag belongs, or belonged, to an immutable release.
    pub fn is_locked(&self, tag: &str) -> bool {
        let is_it = |release: &Release| release.immutable && release.tag == tag;
        self.used_tags.contains(tag) || self.releases.iter().any(is_it)
    }

    /// Gives the repository another name.
    pub fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.name);
        self.rendered.clear();
    }

    /// Returns the document below the repository's path; `None` is a `404`.
    pub fn document(&mut self, below: &str) -> Option<Arc<Document>> {
        if let Some(document) = self.rendered.get(below) {
            return Some(Arc::clone(document));
        }
        let document = Arc::new(self.render(below)?);
        self.rendered.insert(below.to_owned(), Arc::clone(&document));
        Some(document)
    }

    fn render(&self, below: &str) -> Option<Document> {
        let (path, query) = below.split_once('?').unwrap_or((below, ""));
        match path {
            "" => Some(self.dated(&render_repository::repository(self))),
            "/releases" => Some(self.releases_page(query)),
            "/tags" => Some(self.list(render::tag)),
            "/git/refs/tags" => Some(self.list(render::reference)),
            "/commits" => Some(self.list(render::commit)),
            "/releases/latest" => self.latest().map(|release| self.release(release)),
            _ => match path.strip_prefix("/commits/") {
                Some(reference) => self.commit(reference),
                None => self.chosen(path.strip_prefix("/releases/")?),
            },
        }
    }

    /// Returns the first asset for which `is_wanted` is true, as the API describes it.
    pub fn asset(&self, is_wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let assets = |release| (0..).map_while(move |n| render::asset(self, release, n));
        self.releases.iter().flat_map(assets).find(is_wanted)
    }

    fn chosen(&self, which: &str) -> Option<Document> {
        if let Some(id) = which.strip_prefix("assets/") {
            let asset = self.asset(|asset| asset["id"].as_u64() == id.parse().ok())?;
            return Some(self.dated(&asset));
        }
        if let Some(id) = which.strip_suffix("/assets") {
            let release = self.releases.iter().find(|release| release.id.to_string() == id)?;
            let assets: Value = (0..).map_while(|n| render::asset(self, release, n)).collect();
            return Some(Document::new(assets.to_string().into_bytes(), None));
        }
        let found = self.releases.iter().find(|release| match which.strip_prefix("tags/") {
            Some(tag) => release.tag == tag,
            None => release.id.to_string() == which,
        });
        found.map(|release| self.release(release))
    }

    /// Returns the commit of a release by its tag or its hash; the default branch is at the newest
    /// one.
    fn commit(&self, reference: &str) -> Option<Document> {
        let is_named = |release: &&Release| {
            let commit = render::commit(self, release);
            release.tag == reference || reference == "main" || commit["sha"] == reference
        };
        let release = self.releases.iter().find(is_named)?;
        Some(self.dated(&render::commit(self, release)))
    }

    fn release(&self, release: &Release) -> Document {
        let body = render::release(self, release).to_string();
        Document::new(body.into_bytes(), Some(release.published_secs))
    }

    fn list(&self, element: fn(&Self, &Release) -> Value) -> Document {
        self.dated(&self.releases.iter().map(|release| element(self, release)).collect())
    }

    fn dated(&self, value: &Value) -> Document {
        let newest =
            self.releases.first().map_or(self.created_secs, |newest| newest.published_secs);
        Document::new(value.to_string().into_bytes(), Some(newest))
    }

    fn releases_page(&self, query: &str) -> Document {
        let (per_page, page) = (number(query, "per_page", 30), number(query, "page", 1));
        let last = self.releases.len().div_ceil(per_page).max(1);
        let shown = self.releases.iter().skip(per_page * (page - 1)).take(per_page);
        let body: Value = shown.map(|release| render::release(self, release)).collect();
        let mut document = Document::new(body.to_string().into_bytes(), None);
        document.link = self.link(per_page, page, last);
        document
    }

    /// Returns the links to the pages around `page`, by the repository's number instead of its
    /// name.
    fn link(&self, per_page: usize, page: usize, last: usize) -> Option<String> {
        let url = format!("https://api.github.com/repositories/{}/releases", self.id);
        let to = |page: usize, rel: &str| {
            format!("<{url}?per_page={per_page}&page={page}>; rel=\"{rel}\"")
        };
        let mut links = Vec::new();
        if page > 1 {
            links.extend([to(page - 1, "prev"), to(1, "first")]);
        }
        if page < last {
            links.extend([to(page + 1, "next"), to(last, "last")]);
        }
        (!links.is_empty()).then(|| links.join(", "))
    }
}

/// Returns a number from a query, at least 1.
fn number(query: &str, name: &str, default: usize) -> usize {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok());
    value.unwrap_or(default).max(1)
}

/// Returns the time of the last change that a document states; a list of releases states none.
pub fn last_modified_of(target: &str, document: &Value, served_secs: u64) -> Option<u64> {
    let path = target.split('?').next().unwrap_or_default();
    if path.ends_with("/releases") {
        return None;
    }
    let dates = ["updated_at", "published_at", "created_at"];
    let date = dates.iter().find_map(|name| document.get(name).and_then(Value::as_str));
    Some(date.and_then(date::from_rfc3339).unwrap_or(served_secs))
}

/// Returns the body of the redirect to the repository's number.
pub fn moved(location: &str) -> Value {
    json!({
        "message": "Moved Permanently",
        "url": location,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    })
}
