//! The rule for claims, by tables of cases and by any sequence of answers.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::cache::policy::tests::{rules, stored_entry};
use crate::target::Policy;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const RELEASES: &str = "https://api.github.com/repos/octo/app/releases";
const NEWEST: &str = r#"{"id":2,"tag_name":"v2","published_at":"2026-02-02T00:00:00Z"}"#;
const OLDER: &str = r#"{"id":1,"tag_name":"v1","published_at":"2026-01-01T00:00:00Z"}"#;

fn target(below: &str) -> Target {
    Target::parse(&format!("{RELEASES}{below}"), &Policy::default()).unwrap()
}

fn document(body: &str) -> Entry {
    Entry { body: Bytes::from(body.to_owned()).into(), ..(*stored_entry()).clone() }
}

fn missing() -> Entry {
    Entry { status: StatusCode::NOT_FOUND, ..document("{}") }
}

fn claimed(below: &str, copy: &str, claimed: &Entry) -> Option<Loss> {
    claimed_of(&target(below), copy, claimed)
}

fn claimed_of(target: &Target, copy: &str, claimed: &Entry) -> Option<Loss> {
    claim(target, &document(copy), claimed, NOW, &rules()).map(|claim| claim.loss)
}

#[test]
fn a_claim_of_a_loss_is_recognized() {
    let list = format!("[{NEWEST},{OLDER}]");
    let gone = Entry { status: StatusCode::GONE, ..missing() };
    for (below, copy, answer, want) in [
        ("", &*list, document("[]"), Some(Loss::ListEmptied)),
        ("?per_page=2", &list, document(" [ ] "), Some(Loss::ListEmptied)),
        ("", &list, document(&format!("[{OLDER}]")), None),
        ("", "[]", document("[]"), None),
        ("", &list, missing(), None),
        ("/latest", NEWEST, missing(), Some(Loss::LatestMissing)),
        ("/latest", NEWEST, gone, None),
        ("/latest", NEWEST, document(OLDER), Some(Loss::LatestOlder)),
        ("/latest", OLDER, document(NEWEST), None),
        ("/latest", NEWEST, document(NEWEST), None),
        ("/latest", NEWEST, document("{}"), None),
        ("/tags/v2", NEWEST, missing(), Some(Loss::ReleaseMissing)),
        ("/2", NEWEST, missing(), Some(Loss::ReleaseMissing)),
        ("/tags/v2", NEWEST, document(OLDER), None),
        ("/2/assets", &list, document("[]"), Some(Loss::ListEmptied)),
    ] {
        assert_eq!(claimed(below, copy, &answer), want, "{below}: {copy} to {answer:?}");
    }
    for (path, want) in [
        ("octo/releases/releases/tags/v2", Some(Loss::ReleaseMissing)),
        ("octo/releases/releases/2", Some(Loss::ReleaseMissing)),
        ("octo/app/branches/releases/2024", None),
        ("octo/app/contents/releases/7", None),
    ] {
        let url = format!("https://api.github.com/repos/{path}");
        let target = Target::parse(&url, &Policy::default()).unwrap();
        assert_eq!(claimed_of(&target, NEWEST, &missing()), want, "{path}");
    }
}

#[test]
fn a_claim_needs_a_copy_that_may_be_served() {
    let claim = |rules: &config::Cache, seconds| {
        let now = NOW + Duration::from_secs(seconds);
        claim(&target("/latest"), &document(NEWEST), &missing(), now, rules).is_some()
    };
    assert!(claim(&rules(), 0) && claim(&rules(), 1499));
    assert!(!claim(&rules(), 1500), "the copy is too old");
    assert!(!claim(&config::Cache { confirm_losses: false, ..rules() }, 0));
}

#[test]
fn the_witnesses_are_the_tags_of_the_lost_releases() {
    let three = format!("[{NEWEST},{{}},{OLDER}]").replace("{}", &OLDER.replace("v1", "v1.5"));
    let odd = NEWEST.replace("v2", "app/v2+1 ü");
    let root = "/repos/octo/app/releases/tags/";
    let of = |below: &str, copy: &str| lost_releases(&target(below), &document(copy));
    for (below, copy, want) in [
        ("/latest", NEWEST, vec!["v2"]),
        ("", &*three, vec!["v2", "v1"]),
        ("?page=1&per_page=2", &three, vec!["v2", "v1"]),
        ("", &format!("[{NEWEST}]"), vec!["v2"]),
        ("?page=2", &three, vec![]),
        ("/2", NEWEST, vec!["v2"]),
        ("/2/assets", &three, vec![]),
        ("/latest", "{}", vec![]),
        ("/latest", &odd, vec!["app/v2%2B1%20%C3%BC"]),
    ] {
        let documents: Vec<_> = of(below, copy).into_iter().filter_map(|it| it.document).collect();
        let want: Vec<_> = want.into_iter().map(|tag| format!("{root}{tag}")).collect();
        assert_eq!(documents, want, "{below}: {copy}");
    }
    assert_eq!(of("/tags/v2", NEWEST), [LostRelease { id: 2, document: None }]);
    let tags = Target::parse("https://api.github.com/repos/octo/app/tags", &Policy::default());
    assert_eq!(lost_releases(&tags.unwrap(), &document(&three)), []);
}

