//! The choice by cost, case by case, and laws for all pools and documents.

use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::config;
use crate::entry::Validators;
use crate::secret::{Fingerprint, Secret};
use crate::upstream::TokenPool;
use crate::upstream::rate_limit::{Limit, Quota};
use crate::upstream::tokens::TokenUse;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const COUNT: usize = 3;
const THRESHOLD: u64 = 100;

/// A pool and its tokens, by their positions.
struct Scene {
    pool: TokenPool,
    tokens: Vec<TokenUse>,
}

impl Scene {
    fn new() -> Self {
        let secrets = (0..COUNT).map(|n| Secret::new(&format!("ghp_{n}")).unwrap()).collect();
        let (require_public, identify) = (false, false);
        let usage_threshold = THRESHOLD;
        let config = config::Tokens { secrets, usage_threshold, require_public, identify };
        let pool = TokenPool::new(&config);
        let question = Case::default().question(None, &NOTHING_TRIED);
        // The tokens take turns.
        let tokens = (0..COUNT).map(|_| pool.choose(&question, NOW).unwrap().0).collect();
        Self { pool, tokens }
    }

    fn fingerprint(&self, index: usize) -> Fingerprint {
        self.tokens[index].fingerprint()
    }

    fn cool_down(&self, index: usize) {
        self.pool.cool_down(self.tokens[index], Limit::Secondary { retry_after: Some(HOUR) }, NOW);
    }

    fn set_left(&self, index: usize, remaining: u64) {
        let quota = Quota { limit: 5000, remaining, reset_at: NOW + HOUR };
        self.pool.book(self.tokens[index], quota, NOW);
    }

    /// Returns the plan for a document that the third token has fetched.
    fn plan(&self, case: Case) -> Result<(usize, Validator), Timestamp> {
        let validators = Validators {
            etag: case.has_etag.then(|| "\"tag\"".into()),
            last_modified: Some("Wed, 01 Jan 2025 00:00:00 GMT".into()),
            follows_rule: case.follows_rule,
        };
        let stored = Stored {
            avoided: None,
            validators: &validators,
            token: Some(self.fingerprint(2)),
            is_without_token: false,
            body: &Bytes::new(),
            fetched_at: NOW,
            date_check: case.date_check,
            moved_to: None,
        };
        let planned = self.pool.choose(&case.question(Some(stored), &NOTHING_TRIED), NOW);
        planned.map(|(token_use, validator)| (token_use.index(), validator))
    }
}

/// The rule of a document that a check by date suffices for.
const SUFFICES: DateCheck = DateCheck::If(|_, _| true);

static NOTHING_TRIED: std::sync::LazyLock<Tried> = std::sync::LazyLock::new(Tried::default);

/// The stored document, and the operator's settings.
#[derive(Clone, Copy, Debug)]
struct Case {
    has_etag: bool,
    follows_rule: bool,
    date_check: DateCheck,
    by_date: ByDate,
    doubted_at: Option<Timestamp>,
    priority: Priority,
}

impl Default for Case {
    /// An ordinary document.
    fn default() -> Self {
        Self {
            has_etag: true,
            follows_rule: true,
            date_check: DateCheck::Never,
            by_date: ByDate::Auto,
            doubted_at: None,
            priority: Priority::Foreground,
        }
    }
}

impl Case {
    fn question<'a>(self, stored: Option<Stored<'a>>, tried: &'a Tried) -> TokenRequest<'a> {
        let Self { by_date, doubted_at, priority, .. } = self;
        let (owner, only_owner) = (None, false);
        TokenRequest { stored, priority, tried, owner, only_owner, by_date, doubted_at }
    }
}

#[test]
fn its_own_token_asks_with_the_etag_as_received() {
    let scene = Scene::new();
    for follows_rule in [true, false] {
        let case = Case { follows_rule, doubted_at: Some(NOW), ..Case::default() };
        assert_eq!(scene.plan(case), Ok((2, Validator::Etag)));
    }
}

#[test]
fn another_token_asks_with_the_computed_etag() {
    let before = NOW - Duration::from_millis(1);
    for (follows_rule, doubted_at, want) in [
        (true, None, Validator::ComputedEtag),
        (true, Some(before), Validator::ComputedEtag),
        (true, Some(NOW), Validator::None),
        (true, Some(NOW + HOUR), Validator::ComputedEtag),
        (false, None, Validator::None),
    ] {
        let scene = Scene::new();
        scene.cool_down(2);
        let case = Case { follows_rule, doubted_at, ..Case::default() };
        assert_eq!(scene.plan(case), Ok((0, want)), "{case:?}");
    }
}

#[test]
fn below_the_threshold_only_clients_use_their_own_token() {
    let scene = Scene::new();
    scene.set_left(2, THRESHOLD - 1);
    assert_eq!(scene.plan(Case::default()), Ok((2, Validator::Etag)));
    let background = Case { priority: Priority::Background, ..Case::default() };
    assert_eq!(scene.plan(background), Ok((0, Validator::ComputedEtag)));
}

