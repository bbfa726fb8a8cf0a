//! Options on a command line: names, each with a value behind it.

use std::str::FromStr;

/// Names and their values, until they are asked for.
pub(crate) struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    /// Reads pairs of words.
    pub(crate) fn read(mut words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut options = Vec::new();
        while let Some(name) = words.next() {
            options.push((name, words.next().ok_or_else(|| format!("{name} needs a value"))?));
        }
        Ok(Self(options))
    }

    /// The number behind a name.
    pub(crate) fn number<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, String> {
        let text = self.take(name);
        text.map_or(Ok(default), |text| text.parse().map_err(|_| format!("{name}: not {text}")))
    }

    /// The text behind a name.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(at).1)
    }

    /// Fails if somebody has given a name that nobody asked for.
    pub(crate) fn are_used(&self) -> Result<(), String> {
        self.0.first().map_or(Ok(()), |(name, _)| Err(format!("{name} is no option of this run")))
    }
}
