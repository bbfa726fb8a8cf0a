//! The times of inquiries about tokens.

use super::*;

/// Returns after how many seconds an inquiry is due, if within two hours.
fn next(pool: &TokenPool) -> Option<u64> {
    (0..7200).find(|&seconds| pool.next_to_identify(NOW + Duration::from_secs(seconds)).is_some())
}

#[test]
fn an_inconclusive_inquiry_is_repeated_ever_later() {
    let limited = Finding::Limited(Limit::OtherResource { reset_at: None });
    for (finding, pauses) in [
        (Finding::NoAnswer, [5, 10, 20, 40, 60, 60]),
        (Finding::Unclear, [60, 120, 240, 480, 960, 1920]),
        (limited, [60, 120, 240, 480, 960, 1920]),
    ] {
        let pool = identifying(1);
        assert_eq!(next(&pool), Some(0));
        for pause in pauses {
            pool.found(nth(&pool, 0), &finding, NOW);
            assert_eq!(next(&pool), Some(pause), "{finding:?}");
            assert!(!pool.reports(NOW)[0].rejected);
        }
    }
}

#[test]
fn a_working_token_of_unknown_owner_is_asked_about() {
    let next_after_a_success = |pool: &TokenPool| {
        pool.quarantine(nth(pool, 0), NOW);
        assert_eq!(next(pool), Some(60));
        pool.succeeded(nth(pool, 0), NOW);
        next(pool)
    };
    assert_eq!(next_after_a_success(&pool(1)), None);
    let identifying = identifying(1);
    assert_eq!(next_after_a_success(&identifying), Some(0));
    identifying.found(nth(&identifying, 0), &user(1), NOW);
    assert_eq!(next(&identifying), None);
    assert_eq!(next_after_a_success(&identifying), None);
}
