//! The tokens, by their positions in the configuration.

use crate::http::status::facts::{ServiceFacts, TokenFacts};
use crate::http::status::markup::Markup;

use super::table::{self, Column};
use super::words::grouped;

const COLUMNS: [Column; 7] = [
    Column::Text("Token"),
    Column::Text("Account of"),
    Column::Text("State"),
    Column::Number("Remaining"),
    Column::Text("Resets"),
    Column::Text("Cools down until"),
    Column::Number("Expires in"),
];

pub(super) fn section(page: &mut Markup, facts: &ServiceFacts) {
    page.raw("<section class=\"card\" aria-labelledby=\"tokens\"><h2 id=\"tokens\">Tokens</h2>\n");
    let caption = "Tokens by their place in GITHUB_PATS; those of one account share its quota";
    table::write(page, "token-rows", caption, &COLUMNS, |page| {
        for token in &facts.tokens {
            page.raw("<tr><th scope=\"row\">").text(token.token).raw("</th>");
            table::cell(page, Some(format_args!("token {}", token.account)));
            table::pill(page, colour(token), token.state.replace('-', " "));
            table::number(page, token.remaining.map(grouped));
            table::moment(page, token.reset_at, facts.at);
            table::moment(page, token.cools_down_until, facts.at);
            table::number(page, token.expires_in_days.map(|days| format!("{days} d")));
            page.raw("</tr>");
        }
    });
    page.raw("</section>\n");
}

fn colour(token: &TokenFacts) -> &'static str {
    match token.state {
        "ready" => "good",
        "cooling-down" => "fair",
        _ => "bad",
    }
}
