//! The representations of a document that GitHub's API makes from one URL.

/// A representation that a client asks for by its headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Representation {
    /// JSON without rendered texts, in the version of 2022.
    #[default]
    Default,
    /// JSON with texts as Markdown, as plain text and as HTML.
    Full,
    /// JSON with texts as HTML.
    Html,
    /// JSON with texts as plain text.
    Text,
    /// JSON in the version of 2026.
    Version2026,
}

impl Representation {
    /// Every representation beside the default one.
    pub const OTHERS: [Self; 4] = [Self::Full, Self::Html, Self::Text, Self::Version2026];

    /// Returns the word that follows the URL in the name of the document; `None` for the default.
    pub const fn label(self) -> Option<&'static str> {
        match self {
            Self::Default => None,
            Self::Full => Some("full"),
            Self::Html => Some("html"),
            Self::Text => Some("text"),
            Self::Version2026 => Some("2026-03-10"),
        }
    }

    /// Returns the representation with this label.
    pub fn of_label(label: &str) -> Option<Self> {
        Self::OTHERS.into_iter().find(|representation| representation.label() == Some(label))
    }
}
