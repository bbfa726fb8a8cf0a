//! A table of the status page. On a narrow screen it scrolls inside its own box, and the script of
//! the page updates its rows in place.

use std::fmt::Display;

use crate::clock::Timestamp;
use crate::http::status::markup::Markup;

use super::words;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// A column of texts.
    Text(&'static str),
    /// A column of numbers, aligned right.
    Number(&'static str),
}

/// Writes a table. `rows` writes its rows, or writes nothing if there are none.
pub(super) fn write(
    page: &mut Markup,
    id: &'static str,
    caption: &'static str,
    columns: &[Column],
    rows: impl FnOnce(&mut Markup),
) {
    page.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"")
        .raw(id)
        .raw("-caption\"><table><caption id=\"")
        .raw(id)
        .raw("-caption\"><span>")
        .raw(caption)
        .raw("</span></caption><thead><tr>");
    for column in columns {
        match column {
            Column::Text(name) => page.raw("<th scope=\"col\">").raw(name),
            Column::Number(name) => page.raw("<th scope=\"col\" class=\"n\">").raw(name),
        };
        page.raw("</th>");
    }
    page.raw("</tr></thead><tbody data-live id=\"").raw(id).raw("\">");
    let mut body = Markup::default();
    rows(&mut body);
    if body.is_empty() {
        page.raw("<tr><td class=\"none\" colspan=\"").text(columns.len()).raw("\">None</td></tr>");
    } else {
        page.append(&body);
    }
    page.raw("</tbody></table></div>\n");
}

/// Writes a cell with a text, or with a dash.
pub(super) fn cell(page: &mut Markup, text: Option<impl Display>) {
    page.raw("<td>");
    inner(page, text);
}

/// Writes a cell with a few words that stay on one line, or with a dash.
pub(super) fn words(page: &mut Markup, text: Option<impl Display>) {
    page.raw("<td class=\"w\">");
    inner(page, text);
}

/// Writes a cell with a number, or with a dash.
pub(super) fn number(page: &mut Markup, text: Option<impl Display>) {
    page.raw("<td class=\"n\">");
    inner(page, text);
}

fn inner(page: &mut Markup, text: Option<impl Display>) {
    match text {
        Some(text) => page.text(text),
        None => page.raw("–"),
    };
    page.raw("</td>");
}

/// Writes a cell with a moment, or with a dash.
pub(super) fn moment(page: &mut Markup, at: Option<Timestamp>, now: Timestamp) {
    page.raw("<td class=\"t\">");
    match at {
        Some(at) => words::moment(page, at, now),
        None => drop(page.raw("–")),
    }
    page.raw("</td>");
}

/// Writes a cell with a word. Its background has one of the colours `good`, `fair`, `bad` and
/// `plain`.
pub(super) fn pill(page: &mut Markup, colour: &'static str, word: impl Display) {
    page.raw("<td><span class=\"pill ").raw(colour).raw("\">").text(word).raw("</span></td>");
}

/// Writes the name of a document, with its host in a less prominent colour.
pub(super) fn document(page: &mut Markup, name: &str) {
    let mut parts = name.split('/');
    page.raw("<span class=\"host\">").text(parts.next().unwrap_or_default()).raw("</span>");
    for part in parts {
        // On a narrow screen, a long name breaks only after a slash.
        page.raw("/<wbr>").text(part);
    }
}
