//! Pages that may have changed although their ETag has not: GitHub's ETag covers the body of a page
//! and not its links.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::{Entry, Relation};
use crate::json;
use crate::target::Target;

use super::freshness::was_within;

/// The interval after which a page with a link to the last page is fetched again, since there may
/// be another last page.
const LINKS_AGE: Duration = Duration::from_secs(60 * 60);

/// The elements of a page whose URL names no number.
const PER_PAGE: usize = 30;
/// The most elements of a page, whatever number the URL names.
const MOST_PER_PAGE: usize = 100;

/// Returns true if the links of a page may be outdated. A full last page gets a next one with one
/// more element, and a link to the last page may lead to another one by now.
pub(super) fn may_have_other_links(entry: &Entry, target: &Target, now: Timestamp) -> bool {
    let url = |relation| entry.extras.links().and_then(|links| links.url(relation));
    if url(Relation::Last).is_some() {
        return !was_within(LINKS_AGE, entry.times.fetched_at, now);
    }
    url(Relation::Next).is_none() && json::elements(&entry.body) == Some(per_page(target))
}

fn per_page(target: &Target) -> usize {
    let query = target.query().unwrap_or_default();
    let value = query.split('&').find_map(|pair| pair.strip_prefix("per_page="));
    let number = value.and_then(|value| value.parse().ok()).filter(|number| *number > 0);
    number.unwrap_or(PER_PAGE).min(MOST_PER_PAGE)
}

#[cfg(test)]
mod tests {
    use crate::cache::policy::tests::stored_entry;
    use crate::entry::{Extras, Links, Times};
    use crate::target::Policy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const URL: &str = "https://api.github.com/repos/o/r/releases";

    fn may_have(query: &str, elements: usize, links: [bool; 4], minutes: u64) -> bool {
        let target = Target::parse(&format!("{URL}{query}"), &Policy::default()).unwrap();
        let links = links.map(|is_there| is_there.then(|| URL.into()));
        let fetched_at = Timestamp::from_secs(1_000_000 - 60 * minutes);
        let entry = Entry {
            body: bytes::Bytes::from(format!("[{}]", vec![r#"{"id":[1]}"#; elements].join(",")))
                .into(),
            extras: Extras::default().with_links(Links::from_urls(links)),
            times: Times { fetched_at, ..stored_entry().times },
            ..(*stored_entry()).clone()
        };
        may_have_other_links(&entry, &target, NOW)
    }

    #[test]
    fn a_full_last_page_may_get_a_next_one() {
        const NONE: [bool; 4] = [false; 4];
        const LAST_OF_SEVERAL: [bool; 4] = [true, false, false, true];
        for (query, elements, want) in [
            ("", 30, true),
            ("", 29, false),
            ("", 31, false),
            ("", 0, false),
            ("?per_page=5", 5, true),
            ("?per_page=5", 30, false),
            ("?page=2&per_page=5", 5, true),
            ("?per_page=1000", 100, true),
            ("?per_page=0", 30, true),
            ("?per_page=x", 30, true),
        ] {
            assert_eq!(may_have(query, elements, NONE, 1), want, "{query} {elements}");
            assert_eq!(may_have(query, elements, LAST_OF_SEVERAL, 1), want, "{query} {elements}");
        }
    }

    #[test]
    fn a_link_to_the_last_page_is_good_for_an_hour() {
        for links in [[false, true, true, false], [true, true, true, true]] {
            assert!(!may_have("", 30, links, 59));
            assert!(may_have("", 30, links, 60));
        }
        assert!(!may_have("", 30, [false, true, false, false], 90), "it has a next page");
    }
}
