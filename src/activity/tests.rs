//! Stamps, their collection, and the rows that are saved.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::yield_now;

use super::documents::AT_ONCE;
use super::*;
use crate::store::InUse;
use crate::store::index::MOST_IN_USE;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const LOOKBACK: Duration = Duration::from_secs(6_000);

/// Any later use or check is worth saving.
const ALL: Worth = Worth { use_moved: Duration::ZERO, checks: true };

fn at(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn key(number: usize) -> Key {
    Key::of(&number.to_string())
}

fn check(seconds: u64) -> Check {
    Check { at: at(seconds), fetched_at: NOW }
}

fn holding(check: Check, is_shared: bool) -> Holding {
    Holding { check, is_shared, repositories: Repositories::default() }
}

fn shared(seconds: u64) -> Holding {
    holding(check(seconds), true)
}

fn row(used: u64, check: Option<Check>) -> InUse {
    InUse { key: key(1), used_at: at(used), check }
}

async fn merged(activity: &Activity, rows: &[InUse]) -> Vec<InUse> {
    activity.merge(rows, at(10), LOOKBACK).await
}

/// Returns the documents of a process that has read its index, which has no rows.
async fn with_index() -> Activity {
    let activity = Activity::default();
    let _ = merged(&activity, &[]).await;
    activity
}

#[tokio::test]
async fn a_stamp_beside_an_entry_makes_its_document_active() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(0), at(10));
    assert_eq!(activity.collect(NOW).await, [], "held, and not served yet");
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
    assert_eq!(activity.collect(NOW).await, [active]);
}

#[tokio::test]
async fn uses_count_half_with_each_sweep() {
    let activity = Activity::default();
    for _ in 0..8 {
        activity.mark(key(1), NOW);
    }
    for uses in [8, 4, 2] {
        assert_eq!(activity.collect(NOW).await[0].uses, uses);
    }
}

#[tokio::test]
async fn an_unused_document_is_forgotten_unless_it_is_held() {
    let activity = Activity::default();
    activity.mark(key(1), at(1));
    let usage = activity.hold(key(2), shared(0), at(10));
    usage.mark(at(1));
    assert_eq!(activity.collect(at(2)).await, []);
    assert_eq!(activity.known(), 1);
    usage.mark(at(3));
    assert_eq!(activity.collect(at(2)).await.len(), 1, "its stamp is still seen");
}

#[tokio::test]
async fn a_document_without_a_body_is_left_out_until_it_has_one() {
    let activity = Activity::default();
    activity.mark(key(1), NOW);
    activity.mark_bodiless(key(1));
    assert_eq!(activity.collect(NOW).await, []);
    let _ = activity.hold(key(1), shared(1), at(10));
    assert_eq!(activity.collect(NOW).await.len(), 1);
}

#[tokio::test]
async fn an_overdue_check_is_queued_once_for_each_sweep() {
    let activity = Activity::default();
    // The stamp of a document that the activity has forgotten, since too many are in use.
    let forgotten = Usage::default();
    for _ in 0..2 {
        activity.want_check(key(1), &forgotten);
        activity.want_check(key(1), &forgotten);
        assert_eq!([activity.next_overdue(), activity.next_overdue()], [Some(key(1)), None]);
        let _ = activity.collect(NOW).await;
    }
}

#[tokio::test]
async fn only_what_is_new_is_saved() {
    let activity = with_index().await;
    activity.mark(key(1), at(1));
    assert_eq!(activity.unsaved(ALL).await, [row(1, None)]);
    activity.saved(&activity.unsaved(ALL).await);
    assert_eq!(activity.unsaved(ALL).await, []);
    let _ = activity.hold(key(1), shared(2), at(10));
    assert_eq!(activity.unsaved(ALL).await, [row(1, Some(check(2)))]);
}

