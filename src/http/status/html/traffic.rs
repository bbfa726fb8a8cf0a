//! The traffic: each rate now, over five minutes and over an hour, with a chart of the last hour.

use crate::http::status::facts::ServiceFacts;
use crate::http::status::history::TrafficRates;
use crate::http::status::markup::Markup;
use crate::http::status::sparkline;

use super::row;
use super::words::{bytes, grouped, percent, rate};

pub(super) fn section(page: &mut Markup, facts: &ServiceFacts) {
    page.raw("<section aria-labelledby=\"traffic\"><h2 id=\"traffic\">Traffic</h2>\n");
    page.raw("<div class=\"tiles\" id=\"tiles\" data-live>");
    let requests = |rates: &TrafficRates| Some(rates.requests_per_second);
    tile(page, facts, "Requests per second", requests, rate, None);
    tile(page, facts, "Hit ratio", |rates| rates.hit_ratio, percent, Some(1.0));
    let calls = |rates: &TrafficRates| Some(rates.calls_per_minute);
    tile(page, facts, "Calls to GitHub per minute", calls, rate, None);
    let charged = |rates: &TrafficRates| Some(rates.charged_calls_per_minute);
    tile(page, facts, "Charged calls per minute", charged, rate, None);
    documents(page, facts);
    since_start(page, facts);
    page.raw("</div></section>\n");
}

/// Writes one rate: its values for the three periods, and its chart.
fn tile(
    page: &mut Markup,
    facts: &ServiceFacts,
    name: &'static str,
    of: impl Fn(&TrafficRates) -> Option<f64>,
    shown: impl Fn(f64) -> String,
    top: Option<f64>,
) {
    let traffic = &facts.traffic;
    let value = |rates: &TrafficRates| of(rates).map_or_else(|| "–".to_owned(), &shown);
    page.raw("<article class=\"card tile\"><h3>").raw(name).raw("</h3><p class=\"value\">");
    page.text(value(&traffic.now)).raw(" <small>now</small></p>");
    let points: Vec<_> =
        traffic.half_minutes.iter().map(|point| point.as_ref().and_then(&of)).collect();
    sparkline::draw(page, &format!("{name}, over the last hour"), &points, top);
    page.raw("<dl>");
    row(page, "5 min", value(&traffic.five_minutes));
    row(page, "1 h", value(&traffic.hour));
    page.raw("</dl></article>");
}

fn documents(page: &mut Markup, facts: &ServiceFacts) {
    let documents = &facts.documents;
    page.raw("<article class=\"card tile\"><h3>Documents in use</h3><p class=\"value\">")
        .text(grouped(documents.in_use as u64))
        .raw("</p><dl>");
    row(page, "Stale", grouped(documents.stale as u64));
    row(page, "Unconfirmed", grouped(documents.unconfirmed as u64));
    row(page, "Checked late", grouped(documents.checked_late as u64));
    let (entries, size) = (grouped(documents.entries_in_memory), bytes(documents.bytes_in_memory));
    row(page, "In memory", format_args!("{entries} ({size})"));
    page.raw("</dl></article>");
}

fn since_start(page: &mut Markup, facts: &ServiceFacts) {
    let counts = &facts.traffic.since_start;
    page.raw("<article class=\"card tile\"><h3>Requests since the start</h3><p class=\"value\">")
        .text(grouped(counts.requests))
        .raw("</p><dl>");
    row(page, "Hits", grouped(counts.hits));
    row(page, "Stale answers", grouped(counts.stale));
    let (calls, charged) = (grouped(counts.calls), grouped(counts.charged_calls));
    row(page, "Calls to GitHub", format_args!("{calls} ({charged} charged)"));
    row(page, "Failed exchanges", grouped(counts.failed_exchanges));
    page.raw("</dl></article>");
}
