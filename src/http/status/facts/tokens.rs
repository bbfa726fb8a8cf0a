//! The tokens, by their positions in the configuration.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::upstream::Report;

/// A token.
#[derive(Debug, Serialize)]
pub(in crate::http::status) struct TokenFacts {
    /// The position of the token in the configuration, from 0.
    pub(in crate::http::status) token: usize,
    /// The position of the first token of the same account.
    pub(in crate::http::status) account: usize,
    /// The state of the token: `ready`, `cooling-down`, `rejected` or `barred`.
    pub(in crate::http::status) state: &'static str,
    pub(in crate::http::status) remaining: Option<u64>,
    pub(in crate::http::status) reset_at: Option<Timestamp>,
    pub(in crate::http::status) cools_down_until: Option<Timestamp>,
    pub(in crate::http::status) expires_in_days: Option<i64>,
    pub(in crate::http::status) sees_private_data: bool,
}

impl TokenFacts {
    pub(super) fn all(reports: &[Report], now: Timestamp) -> Vec<Self> {
        let facts = reports.iter().enumerate().map(|(token, report)| Self {
            token,
            account: report.account,
            state: state(report),
            remaining: report.remaining,
            reset_at: report.reset_at.filter(|at| *at > now),
            cools_down_until: report.cools_down_until,
            expires_in_days: report.expires_in_days,
            sees_private_data: report.private,
        });
        facts.collect()
    }
}

fn state(report: &Report) -> &'static str {
    match report {
        Report { rejected: true, .. } => "rejected",
        Report { barred: true, .. } => "barred",
        Report { is_cooling_down: true, .. } => "cooling-down",
        _ => "ready",
    }
}