#[tokio::test]
async fn no_check_is_saved_before_the_index_was_read() {
    let activity = Activity::default();
    let _ = activity.hold(key(1), shared(2), at(10));
    activity.mark(key(1), at(3));
    assert_eq!(activity.unsaved(ALL).await, [row(3, None)]);
    activity.saved(&activity.unsaved(ALL).await);
    let _ = merged(&activity, &[row(1, Some(check(1)))]).await;
    assert_eq!(activity.unsaved(ALL).await, [row(3, Some(check(2)))]);
}

#[tokio::test]
async fn a_use_during_the_saving_is_saved_the_next_time() {
    let activity = Activity::default();
    activity.mark(key(1), at(1));
    let saving = activity.unsaved(ALL).await;
    activity.mark(key(1), at(2));
    activity.saved(&saving);
    assert_eq!(activity.unsaved(ALL).await, [row(2, None)]);
}

#[tokio::test]
async fn a_check_from_a_clock_that_was_ahead_hides_no_other() {
    let activity = with_index().await;
    let _ = activity.hold(key(1), shared(5_000), at(5_000));
    activity.mark(key(1), at(5_000));
    activity.saved(&activity.unsaved(ALL).await);
    let _ = activity.hold(key(1), shared(5), at(10));
    assert_eq!(activity.check(key(1)), Some(check(5)));
    assert_eq!(activity.unsaved(ALL).await, [row(5_000, Some(check(5)))]);
}

#[tokio::test]
async fn a_later_check_by_another_replica_is_news_once() {
    let activity = Activity::default();
    let _ = activity.hold(key(1), shared(5), at(10));
    assert_eq!(merged(&activity, &[row(1, Some(check(4)))]).await, []);
    let news = row(1, Some(check(6)));
    assert_eq!(merged(&activity, &[news]).await, [news]);
    assert_eq!(merged(&activity, &[news]).await, []);
    assert_eq!(activity.collect(NOW).await[0].check, Some(check(6)));
    assert_eq!(activity.unsaved(ALL).await, [], "the index knows it already");
}

#[tokio::test]
async fn a_body_that_the_store_does_not_take_has_checks_of_its_own() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), holding(check(5), false), at(10));
    usage.mark(at(7));
    assert_eq!(activity.unsaved(ALL).await, [row(7, None)]);
    assert_eq!(merged(&activity, &[row(8, Some(check(6)))]).await, []);
    assert_eq!(activity.collect(NOW).await[0].check, Some(check(5)));
}

#[tokio::test]
async fn a_use_is_saved_once_it_has_moved_far_enough() {
    let activity = Activity::default();
    let worth = Worth { use_moved: Duration::from_secs(60), checks: false };
    activity.mark(key(1), at(1));
    activity.saved(&activity.unsaved(worth).await);
    activity.mark(key(1), at(60));
    assert_eq!(activity.unsaved(worth).await, []);
    activity.mark(key(1), at(61));
    assert_eq!(activity.unsaved(worth).await, [row(61, None)]);
}

#[tokio::test]
async fn a_second_use_is_saved_however_soon_it_comes() {
    let activity = with_index().await;
    let worth = Worth { use_moved: Duration::from_secs(60), checks: false };
    let usage = activity.hold(key(1), shared(0), at(10));
    usage.mark(at(0));
    activity.saved(&activity.unsaved(worth).await);
    usage.mark(at(1));
    let again = row(1, Some(check(0)));
    assert_eq!(activity.unsaved(worth).await, [again], "it is not one of a scan");
    activity.saved(&[again]);
    usage.mark(at(2));
    assert_eq!(activity.unsaved(worth).await, []);
}

#[tokio::test]
async fn a_check_is_saved_where_it_is_worth_that() {
    let activity = with_index().await;
    let without = Worth { checks: false, ..ALL };
    activity.mark(key(1), at(1));
    activity.saved(&activity.unsaved(ALL).await);
    let _ = activity.hold(key(1), shared(2), at(10));
    assert_eq!(activity.unsaved(without).await, []);
    assert_eq!(activity.unsaved(ALL).await, [row(1, Some(check(2)))]);
}

