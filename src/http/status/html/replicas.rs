//! The persistent tier, and the replicas that may share it.

use crate::http::status::facts::ServiceFacts;
use crate::http::status::markup::Markup;

use super::row;
use super::words::{bytes, grouped};

pub(super) fn section(page: &mut Markup, facts: &ServiceFacts) {
    let (store, sweeps) = (&facts.store, &facts.sweeps);
    page.raw("<section class=\"card\" aria-labelledby=\"store\">")
        .raw("<h2 id=\"store\">Store and replicas</h2>\n<dl class=\"list\" id=\"store-facts\" data-live>");
    let sharing = if store.is_shared { "shared by replicas" } else { "of this process alone" };
    row(page, "Store", format_args!("{}, {sharing}", store.kind.replace('_', " ")));
    let waiting = store.waiting_bytes.try_into().unwrap_or(u64::MAX);
    row(
        page,
        "Changes that wait",
        format_args!("{} ({})", grouped(store.waiting_changes as u64), bytes(waiting)),
    );
    row(page, "Changes written", grouped(store.written_changes));
    row(page, "Changes dropped", grouped(store.dropped_changes));
    let last = if store.last_batch_ok { "the last batch was written" } else { "the last one too" };
    row(page, "Batches failed", format_args!("{}; {last}", grouped(store.failed_batches)));
    row(page, "Sweeps", grouped(sweeps.sweeps));
    row(page, "Documents due", grouped(sweeps.due));
    row(page, "Checked here", grouped(sweeps.checked));
    row(page, "Taken over from replicas", grouped(sweeps.adopted));
    row(page, "Left for later", grouped(sweeps.skipped));
    page.raw("</dl></section>\n");
}
