//! The truth about a repository and its documents, at each second.

/// A document that clients request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// The list of releases.
    List,
    /// The latest release.
    Latest,
    /// The release of the tag `v2`.
    Tag,
}

/// Every document.
pub(super) const DOCUMENTS: [Document; 3] = [Document::List, Document::Latest, Document::Tag];
/// The repository.
pub(super) const REPOSITORY: &str = "octo/app";
/// The tag of [`Document::Tag`].
const TAG: u64 = 2;

/// The content of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A list of these tags.
    Tags(Vec<String>),
    /// The release of this tag.
    Release(String),
    /// Nothing: a `404`.
    Missing,
}

/// A lie about a document, which GitHub tells from one second to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The document.
    pub(super) document: Document,
    /// True for an older latest release.
    pub(super) is_older: bool,
    /// The first second.
    pub(super) from: u64,
    /// The second from which on GitHub tells the truth again.
    pub(super) until: u64,
}

/// The history of the repository.
#[derive(Debug, Default)]
pub(super) struct World {
    /// The states: the second since which each is true, and the numbers in the tags of the
    /// releases, the newest first.
    states: Vec<(u64, Vec<u64>)>,
    /// The lies; only the last one may still be told.
    pub(super) lies: Vec<Told>,
    /// The seconds of deletions.
    pub(super) deletions: Vec<u64>,
    last: u64,
}

impl Document {
    /// Returns its path at GitHub.
    pub(super) fn path(self) -> String {
        let below = match self {
            Self::List => "?per_page=100".to_owned(),
            Self::Latest => "/latest".to_owned(),
            Self::Tag => format!("/tags/{}", tag(TAG)),
        };
        format!("/repos/{REPOSITORY}/releases{below}")
    }

    /// Returns its URL.
    pub(super) fn url(self) -> String {
        format!("https://api.github.com{}", self.path())
    }

    fn of(self, releases: &[u64]) -> Shown {
        let release =
            |it: Option<&u64>| it.map_or(Shown::Missing, |number| Shown::Release(tag(*number)));
        match self {
            Self::List => Shown::Tags(releases.iter().copied().map(tag).collect()),
            Self::Latest => release(releases.first()),
            Self::Tag => release(releases.iter().find(|number| **number == TAG)),
        }
    }
}

impl World {
    /// Publishes a release. Returns its tag.
    pub(super) fn publish(&mut self, now: u64) -> String {
        self.last += 1;
        let others = self.releases().iter().copied();
        let releases = [self.last].into_iter().chain(others).collect();
        self.states.push((now, releases));
        tag(self.last)
    }

    /// Deletes the latest release.
    pub(super) fn delete(&mut self, now: u64) {
        let releases = self.releases().iter().skip(1).copied().collect();
        self.states.push((now, releases));
        self.deletions.push(now);
    }

    /// Tells a lie instead of the previous one.
    pub(super) fn lie(&mut self, told: Told) {
        if let Some(before) = self.lies.last_mut() {
            before.until = before.until.min(told.from);
        }
        self.lies.push(told);
    }

    /// Returns the existing releases.
    pub(super) fn releases(&self) -> &[u64] {
        self.states.last().map_or(&[], |(_, releases)| releases)
    }

    /// Returns the lie that GitHub tells now.
    pub(super) fn lie_now(&self, now: u64) -> Option<Told> {
        self.lies.last().copied().filter(|told| now < told.until)
    }

    /// Returns the true content of a document.
    pub(super) fn truth(&self, document: Document) -> Shown {
        document.of(self.releases())
    }

    /// Returns the content of GitHub's answer for a document.
    pub(super) fn said(&self, document: Document, now: u64) -> Shown {
        match self.lie_now(now).filter(|told| told.document == document) {
            Some(told) => self.false_content(told),
            None => self.truth(document),
        }
    }

    /// Returns true if a document had this content at some moment between two seconds.
    pub(super) fn was(&self, document: Document, shown: &Shown, from: u64, until: u64) -> bool {
        let ends = self.states.iter().skip(1).map(|(at, _)| *at).chain([u64::MAX]);
        let states = self.states.iter().zip(ends);
        states
            .filter(|((since, _), end)| *since <= until && from <= *end)
            .any(|((_, releases), _)| document.of(releases) == *shown)
    }

    /// Returns true if all releases were deleted at some moment.
    pub(super) fn was_ever_empty(&self) -> bool {
        self.states.iter().any(|(_, releases)| releases.is_empty())
    }

    fn false_content(&self, told: Told) -> Shown {
        match told.document {
            Document::List => Shown::Tags(Vec::new()),
            Document::Latest if told.is_older => match self.releases() {
                [_, older, ..] => Shown::Release(tag(*older)),
                _ => Shown::Missing,
            },
            Document::Latest | Document::Tag => Shown::Missing,
        }
    }
}

fn tag(number: u64) -> String {
    format!("v{number}")
}