#[tokio::test]
async fn an_older_check_than_the_saved_one_is_not_saved() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(1), at(10));
    usage.mark(at(1));
    let later = row(1, Some(check(5)));
    assert_eq!(merged(&activity, &[later]).await, [later]);
    assert_eq!(activity.unsaved(ALL).await, [], "L1 has not adopted it yet");
}

#[tokio::test]
async fn a_row_that_the_index_has_lost_is_saved_again() {
    let activity = Activity::default();
    activity.mark(key(1), at(1));
    activity.saved(&activity.unsaved(ALL).await);
    assert_eq!(merged(&activity, &[row(1, None)]).await, []);
    assert_eq!(activity.unsaved(ALL).await, []);
    assert_eq!(merged(&activity, &[]).await, []);
    assert_eq!(activity.unsaved(ALL).await, [row(1, None)]);
    activity.saved(&activity.unsaved(ALL).await);
    assert_eq!(activity.unsaved(ALL).await, []);
}

#[tokio::test]
async fn a_row_that_a_full_index_had_to_drop_is_not_saved_again() {
    let activity = Activity::default();
    activity.mark(key(1), at(1));
    activity.saved(&activity.unsaved(ALL).await);
    let used_at = at(2);
    let others: Vec<_> =
        (2..2 + MOST_IN_USE).map(|it| InUse { key: key(it), used_at, check: None }).collect();
    assert_eq!(merged(&activity, &others).await, []);
    let unsaved = activity.unsaved(ALL).await;
    assert!(!unsaved.contains(&row(1, None)));
}

/// Runs `work`. Returns its result, and how often other tasks had a turn in the meantime.
async fn turns_during<T>(work: impl Future<Output = T>) -> (T, usize) {
    let turns = AtomicUsize::new(0);
    let others = async {
        loop {
            turns.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = work => (done, turns.load(Ordering::Relaxed)),
        () = others => unreachable!("they go on for ever"),
    }
}

#[tokio::test]
async fn others_have_their_turn_while_many_documents_are_walked() {
    const DOCUMENTS: usize = 10 * AT_ONCE;
    let activity = Activity::default();
    let row = |it| InUse { key: key(it), used_at: at(1), check: None };
    let rows: Vec<_> = (0..DOCUMENTS).map(row).collect();
    let (news, turns) = turns_during(merged(&activity, &rows)).await;
    assert_eq!((news, turns), (vec![], 9));
    // At most `AT_ONCE` documents and one more piece are walked at once.
    let (active, turns) = turns_during(activity.collect(NOW)).await;
    assert!((active.len(), turns) >= (DOCUMENTS, 7), "{turns}");
    activity.mark(key(1), at(2));
    let (unsaved, turns) = turns_during(activity.unsaved(ALL)).await;
    assert!(unsaved.len() == 1 && turns >= 7, "{turns}");
}

#[tokio::test]
async fn few_documents_are_walked_at_once() {
    let activity = Activity::default();
    (0..AT_ONCE / 2).for_each(|number| activity.mark(key(number), NOW));
    let (active, turns) = turns_during(activity.collect(NOW)).await;
    assert_eq!((active.len(), turns), (AT_ONCE / 2, 0));
}

#[tokio::test]
async fn a_document_used_during_the_walk_is_not_forgotten() {
    const DOCUMENTS: usize = 10 * AT_ONCE;
    let activity = Activity::default();
    for number in 0..DOCUMENTS {
        activity.mark(key(number), at(1));
    }
    // Each walk forgets documents that were last used before its cutoff. Meanwhile all documents
    // are used, some of them after the walk has forgotten them.
    let used = async {
        for number in 0..DOCUMENTS {
            activity.mark(key(number), at(3));
            if number % 100 == 0 {
                yield_now().await;
            }
        }
    };
    let (_, ()) = tokio::join!(activity.collect(at(2)), used);
    let unsaved: HashSet<_> = activity.unsaved(ALL).await.iter().map(|row| row.key).collect();
    let active = activity.collect(at(2)).await;
    assert_eq!((active.len(), unsaved.len()), (DOCUMENTS, DOCUMENTS));
    assert!(active.iter().all(|active| active.used_at == at(3)));
}

#[tokio::test]
async fn beyond_the_bound_those_go_that_were_not_used_for_longest() {
    let activity = Activity::default();
    let used_at = |number: usize| NOW + Duration::from_millis(number as u64);
    for number in 0..2 * MOST_IN_USE {
        activity.mark(key(number), used_at(number));
    }
    let active = activity.collect(Timestamp::default()).await;
    assert!((MOST_IN_USE..=MOST_IN_USE / 10 * 11 + 100).contains(&active.len()));
    // The pieces are not filled quite evenly, so each reaches its bound a little sooner or later.
    let latest = used_at(2 * MOST_IN_USE - MOST_IN_USE / 10 * 8);
    let kept = active.iter().filter(|active| active.used_at >= latest).count();
    assert_eq!(kept, MOST_IN_USE / 10 * 8);
    let oldest = used_at(2 * MOST_IN_USE - MOST_IN_USE / 10 * 13);
    assert!(active.iter().all(|active| active.used_at >= oldest));
}

#[tokio::test]
async fn charged_checks_are_told_until_the_document_is_used() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(0), at(10));
    usage.mark(at(0));
    activity.checked(key(1), true, at(60));
    activity.checked(key(1), true, at(180));
    let unused = async || {
        let active = activity.collect(NOW).await[0];
        active.charges.unused(active.used_at)
    };
    assert_eq!(unused().await, 2);
    assert!(activity.charges(key(1)).are_likely());
    usage.mark(at(200));
    assert_eq!(unused().await, 0);
}

