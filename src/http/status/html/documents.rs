//! The documents in use that stand out.

use crate::clock::Timestamp;
use crate::http::status::facts::{DocumentFacts, ServiceFacts};
use crate::http::status::markup::Markup;
use crate::target::percent;

use super::table::{self, Column};
use super::words::{self, grouped};

const COLUMNS: [Column; 6] = [
    Column::Text("Document"),
    Column::Number("Recent uses"),
    Column::Text("Fetched"),
    Column::Text("Last check"),
    Column::Text("Expires"),
    Column::Text("Validator"),
];

pub(super) fn section(page: &mut Markup, facts: &ServiceFacts) {
    let documents = &facts.documents;
    page.raw("<section class=\"card\" aria-labelledby=\"documents\">").raw(
        "<h2 id=\"documents\">Documents in use</h2>\n<p class=\"note\" id=\"surveyed\" data-live>",
    );
    match documents.surveyed_at {
        Some(at) => {
            page.raw("As of ");
            words::moment(page, at, facts.at);
            page.raw("; each sweep halves the recent uses.");
        }
        None => drop(page.raw("Not looked at yet.")),
    }
    page.raw("</p>\n");
    for (id, caption, found) in [
        ("most-used", "Most used", &documents.most_used),
        ("oldest-check", "Oldest check", &documents.oldest_check),
        ("stale", "Stale: past their lifetime", &documents.longest_stale),
        (
            "unconfirmed",
            "Unconfirmed: svm asks again before it believes that they are lost",
            &documents.doubted,
        ),
    ] {
        table::write(page, id, caption, &COLUMNS, |page| {
            found.iter().for_each(|document| row(page, document, facts.at));
        });
    }
    page.raw("</section>\n");
}

fn row(page: &mut Markup, document: &DocumentFacts, now: Timestamp) {
    page.raw("<tr><th scope=\"row\" class=\"name\">");
    name(page, document);
    if let Some(loss) = document.unconfirmed_loss {
        page.raw(" <span class=\"pill fair\">").text(loss.replace('-', " ")).raw("</span>");
    }
    page.raw("</th>");
    table::number(page, document.recent_uses.map(grouped));
    table::moment(page, document.fetched_at, now);
    table::moment(page, document.checked_at, now);
    table::moment(page, document.expires_at, now);
    table::cell(page, document.validator);
    page.raw("</tr>");
}

fn name(page: &mut Markup, document: &DocumentFacts) {
    match (&document.document, &document.url) {
        (Some(name), Some(url)) => {
            page.raw("<a href=\"?explain=").text(percent::encode(url)).raw("\">");
            table::document(page, name);
            page.raw("</a>");
        }
        (Some(name), None) => table::document(page, name),
        (None, _) => drop(page.raw("not in memory: ").text(&document.key)),
    }
}
