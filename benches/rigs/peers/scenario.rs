//! The scenarios: documents, and the requests for them.

use crate::document::Document;

/// The documents and the requests of a measurement.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// The length of the documents.
    bytes: usize,
    /// The number of documents.
    pub(crate) keys: Keys,
    /// The choice of the next document.
    pub(crate) draw: Draw,
    /// True if each request has a connection of its own.
    pub(crate) closes: bool,
    /// True if clients have the document already.
    pub(crate) is_conditional: bool,
}

/// The number of documents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// One.
    One,
    /// A thousand.
    Thousand,
    /// As many as the command line says: a million.
    Many,
}

/// The choice of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Draw {
    /// Each as often as any other.
    Uniform,
    /// The second half as often as the first, the third a third as often: Zipf's law with an
    /// exponent of 1.
    Zipf,
}

/// All of them.
pub(crate) const SCENARIOS: [Scenario; 13] = [
    Scenario::of("2k", 2 * KIB),
    Scenario::of("2k-close", 2 * KIB).closing(),
    Scenario::of("7k", 7 * KIB),
    Scenario::of("7k-close", 7 * KIB).closing(),
    Scenario::of("120k", 120 * KIB),
    Scenario::of("120k-close", 120 * KIB).closing(),
    Scenario::of("400k", 400 * KIB),
    Scenario::of("400k-close", 400 * KIB).closing(),
    Scenario::of("7k-304", 7 * KIB).conditional(),
    Scenario::of("7k-zipf", 7 * KIB).keys(Keys::Thousand, Draw::Zipf),
    Scenario::of("200b", 200),
    Scenario::of("200b-many", 200).keys(Keys::Many, Draw::Uniform),
    Scenario::of("200b-many-zipf", 200).keys(Keys::Many, Draw::Zipf),
];

const KIB: usize = 1024;
/// Anything between 7 and 120 KiB.
const LARGE: usize = 64 * KIB;

impl Scenario {
    /// One document over connections that are kept.
    const fn of(name: &'static str, bytes: usize) -> Self {
        let (keys, draw) = (Keys::One, Draw::Uniform);
        Self { name, bytes, keys, draw, closes: false, is_conditional: false }
    }

    const fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    const fn conditional(self) -> Self {
        Self { is_conditional: true, ..self }
    }

    const fn keys(self, keys: Keys, draw: Draw) -> Self {
        Self { keys, draw, ..self }
    }

    /// The document of that number.
    pub(crate) fn document(&self, number: usize) -> Document {
        Document { bytes: self.bytes, number }
    }

    /// Returns true if bodies are so long that a server may have another way for them.
    pub(crate) fn is_large(&self) -> bool {
        self.bytes >= LARGE
    }

    /// In words.
    pub(crate) fn description(&self, many: usize) -> String {
        let keys = match (self.keys.count(many), self.draw) {
            (1, _) => "one key".to_owned(),
            (count, Draw::Uniform) => format!("{count} keys, each as often"),
            (count, Draw::Zipf) => format!("{count} keys by Zipf"),
        };
        let connections = if self.closes { "one for each request" } else { "kept" };
        let condition = if self.is_conditional { ", If-None-Match" } else { "" };
        let Self { name, bytes, .. } = self;
        format!("{name}: {bytes} bytes, {keys}{condition}, 32 connections, {connections}")
    }
}

impl Keys {
    /// Returns the number, if `many` are many.
    pub(crate) fn count(self, many: usize) -> usize {
        match self {
            Self::One => 1,
            Self::Thousand => 1_000,
            Self::Many => many,
        }
    }
}
