//! The last events of the log that are important for an operator.

use crate::http::status::facts::ServiceFacts;
use crate::http::status::markup::Markup;

use super::table::{self, Column};

const COLUMNS: [Column; 4] =
    [Column::Text("When"), Column::Text("Level"), Column::Text("Event"), Column::Text("Details")];

pub(super) fn section(page: &mut Markup, facts: &ServiceFacts) {
    page.raw("<section class=\"card tall\" aria-labelledby=\"events\">")
        .raw("<h2 id=\"events\">Events</h2>\n");
    let caption = "The last 50 warnings, errors and ends of troubles, the latest first";
    table::write(page, "event-rows", caption, &COLUMNS, |page| {
        for event in &facts.events {
            page.raw("<tr>");
            table::moment(page, Some(event.at), facts.at);
            let colour = match event.level {
                "ERROR" => "bad",
                "WARN" => "fair",
                _ => "plain",
            };
            table::pill(page, colour, event.level.to_lowercase());
            page.raw("<th scope=\"row\" class=\"words\">").text(&event.message);
            page.raw("</th><td class=\"words\"><code>")
                .text(&event.fields)
                .raw("</code></td></tr>");
        }
    });
    page.raw("</section>\n");
}
