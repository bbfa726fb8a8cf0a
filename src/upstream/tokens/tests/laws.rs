//! The laws of the pool for any answers of GitHub in any order.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const COUNT: usize = 3;

/// An event of one of the tokens.
#[derive(Clone, Debug)]
enum Event {
    Told { left: u64, reset_in: u64 },
    Primary { reset_in: Option<u64> },
    Secondary { retry_after: Option<u64> },
    Refused,
    Works,
    Found(Finding),
    Scopes(&'static str),
    Sent,
    Answered,
    Waited(u64),
}

fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let event = prop_oneof![
        (0..300u64, 0..7200u64).prop_map(|(left, reset_in)| Event::Told { left, reset_in }),
        proptest::option::of(0..20_000u64).prop_map(|reset_in| Event::Primary { reset_in }),
        proptest::option::of(0..20_000u64).prop_map(|retry_after| Event::Secondary { retry_after }),
        Just(Event::Refused),
        Just(Event::Works),
        findings().prop_map(Event::Found),
        prop_oneof![Just(""), Just("repo"), Just("gist")].prop_map(Event::Scopes),
        Just(Event::Sent),
        Just(Event::Answered),
        (0..3600u64).prop_map(Event::Waited),
    ];
    vec((0..COUNT, event), 0..40)
}

fn findings() -> impl Strategy<Value = Finding> {
    prop_oneof![
        (0..2u64).prop_map(user),
        Just(Finding::NoUser),
        Just(Finding::Refused),
        Just(Finding::Limited(Limit::Secondary { retry_after: None })),
        Just(Finding::Unclear),
        Just(Finding::NoAnswer),
    ]
}

/// The remaining quota: often near the part that is kept for clients.
fn left() -> impl Strategy<Value = u64> {
    prop_oneof![0..5000u64, THRESHOLD..THRESHOLD + 5]
}

fn scoped(scopes: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("x-oauth-scopes".parse().unwrap(), HeaderValue::from_static(scopes))])
}

/// A pool, the current time, and the requests in progress.
struct Scene<'a> {
    pool: &'a TokenPool,
    now: Timestamp,
    under_way: Vec<Reservation<'a>>,
}

impl<'a> Scene<'a> {
    fn new(pool: &'a TokenPool) -> Self {
        Self { pool, now: NOW, under_way: Vec::new() }
    }

    fn after(pool: &'a TokenPool, events: Vec<(usize, Event)>) -> Self {
        let mut scene = Self::new(pool);
        events.into_iter().for_each(|(index, event)| scene.play(index, event));
        scene
    }

    fn play(&mut self, index: usize, event: Event) {
        let (pool, token, now) = (self.pool, nth(self.pool, index), self.now);
        let after = |seconds| now + Duration::from_secs(seconds);
        match event {
            Event::Told { left, reset_in } => {
                let quota = Quota { limit: 5000, remaining: left, reset_at: after(reset_in) };
                pool.book(token, quota, now);
            }
            Event::Primary { reset_in } => {
                pool.cool_down(token, Limit::Primary { reset_at: reset_in.map(after) }, now);
            }
            Event::Secondary { retry_after } => {
                let retry_after = retry_after.map(Duration::from_secs);
                pool.cool_down(token, Limit::Secondary { retry_after }, now);
            }
            Event::Refused => pool.quarantine(token, now),
            Event::Works => pool.succeeded(token, now),
            Event::Found(finding) => pool.found(token, &finding, now),
            Event::Scopes(scopes) => pool.saw(token, &scoped(scopes), now),
            Event::Sent => self.under_way.push(pool.reserve(token)),
            Event::Answered => drop(self.under_way.pop()),
            Event::Waited(seconds) => self.now = after(seconds),
        }
    }

    /// Returns the number of requests in progress for the account.
    fn under_way(&self, account: usize) -> u64 {
        let accounts = accounts(self.pool);
        let of_it = self.under_way.iter().filter(|it| accounts[it.token_use.index()] == account);
        of_it.count() as u64
    }

    fn chosen(&self, priority: Priority) -> Result<usize, Timestamp> {
        ask(self.pool, None, priority, &Tried::default(), self.now)
    }

    /// Answers all inquiries about tokens: they work, read no private data, and belong to different
    /// users.
    fn answer_inquiries(&self) {
        self.answer_inquiries_with(|index| user(100 + index as u64));
    }

    fn answer_inquiries_with(&self, finding: impl Fn(usize) -> Finding) {
        while let Some(token) = self.pool.next_to_identify(self.now) {
            self.pool.saw(token, &scoped("public_repo"), self.now);
            self.pool.found(token, &finding(token.index()), self.now);
        }
    }

