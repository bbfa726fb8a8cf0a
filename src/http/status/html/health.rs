//! The health of the service and of its dependencies.

use serde_json::Value;

use crate::http::status::facts::ServiceFacts;
use crate::http::status::markup::Markup;

use super::table::{self, Column};

const COLUMNS: [Column; 3] =
    [Column::Text("Dependency"), Column::Text("State"), Column::Text("Details")];
const OF_HOSTS: [Column; 3] = [Column::Text("Host"), Column::Text("State"), Column::Text("Cause")];

/// Returns the overall state of the service, as `/healthz` reports it.
pub(super) fn state(facts: &ServiceFacts) -> &str {
    facts.health["status"].as_str().unwrap_or("unknown")
}

/// Writes the overall state of the service.
pub(super) fn pill(page: &mut Markup, state: &str) {
    let colour = match state {
        "healthy" => "good",
        "degraded" => "fair",
        _ => "bad",
    };
    page.raw("<span class=\"pill big ").raw(colour).raw("\">").text(state).raw("</span>");
}

pub(super) fn section(page: &mut Markup, facts: &ServiceFacts) {
    page.raw("<section class=\"card\" aria-labelledby=\"health\"><h2 id=\"health\">Health</h2>\n");
    table::write(page, "dependencies", "Dependencies, as /healthz has them", &COLUMNS, |page| {
        for (name, state) in facts.health["dependencies"].as_object().into_iter().flatten() {
            row(page, name, state);
        }
    });
    table::write(page, "hosts", "Hosts that svm has asked", &OF_HOSTS, |page| {
        for host in &facts.hosts {
            page.raw("<tr><th scope=\"row\">").text(&host.host).raw("</th>");
            match host.is_failing {
                true => table::pill(page, "bad", "fails"),
                false => table::pill(page, "good", "works"),
            }
            table::cell(page, host.cause);
            page.raw("</tr>");
        }
    });
    page.raw("</section>\n");
}

fn row(page: &mut Markup, name: &str, state: &Value) {
    page.raw("<tr><th scope=\"row\">").text(name.replace('_', " ")).raw("</th>");
    match state["status"].as_str() {
        Some("up") => table::pill(page, "good", "up"),
        word => table::pill(page, "bad", word.unwrap_or("unknown")),
    }
    let details = ["error", "detail"].iter().filter_map(|name| state[*name].as_str());
    let details = details.collect::<Vec<_>>().join("; ");
    table::cell(page, Some(details).filter(|details| !details.is_empty()));
    page.raw("</tr>");
}
