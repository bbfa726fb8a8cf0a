//! The newest release of a list that has reached a minimum age.
//!
//! A release that has just been published may be a mistake or an attack. A client that waits some
//! days installs the release after others have examined it.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use super::{Absence, Part};
use crate::clock::Timestamp;
use crate::json::for_each_element;

/// The fields of a release that the choice depends on.
#[derive(Deserialize)]
struct Release<'a> {
    #[serde(borrow)]
    published_at: Option<Cow<'a, str>>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
}

/// Returns the newest of the releases that were published at least `age` ago, until a younger one
/// is old enough. Drafts and prereleases do not count.
pub(super) fn newest(list: &str, age: Duration, now: Timestamp) -> Result<Part<'_>, Absence> {
    let (mut chosen, mut until, mut releases) = (None, None, 0);
    let look = |json| {
        let Some(published) = published_at(json) else { return };
        releases += 1;
        let is_old_enough = published <= now && now.since(published) >= age;
        if !is_old_enough {
            let at = published + age;
            until = Some(until.map_or(at, |known: Timestamp| known.min(at)));
        } else if chosen.is_none_or(|(known, _)| published > known) {
            chosen = Some((published, json));
        }
    };
    for_each_element(list, look).map_err(|_| Absence {
        reason: "the document is not a list of releases".to_owned(),
        until: None,
    })?;
    let too_young = || Absence {
        reason: format!(
            "none of the {releases} releases in the list is at least {} old (drafts and prereleases do not count)",
            humantime::format_duration(age)
        ),
        until,
    };
    let (_, json) = chosen.ok_or_else(too_young)?;
    Ok(Part { json, until })
}

/// Returns the time at which a release was published; `None` for a draft, a prerelease, or an
/// element that is no release.
fn published_at(json: &str) -> Option<Timestamp> {
    let release: Release<'_> = serde_json::from_str(json).ok()?;
    if release.draft || release.prerelease {
        return None;
    }
    Timestamp::from_rfc3339(&release.published_at?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// Noon of 10 January 2026.
    fn now() -> Timestamp {
        Timestamp::from_secs(1_768_046_400)
    }

    fn release(tag: &str, day: u32, more: &str) -> String {
        format!(
            r#"{{"tag_name":"{tag}","published_at":"2026-01-{day:02}T12:00:00Z","body":"[{{"{more}}}"#
        )
    }

    fn too_young(releases: usize, age: &str, until: Option<Timestamp>) -> Absence {
        let reason = format!(
            "none of the {releases} releases in the list is at least {age} old (drafts and prereleases do not count)"
        );
        Absence { reason, until }
    }

    fn list(releases: &[String]) -> String {
        format!("[{}]", releases.join(", "))
    }

    #[test]
    fn the_newest_old_enough_is_chosen() {
        let releases = [
            release("v4", 10, ""),
            release("v3", 8, ""),
            release("v1.9", 7, ""),
            release("v2", 1, ""),
        ];
        let list = list(&releases);
        for (days, wanted, waits_for) in [
            (0, Some(0), None),
            (1, Some(1), Some(11)),
            (2, Some(1), Some(12)),
            (3, Some(2), Some(11)),
            (9, Some(3), Some(16)),
            (10, None, Some(11)),
        ] {
            let found = newest(&list, DAY * days, now());
            let until = waits_for.map(|day: u32| now() + DAY * (day - 10));
            let expected = match wanted {
                Some(index) => Ok(Part { json: &releases[index], until }),
                None => Err(too_young(4, "10days", until)),
            };
            assert_eq!(found, expected, "{days} days");
        }
    }

    #[test]
    fn the_elements_of_a_list_take_no_memory() {
        let list = format!("[{}]", "1,".repeat(1_000_000) + &release("v1", 1, ""));
        let mut found = None;
        let used = allocation_counter::measure(|| found = newest(&list, DAY, now()).ok());
        assert!(found.is_some_and(|newest| newest.json.contains("v1")));
        assert!(used.bytes_max < 1_024, "{} bytes", used.bytes_max);
    }

    #[test]
    fn drafts_and_prereleases_never_count() {
        let list = list(&[
            release("rc", 2, r#","prerelease":true"#),
            release("draft", 3, r#","draft":true"#),
            r#"{"tag_name":"unpublished","published_at":null}"#.to_owned(),
            r#"{"tag_name":"odd","published_at":"yesterday"}"#.to_owned(),
            "7".to_owned(),
        ]);
        let nothing = Err(too_young(0, "0s", None));
        assert_eq!(newest(&list, Duration::ZERO, now()), nothing);
        assert_eq!(newest("[]", Duration::ZERO, now()), nothing);
    }

    proptest! {
        /// A choice holds until the returned time, and another one replaces it at that time.
        #[test]
        fn a_choice_holds_until_the_returned_time(
            days in proptest::collection::vec(1_u32..28, 1..8), age in 0_u32..30, later in 0_u64..40
        ) {
            let releases: Vec<_> =
                days.iter().map(|day| release(&day.to_string(), *day, "")).collect();
            let list = list(&releases);
            let (now, age) = (now(), DAY * age);
            let first = newest(&list, age, now);
            let until = match &first {
                Ok(Part { until, .. }) | Err(Absence { until, .. }) => *until,
            };
            let then = now + DAY * u32::try_from(later).unwrap();
            let json = |found: Result<Part<'_>, Absence>| found.ok().map(|it| it.json.to_owned());
            if until.is_none_or(|until| then < until) {
                prop_assert_eq!(json(first), json(newest(&list, age, then)));
            } else {
                prop_assert_ne!(json(first), json(newest(&list, age, then)));
            }
        }
    }
}
