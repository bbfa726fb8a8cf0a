//! The life of a stored record, which is no longer than this service would have given it.
//!
//! Pure, as all of the policy. A record may be of another configuration, or from somebody who can
//! write to the store: its expiry is a claim.

use std::sync::Arc;

use crate::config;
use crate::entry::{Entry, Times};

/// The entry with an expiry that follows from its last check. A check that lies ahead is dealt with
/// where freshness is.
pub(in crate::cache) fn within_lifetime(entry: Arc<Entry>, rules: &config::Cache) -> Arc<Entry> {
    let lifetime = if entry.is_negative() { rules.negative_ttl } else { rules.hard_ttl };
    let latest = entry.times.checked_at + lifetime;
    if entry.times.expires_at <= latest {
        return entry;
    }
    // The store keeps its record: the next check writes it anew.
    let times = Times { expires_at: latest, ..entry.times };
    Arc::new(Entry { times, ..Arc::unwrap_or_clone(entry) })
}
