//! The figures that are to be reached.

use crate::say;
use crate::scenario::Keys;
use crate::server::Kind;
use crate::table::{Table, ratio};
use crate::verdict::Verdict;

/// The least ratios of svm to the others, in requests a second and in requests a second of its
/// core, with 7 KB over kept connections.
const REQUIRED: [(Kind, f64); 3] = [(Kind::Salvo, 0.95), (Kind::Nginx, 1.3), (Kind::Varnish, 1.8)];
/// The same with a million entries, in what it is with one.
const WITH_MANY: f64 = 0.9;

/// Compares what was measured with them; what was not measured is left out.
pub(crate) fn judge(tables: &[Table]) -> Verdict {
    let mut verdict = Verdict::new();
    let find = |name: &str| tables.iter().find(|table| table.scenario.name == name);
    if let Some(table) = find("7k") {
        for (kind, required) in REQUIRED {
            let names = ["7k", kind.name()];
            compare(&mut verdict, table, (table, kind), names, required);
        }
    }
    if let Some(one) = find("200b") {
        for many in tables.iter().filter(|table| table.scenario.keys == Keys::Many) {
            let names = [many.scenario.name, "svm with one key"];
            compare(&mut verdict, many, (one, Kind::Svm), names, WITH_MANY);
        }
    }
    verdict
}

/// svm in one table, against somebody in the same or another one.
fn compare(
    verdict: &mut Verdict,
    table: &Table,
    (others, kind): (&Table, Kind),
    [scenario, other]: [&str; 2],
    required: f64,
) {
    let (these, those) = (table.of(Kind::Svm), others.of(kind));
    if those.is_empty() {
        return;
    }
    if table.is_disturbed(Kind::Svm) || others.is_disturbed(kind) {
        say(&format!(
            "{scenario}, {other}: the machine had other work, which requests a second show"
        ));
    }
    let requests = ratio(these, those, |sample| sample.rate);
    verdict.at_least(&format!("{scenario}, requests a second, in {other}"), requests, required, "");
    let work = ratio(these, those, |sample| 1.0 / sample.cpu);
    verdict.at_least(&format!("{scenario}, the same of CPU time, in {other}"), work, required, "");
}
