//! Stamps, what becomes of them, and what is saved.

use std::time::Duration;

use super::*;
use crate::store::index::MOST_IN_USE;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn at(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn key(number: usize) -> Key {
    Key::of(&number.to_string())
}

fn check(seconds: u64) -> Check {
    Check { at: at(seconds), fetched_at: NOW }
}

fn shared(seconds: u64) -> Holding {
    Holding { check: check(seconds), is_shared: true }
}

fn row(used: u64, check: Option<Check>) -> InUse {
    InUse { key: key(1), used_at: at(used), check }
}

#[test]
fn a_stamp_beside_an_entry_makes_its_document_active() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(0));
    assert_eq!(activity.collect(NOW), [], "held, and not served yet");
    usage.mark(at(5));
    usage.mark(at(6));
    let active = Active {
        key: key(1),
        uses: 2,
        used_at: at(6),
        check: Some(check(0)),
        charges: Charges::default(),
        mutability: Mutability::Mutable,
    };
    assert_eq!(activity.collect(NOW), [active]);
}

#[test]
fn uses_count_half_with_each_sweep() {
    let activity = Activity::default();
    for _ in 0..8 {
        activity.mark(key(1), NOW);
    }
    let uses = || activity.collect(NOW)[0].uses;
    assert_eq!([uses(), uses(), uses()], [8, 4, 2]);
}

#[test]
fn what_is_not_used_any_more_is_forgotten_unless_it_is_held() {
    let activity = Activity::default();
    activity.mark(key(1), at(1));
    let usage = activity.hold(key(2), shared(0));
    usage.mark(at(1));
    assert_eq!(activity.collect(at(2)), []);
    assert_eq!(activity.known(), 1);
    usage.mark(at(3));
    assert_eq!(activity.collect(at(2)).len(), 1, "its stamp is still seen");
}

#[test]
fn a_document_without_a_body_is_left_out_until_it_has_one() {
    let activity = Activity::default();
    activity.mark(key(1), NOW);
    activity.is_without_body(key(1));
    assert_eq!(activity.collect(NOW), []);
    let _ = activity.hold(key(1), shared(1));
    assert_eq!(activity.collect(NOW).len(), 1);
}

#[test]
fn only_what_is_new_is_saved() {
    let activity = Activity::default();
    activity.mark(key(1), at(1));
    assert_eq!(activity.unsaved(), [row(1, None)]);
    activity.saved(&activity.unsaved());
    assert_eq!(activity.unsaved(), []);
    let _ = activity.hold(key(1), shared(2));
    assert_eq!(activity.unsaved(), [row(1, Some(check(2)))]);
}

#[test]
fn what_was_used_while_it_was_being_saved_is_saved_the_next_time() {
    let activity = Activity::default();
    activity.mark(key(1), at(1));
    let saving = activity.unsaved();
    activity.mark(key(1), at(2));
    activity.saved(&saving);
    assert_eq!(activity.unsaved(), [row(2, None)]);
}

#[test]
fn a_later_check_by_another_replica_is_news_once() {
    let activity = Activity::default();
    let _ = activity.hold(key(1), shared(5));
    assert_eq!(activity.merge(vec![row(1, Some(check(4)))]), []);
    let news = row(1, Some(check(6)));
    assert_eq!(activity.merge(vec![news]), [news]);
    assert_eq!(activity.merge(vec![news]), []);
    assert_eq!(activity.collect(NOW)[0].check, Some(check(6)));
    assert_eq!(activity.unsaved(), [], "the index knows it already");
}

#[test]
fn a_body_that_the_store_does_not_take_has_checks_of_its_own() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), Holding { check: check(5), is_shared: false });
    usage.mark(at(7));
    assert_eq!(activity.unsaved(), [row(7, None)]);
    assert_eq!(activity.merge(vec![row(8, Some(check(6)))]), []);
    assert_eq!(activity.collect(NOW)[0].check, Some(check(5)));
}

#[test]
fn beyond_the_bound_those_go_that_were_not_used_for_longest() {
    let activity = Activity::default();
    let most = MOST_IN_USE + SLACK;
    for number in 0..=most {
        activity.mark(key(number), NOW + Duration::from_millis(number as u64));
    }
    assert_eq!(activity.known(), MOST_IN_USE + 1);
    let active = activity.collect(Timestamp::default());
    let oldest = active.iter().map(|active| active.used_at).min();
    assert_eq!(oldest, Some(NOW + Duration::from_millis(SLACK as u64)));
}

#[test]
fn charged_checks_are_told_until_the_document_is_used() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(0));
    usage.mark(at(0));
    activity.checked(key(1), true, at(60));
    activity.checked(key(1), true, at(180));
    let unused = || {
        let active = activity.collect(NOW)[0];
        active.charges.unused(active.used_at)
    };
    assert_eq!(unused(), 2);
    assert!(activity.charges(key(1)).are_likely());
    usage.mark(at(200));
    assert_eq!(unused(), 0);
}

#[test]
fn a_document_that_cannot_change_leaves_the_sweep() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(0));
    usage.mark(at(1));
    activity.note_mutability(key(1), Mutability::Immutable);
    assert_eq!(activity.collect(NOW), []);
    let _ = activity.hold(key(1), shared(5));
    assert_eq!(activity.collect(NOW), [], "it is still the same body");
    let other = Check { at: at(9), fetched_at: at(9) };
    let _ = activity.hold(key(1), Holding { check: other, is_shared: true });
    assert_eq!(activity.collect(NOW).len(), 1, "nobody has looked at the new one");
}