    fn usable_at(&self, index: usize) -> Timestamp {
        self.pool.pool.lock().one_usable_at(index, Priority::Foreground, self.now)
    }
}

proptest! {
    #[test]
    fn a_token_that_is_chosen_may_be_used(
        events in events(),
        be_public in any::<bool>(),
    ) {
        let pool = with(COUNT, true, be_public);
        let mut scene = Scene::new(&pool);
        for (index, event) in events {
            scene.play(index, event);
            for priority in Priority::ALL {
                let Ok(chosen) = scene.chosen(priority) else { continue };
                let report = pool.reports(scene.now)[chosen];
                prop_assert!(!report.is_cooling_down && !report.rejected && !report.barred);
                prop_assert!(!(be_public && report.private));
                let under_way = scene.under_way(report.account);
                let enough = report.remaining.is_none_or(|left| left >= THRESHOLD + under_way);
                prop_assert!(enough || priority == Priority::Foreground);
            }
        }
    }

    #[test]
    fn a_refusal_names_the_moment(
        events in events(),
        be_public in any::<bool>(),
    ) {
        let pool = with(COUNT, true, be_public);
        let mut scene = Scene::after(&pool, events);
        for priority in Priority::ALL {
            let Err(usable_at) = scene.chosen(priority) else { continue };
            prop_assert!(usable_at > scene.now);
            if scene.under_way.is_empty() {
                let before = Scene { now: usable_at - Duration::from_millis(1), ..Scene::new(&pool) };
                prop_assert!(before.chosen(priority).is_err());
            }
            // By then, the requests in progress have been answered, and so have the due inquiries.
            let then = Scene { now: usable_at, ..Scene::new(&pool) };
            scene.under_way.clear();
            then.answer_inquiries();
            prop_assert!(then.chosen(priority).is_ok());
        }
    }

    #[test]
    fn no_sequence_of_answers_makes_a_token_unusable_for_ever(
        events in events(),
        be_public in any::<bool>(),
    ) {
        let pool = with(COUNT, true, be_public);
        let mut scene = Scene::after(&pool, events);
        let from = scene.now;
        for index in 0..COUNT {
            // Each announced time holds: at most a cooldown passes, and then an inquiry.
            for _ in 0..2 {
                scene.now = scene.usable_at(index);
                scene.answer_inquiries();
            }
            prop_assert_eq!(scene.usable_at(index), scene.now);
            prop_assert!(scene.now.since(from) <= 120 * MINUTE, "{:?}", scene.now.since(from));
        }
    }

    /// A gateway may let documents through, but answer every inquiry itself.
    #[test]
    fn nor_does_one_with_inconclusive_inquiries(
        events in events(),
        answer in prop_oneof![Just(Finding::Unclear), Just(Finding::NoUser)],
    ) {
        let pool = identifying(COUNT);
        let mut scene = Scene::after(&pool, events);
        for index in 0..COUNT {
            for _ in 0..2 {
                scene.now = scene.usable_at(index);
                scene.answer_inquiries_with(|_| answer.clone());
            }
            prop_assert_eq!(scene.usable_at(index), scene.now);
        }
    }

    #[test]
    fn tokens_of_one_account_are_one_budget_whenever_that_is_learnt(
        mut told in vec((0..COUNT, left(), 1..4u32), 1..20),
        learnt in vec(0..20usize, COUNT),
        sent in vec(0..COUNT, 0..4),
    ) {
        let pool = identifying(COUNT);
        let requests: Vec<_> = sent.iter().map(|index| pool.reserve(nth(&pool, *index))).collect();
        for at in 0..=20 {
            for index in (0..COUNT).filter(|index| learnt[*index] == at) {
                pool.found(nth(&pool, index), &user(1), NOW);
            }
            if let Some((index, left, window)) = told.get(at) {
                pool.book(nth(&pool, *index), quota(*left, *window * MINUTE), NOW);
            }
        }
        told.sort_by_key(|(_, left, window)| (*left, std::cmp::Reverse(*window)));
        let (_, left, window) = told[0];
        for report in pool.reports(NOW) {
            prop_assert_eq!(report.account, 0);
            prop_assert_eq!(report.remaining, Some(left));
            prop_assert_eq!(report.reset_at, Some(NOW + window * MINUTE));
        }
        let has_enough = |sent: usize| left >= THRESHOLD + sent as u64;
        prop_assert_eq!(pool.has_quota_to_spare(NOW), has_enough(requests.len()));
        drop(requests);
        prop_assert_eq!(pool.has_quota_to_spare(NOW), has_enough(0));
        pool.cool_down(nth(&pool, 1), Limit::Secondary { retry_after: None }, NOW);
        prop_assert!(pool.reports(NOW).iter().all(|report| report.is_cooling_down));
    }
}
