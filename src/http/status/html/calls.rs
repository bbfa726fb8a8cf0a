//! The last calls to GitHub.

use crate::http::status::facts::{CallFacts, ServiceFacts};
use crate::http::status::markup::Markup;

use super::table::{self, Column};

const COLUMNS: [Column; 9] = [
    Column::Text("When"),
    Column::Text("Document"),
    Column::Text("Answer"),
    Column::Text("Cost"),
    Column::Number("Took"),
    Column::Number("Token"),
    Column::Text("Validator"),
    Column::Text("Wanted by"),
    Column::Text("GitHub's request id"),
];

pub(super) fn section(page: &mut Markup, facts: &ServiceFacts) {
    page.raw("<section class=\"card tall\" aria-labelledby=\"calls\">")
        .raw("<h2 id=\"calls\">Calls to GitHub</h2>\n");
    table::write(page, "call-rows", "The last 100 calls, the latest first", &COLUMNS, |page| {
        for call in &facts.calls {
            page.raw("<tr>");
            table::moment(page, Some(call.at), facts.at);
            page.raw("<th scope=\"row\" class=\"name\">");
            table::document(page, &call.document);
            page.raw("</th>");
            answer(page, call);
            cost(page, call);
            table::number(page, Some(format_args!("{} ms", call.milliseconds)));
            table::number(page, call.token);
            table::words(page, Some(call.validator.trim_end_matches("-etag")));
            table::words(page, Some(wanted_by(call)));
            page.raw("<td class=\"w\"><code>").text(call.request_id.as_deref().unwrap_or("–"));
            page.raw("</code></td>");
            page.raw("</tr>");
        }
    });
    page.raw("</section>\n");
}

fn answer(page: &mut Markup, call: &CallFacts) {
    match (call.status, call.failure) {
        (Some(status @ ..400), _) => table::pill(page, "plain", status),
        (Some(status), _) => table::pill(page, "bad", status),
        (None, failure) => table::pill(page, "bad", failure.unwrap_or_default().replace('-', " ")),
    }
}

fn cost(page: &mut Markup, call: &CallFacts) {
    match call.cost {
        "free" => table::pill(page, "good", "free"),
        "charged" => table::pill(page, "fair", "charged"),
        other => table::pill(page, "plain", other),
    }
}

fn wanted_by(call: &CallFacts) -> &'static str {
    if call.priority == "background" { "background" } else { "client" }
}