#[test]
fn the_document_of_the_tag_is_the_witness() {
    let of =
        |status, body: &str| Witness::of(StatusCode::from_u16(status).unwrap(), body.as_bytes());
    assert_eq!(of(404, "{}"), Witness::Absent);
    assert_eq!(of(200, NEWEST), Witness::Present);
    assert_eq!(of(200, &NEWEST.replace('}', r#","prerelease":true}"#)), Witness::Withdrawn);
    assert_eq!(of(200, "{}"), Witness::Silent);
    assert_eq!(of(403, "{}"), Witness::Silent);
}

const EMPTIED: LossClaim = LossClaim { loss: Loss::ListEmptied, release: None };
const MISSING: LossClaim = LossClaim { loss: Loss::LatestMissing, release: None };
const GONE: LossClaim = LossClaim { loss: Loss::ReleaseMissing, release: None };
const FIRST: LossClaim = LossClaim { loss: Loss::LatestOlder, release: Some(1) };

/// Returns the second after [`NOW`] at which the claim is believed.
fn believed(answers: &[(u64, LossClaim, Witness)]) -> Option<u64> {
    let mut doubt = None;
    for (second, claim, witness) in answers {
        doubt = weigh(*claim, doubt.as_ref(), *witness, NOW + Duration::from_secs(*second));
        if doubt.is_none() {
            return Some(*second);
        }
    }
    None
}

#[test]
fn a_claim_is_weighed_by_the_witness_and_by_agreement() {
    use Witness::{Absent, Present, Silent, Withdrawn};
    let second = LossClaim { release: Some(2), ..FIRST };
    for (answers, want) in [
        (vec![(0, MISSING, Absent)], Some(0)),
        (vec![(0, FIRST, Withdrawn)], Some(0)),
        (vec![(0, EMPTIED, Withdrawn), (60, EMPTIED, Withdrawn)], None),
        (vec![(0, GONE, Silent), (5, GONE, Silent), (59, GONE, Silent)], None),
        (vec![(0, GONE, Silent), (60, GONE, Silent)], Some(60)),
        (vec![(0, FIRST, Present), (60, FIRST, Present)], Some(60)),
        (vec![(0, FIRST, Present), (60, second, Present), (119, second, Present)], None),
        (vec![(0, EMPTIED, Present), (60, EMPTIED, Present), (600, EMPTIED, Present)], None),
        (vec![(0, MISSING, Present), (600, MISSING, Present)], None),
        (vec![(0, MISSING, Present), (30, MISSING, Absent)], Some(30)),
        (vec![(30, MISSING, Present), (60, MISSING, Silent), (119, MISSING, Silent)], None),
        (vec![(30, MISSING, Present), (60, MISSING, Silent), (120, MISSING, Silent)], Some(120)),
    ] {
        assert_eq!(believed(&answers), want, "{answers:?}");
    }
}

#[test]
fn questions_follow_at_set_times() {
    let doubt = weigh(GONE, None, Witness::Silent, NOW).unwrap();
    let mut now = NOW;
    let seconds: Vec<_> = (0..5)
        .map(|_| {
            now = ask_at(&doubt, now);
            now.since(NOW).as_secs()
        })
        .collect();
    assert_eq!(seconds, [5, 30, 120, 180, 240]);
    assert!(!doubt.is_overdue(NOW + Duration::from_secs(149)));
    assert!(doubt.is_overdue(NOW + Duration::from_secs(150)));
    assert!(doubt.is_overdue(NOW - Duration::from_secs(1)), "the clock was set back");
}

/// Generates GitHub's answer about a list of releases, and its answer about the lost release.
fn answer(is_there: bool) -> impl Strategy<Value = (Option<LossClaim>, Witness)> {
    let claim = match is_there {
        true => prop_oneof![Just(None), Just(Some(EMPTIED))].boxed(),
        false => Just(Some(EMPTIED)).boxed(),
    };
    // The witness may be silent, but it never denies a release that exists, and never shows one
    // that does not.
    let witness = if is_there { Witness::Present } else { Witness::Absent };
    (claim, prop_oneof![3 => Just(witness), 1 => Just(Witness::Silent)])
}

/// Plays the answers at the planned times, and each minute for a sweep. Returns the seconds after
/// which the loss was believed and the last answer came.
fn play(answers: &[(Option<LossClaim>, Witness)]) -> (Option<u64>, u64) {
    let (mut doubt, mut now, mut sweep): (Option<Doubt>, _, _) = (None, NOW, NOW);
    let mut last = 0;
    for (claim, witness) in answers {
        last = now.since(NOW).as_secs();
        if now >= sweep {
            sweep = now + Duration::from_secs(60);
        }
        doubt = match claim {
            None => None,
            Some(claim) => {
                let weighed = weigh(*claim, doubt.as_ref(), *witness, now);
                if weighed.is_none() {
                    return (Some(last), last);
                }
                weighed
            }
        };
        now = doubt.map_or(sweep, |doubt| ask_at(&doubt, now).min(sweep));
    }
    (None, last)
}

proptest! {
    /// A deletion is believed within three minutes, after any answers before it.
    #[test]
    fn no_answers_hide_a_deletion_for_three_minutes(
        before in prop::collection::vec(answer(true), 0..20),
        after in prop::collection::vec(answer(false), 40..41),
    ) {
        // The deletion comes right after the last answer of `before`.
        let (early, deleted) = play(&before);
        prop_assume!(early.is_none());
        let (believed, _) = play(&[before, after].concat());
        prop_assert!(believed.is_some_and(|at| at <= deleted + 180), "{believed:?} {deleted}");
    }

    /// While the release exists and its own document shows that once a minute, the list is never
    /// served as empty.
    #[test]
    fn no_answers_make_a_list_falsely_empty(
        claims in prop::collection::vec(any::<bool>(), 1..60),
    ) {
        let answers = claims.iter().enumerate().map(|(at, is_claimed)| {
            let witness = if at % 2 == 0 { Witness::Present } else { Witness::Silent };
            (is_claimed.then_some(EMPTIED), witness)
        });
        let (believed, _) = play(&answers.collect::<Vec<_>>());
        prop_assert_eq!(believed, None);
    }
}