#[test]
fn without_an_etag_the_whole_document_is_asked_for_in_turn() {
    let scene = Scene::new();
    let case = Case { has_etag: false, ..Case::default() };
    assert_eq!(
        [(); 4].map(|()| scene.plan(case).unwrap()),
        [0, 1, 2, 0].map(|it| (it, Validator::None))
    );
}

#[test]
fn a_date_is_used_where_it_will_do_and_the_operator_wants_it() {
    let unread = DateCheck::If(|_, _| panic!("the body is read though the answer is known"));
    for (date_check, by_date, is_scarce, want) in [
        (SUFFICES, ByDate::Auto, true, Validator::Date),
        (unread, ByDate::Auto, false, Validator::Etag),
        (SUFFICES, ByDate::Always, false, Validator::Date),
        (unread, ByDate::Never, true, Validator::Etag),
        (DateCheck::If(|_, _| false), ByDate::Auto, true, Validator::Etag),
        (DateCheck::If(|_, _| false), ByDate::Always, true, Validator::Etag),
        (DateCheck::Never, ByDate::Auto, true, Validator::Etag),
        (DateCheck::Never, ByDate::Always, true, Validator::Etag),
    ] {
        let scene = Scene::new();
        for index in 0..COUNT {
            scene.set_left(index, if is_scarce { 2499 } else { 2500 });
        }
        let case = Case { date_check, by_date, ..Case::default() };
        assert_eq!(scene.plan(case).unwrap().1, want, "{case:?}, scarce: {is_scarce}");
    }
}

#[test]
fn a_date_is_preferred_at_any_level_of_quota() {
    let scene = Scene::new();
    (0..COUNT).for_each(|index| scene.set_left(index, 5000));
    for (by_date, want) in [
        (ByDate::Auto, Validator::Date),
        (ByDate::Always, Validator::Date),
        (ByDate::Never, Validator::Etag),
    ] {
        let case = Case { date_check: DateCheck::Preferred, by_date, ..Case::default() };
        assert_eq!(scene.plan(case).unwrap().1, want, "{by_date:?}");
    }
}

#[test]
fn quota_is_scarce_by_all_tokens_together() {
    let scene = Scene::new();
    let case = Case { date_check: SUFFICES, ..Case::default() };
    assert_eq!(scene.plan(case).unwrap().1, Validator::Etag, "nothing is known");
    scene.set_left(0, 0);
    scene.set_left(1, 5000);
    assert_eq!(scene.plan(case).unwrap().1, Validator::Etag);
    scene.set_left(2, 2499);
    assert_eq!(scene.plan(case).unwrap().1, Validator::Date);
}

fn cases() -> impl Strategy<Value = Case> {
    let choices = prop::sample::select(ByDate::ALL.to_vec());
    let doubts = prop::option::of(0..2_000_000u64);
    let priorities = prop::sample::select(Priority::ALL.to_vec());
    let date_checks = prop::sample::select(vec![DateCheck::Never, SUFFICES, DateCheck::Preferred]);
    (any::<[bool; 2]>(), date_checks, choices, doubts, priorities).prop_map(
        |(known, date_check, by_date, doubt, priority)| {
            let [has_etag, follows_rule] = known;
            let doubted_at = doubt.map(Timestamp::from_secs);
            Case { has_etag, follows_rule, date_check, by_date, doubted_at, priority }
        },
    )
}

proptest! {
    /// Every plan can be carried out, and is never more expensive than necessary.
    #[test]
    fn a_plan_is_sound(
        case in cases(),
        cooling in vec(any::<bool>(), COUNT),
        left in vec(prop::option::of(0..5000u64), COUNT),
    ) {
        let scene = Scene::new();
        for index in 0..COUNT {
            left[index].into_iter().for_each(|left| scene.set_left(index, left));
            if cooling[index] {
                scene.cool_down(index);
            }
        }
        let is_enough = |index: usize| left[index].is_none_or(|left| left >= THRESHOLD);
        let may = |index: usize| {
            !cooling[index] && (case.priority == Priority::Foreground || is_enough(index))
        };
        let Ok((token, validator)) = scene.plan(case) else {
            prop_assert!(!(0..COUNT).any(may), "one may be used");
            return Ok(());
        };
        prop_assert!(may(token));
        let is_trusted = case.follows_rule && case.doubted_at != Some(NOW);
        match validator {
            Validator::Etag => prop_assert!(token == 2 && case.has_etag),
            Validator::ComputedEtag => prop_assert!(is_trusted && case.has_etag && !may(2)),
            Validator::Date => {
                prop_assert!(!matches!(case.date_check, DateCheck::Never));
                prop_assert!(case.by_date != ByDate::Never);
            }
            Validator::None => prop_assert!(!case.has_etag || (!may(2) && !is_trusted)),
        }
        // A token below the threshold is used for its own document, or when all are below.
        let only_low = !(0..COUNT).any(|index| may(index) && is_enough(index));
        prop_assert!(is_enough(token) || validator == Validator::Etag || only_low);
    }
}
