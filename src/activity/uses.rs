//! The uses of documents, for the store's choice of records to evict.

use crate::store::{Used, Uses};
use crate::target::Key;

use super::Activity;

impl Uses for Activity {
    fn of(&self, key: Key) -> Option<Used> {
        let used = self.documents.with_known(key, |known| {
            let at = known.usage.used_at();
            // Uses before a restart are not counted, but the time of the last one shows whether it
            // was repeated.
            let is_later = known.check.is_some_and(|check| check.was_before(at));
            let served = known.served.saturating_add(known.usage.uses());
            known.usage.is_used().then_some(Used { at, is_repeated: served > 1 || is_later })
        });
        used.flatten()
    }
}
