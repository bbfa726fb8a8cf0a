//! A writer of HTML. Markup can only be a literal in the source code, and the writer escapes every
//! other text. So no input can become markup.

use std::fmt::{self, Display, Write};

/// A piece of HTML.
#[derive(Clone, Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Writes markup, unescaped.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Writes an escaped text, inside an element or a quoted attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing into a string does not fail.
        let _ = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// Appends another piece.
    pub(super) fn append(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the HTML.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// A string that escapes every text written to it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(letter),
                // HTML cannot express these characters, and readers could not see them.
                letter if letter.is_control() || is_direction(letter) => self.0.push('\u{FFFD}'),
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

/// Returns true for the characters that make browsers show a text in another order.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_markup_is_not() {
        let mut page = Markup::default();
        page.raw("<p title=\"").text("\"'&").raw("\">").text("<script>é\0\n\u{202E}").raw("</p>");
        let want = "<p title=\"&quot;&#39;&amp;\">&lt;script&gt;é\u{FFFD}\n\u{FFFD}</p>";
        assert_eq!(page.into_string(), want);
    }
}