#[tokio::test]
async fn a_charged_check_of_another_replica_counts_once() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(0), at(10));
    usage.mark(at(0));
    let fetched = |seconds| Check { at: at(seconds), fetched_at: at(seconds) };
    for (check, unused) in [(check(2), 0), (fetched(3), 1), (fetched(3), 1), (fetched(5), 2)] {
        let _ = merged(&activity, &[row(0, Some(check))]).await;
        assert_eq!(activity.charges(key(1)).unused(at(0)), unused, "after {check:?}");
    }
}

#[tokio::test]
async fn leases_of_others_last_until_a_check_is_known() {
    let activity = Activity::default();
    let noted = |seconds| activity.note_lease(key(1), at(seconds)).as_secs();
    assert_eq!(noted(0), 0, "the document is not known");
    let _ = activity.hold(key(1), shared(0), at(10));
    assert_eq!([noted(60), noted(120), noted(180)], [0, 60, 120]);
    let _ = activity.hold(key(1), shared(121), at(190));
    assert_eq!([noted(240), noted(300)], [0, 60]);
    activity.checked(key(1), false, at(301));
    assert_eq!([noted(360), noted(420), noted(200)], [0, 60, 0], "a clock may be set back");
}

#[tokio::test]
async fn a_document_that_cannot_change_leaves_the_sweep() {
    let activity = Activity::default();
    let usage = activity.hold(key(1), shared(0), at(10));
    usage.mark(at(1));
    activity.note_mutability(key(1), Mutability::Immutable);
    assert_eq!(activity.collect(NOW).await, []);
    let _ = activity.hold(key(1), shared(5), at(10));
    assert_eq!(activity.collect(NOW).await, [], "it is still the same body");
    let other = Check { at: at(9), fetched_at: at(9) };
    let _ = activity.hold(key(1), holding(other, true), at(10));
    assert_eq!(activity.collect(NOW).await.len(), 1, "nobody has looked at the new one");
}
