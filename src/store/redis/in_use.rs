//! The index of documents in use, as a sorted set with a text for each check.
//!
//! The set holds the time of the last use of each document. The check of a document is a key of its
//! own. It expires at the time when the document would leave the index without another use.

use std::collections::HashSet;

use ::redis::RedisResult;
use ::redis::aio::MultiplexedConnection;
use foldhash::fast::RandomState;

use super::names;
use super::scripts::Scripts;
use crate::clock::Timestamp;
use crate::entry::Check;
use crate::store::index::InUse;
use crate::store::index::MOST_IN_USE;

/// The rows of one read. The server does nothing else during it.
pub(super) const CHUNK: usize = 1_000;

/// The rows of one merge or removal, which takes the server longer. Reads wait for it for at most
/// two milliseconds.
const WRITTEN_AT_ONCE: usize = 200;

/// Merges rows into the index, and removes rows that were last used before `cutoff`.
pub(super) async fn remember(
    mut connection: MultiplexedConnection,
    scripts: &Scripts,
    rows: &[InUse],
    cutoff: Timestamp,
) -> RedisResult<()> {
    for rows in rows.chunks(WRITTEN_AT_ONCE) {
        let mut merge = scripts.remember.key(names::ACTIVE);
        for row in rows {
            let [at, fetched_at] = row.check.map_or_else(Default::default, times);
            // At least a millisecond: the server refuses a time to live of zero.
            let ttl = row.used_at.since(cutoff).as_millis().max(1);
            merge.key(names::check(row.key));
            merge.arg(names::digits(row.key)).arg(row.used_at.as_millis());
            merge.arg(ttl.to_string()).arg(at).arg(fetched_at);
        }
        let () = merge.invoke_async(&mut connection).await?;
    }
    loop {
        let mut forget = scripts.forget.key(names::ACTIVE);
        forget.arg(cutoff.as_millis()).arg(MOST_IN_USE).arg(WRITTEN_AT_ONCE);
        let left: u64 = forget.invoke_async(&mut connection).await?;
        if left == 0 {
            return Ok(());
        }
    }
}

/// Returns the rows used at `since` or later, the most recently used first. Skips members that are
/// no rows of svm.
pub(super) async fn since(
    mut connection: MultiplexedConnection,
    scripts: &Scripts,
    since: Timestamp,
) -> RedisResult<Vec<InUse>> {
    let mut rows = Vec::new();
    // If a document is used between two pages, the others move down by one, and the next page
    // repeats one of them.
    let mut known: HashSet<_, RandomState> = HashSet::default();
    for first in (0..MOST_IN_USE).step_by(CHUNK) {
        let page = page(&mut connection, scripts, first).await?;
        let in_time = page.partition_point(|(_, used_at)| moment(*used_at) >= since);
        let found = page[..in_time].iter().filter_map(|(digits, used_at)| row(digits, *used_at));
        rows.extend(found.filter(|row| known.insert(row.key)));
        if in_time < CHUNK {
            break;
        }
    }
    for rows in rows.chunks_mut(CHUNK) {
        let mut ask = scripts.checks.prepare_invoke();
        for row in &*rows {
            ask.key(names::check(row.key));
        }
        let checks: Vec<Vec<u8>> = ask.invoke_async(&mut connection).await?;
        for (row, text) in rows.iter_mut().zip(checks) {
            row.check = check(&text);
        }
    }
    Ok(rows)
}

/// Reads a page of the index from this rank on, the most recently used first.
async fn page(
    connection: &mut MultiplexedConnection,
    scripts: &Scripts,
    first: usize,
) -> RedisResult<Vec<(Vec<u8>, f64)>> {
    let mut ask = scripts.in_use.key(names::ACTIVE);
    ask.arg(first).arg(first + CHUNK - 1).invoke_async(connection).await
}

fn row(digits: &[u8], used_at: f64) -> Option<InUse> {
    Some(InUse { key: names::key(digits)?, used_at: moment(used_at), check: None })
}

fn moment(score: f64) -> Timestamp {
    Timestamp::from_millis(score as u64)
}

fn times(Check { at, fetched_at }: Check) -> [String; 2] {
    [at, fetched_at].map(|time| time.as_millis().to_string())
}

/// Parses a check: two times with a blank between them.
fn check(text: &[u8]) -> Option<Check> {
    let (at, fetched_at) = str::from_utf8(text).ok()?.split_once(' ')?;
    let time = |text: &str| text.parse().ok().map(Timestamp::from_millis);
    Some(Check { at: time(at)?, fetched_at: time(fetched_at)? })
}
