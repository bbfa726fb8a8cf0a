//! The figures that are to be reached.

use crate::say;
use crate::scenario::Keys;
use crate::server::Kind;
use crate::table::{Table, ratio};
use crate::verdict::Verdict;

/// The least ratios of svm to the others in a scenario, in requests a second and in requests a
/// second of its core.
const REQUIRED: [(&str, Kind, f64); 5] = [
    ("7k", Kind::Salvo, 0.95),
    ("7k", Kind::Nginx, 1.15),
    ("7k", Kind::Varnish, 2.0),
    ("7k-304", Kind::Nginx, 1.1),
    ("7k-zipf", Kind::Nginx, 1.1),
];
/// The same with a million entries, in what it is with one.
const WITH_MANY: f64 = 0.8;

/// Compares what was measured with them; what was not measured is left out.
pub(crate) fn judge(tables: &[Table]) -> Verdict {
    let mut verdict = Verdict::new();
    let find = |name: &str| tables.iter().find(|table| table.scenario.name == name);
    for (name, kind, required) in REQUIRED {
        if let Some(table) = find(name) {
            compare(&mut verdict, table, (table, kind), [name, kind.name()], required);
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
