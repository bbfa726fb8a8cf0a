//! The store that several processes may share: a Redis or Valkey server, version 6.2 or later.
//!
//! The store uses two connections: one for reads, which may take milliseconds only, and one for all
//! other calls, so that no batch delays a read. A read never waits for a connection: the probe in
//! the background makes it. The store decides neither which entries are worth keeping nor how long
//! a read may take. The server removes expired records. Clusters and sentinels are not supported:
//! the store uses the one server that the name leads to.

mod client;
mod contents;
mod fault;
mod frames;
mod guarded;
mod in_use;
mod link;
mod names;
mod scripts;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{RedisResult, cmd};
use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::sync::Semaphore;

use self::client::RedisClient;
use self::contents::Contents;
use self::fault::{ServerFault, is_wrong_type};
use self::frames::ReplyBounds;
use self::guarded::ReceiveBounds;
use self::link::{Link, Rounds};
use self::scripts::Scripts;
use super::index::{Claim, Claimed, InUse};
use super::{BoxFuture, Change, Error, Read, Store, record};
use crate::clock::Timestamp;
use crate::config;
use crate::entry::LARGEST_STORED_FORM;
use crate::target::Key;
use crate::tasks;
use crate::tls;

/// A bound on the length of a record: the stored form of the body, and a header with a URL and
/// short texts.
const LARGEST_RECORD: usize = LARGEST_STORED_FORM + (64 << 10);

/// The most bytes, of records or of their bodies, that are decoded on the task that read them. This
/// takes less than a millisecond. Inflating and hashing more would delay other tasks.
const LONGEST_READ_AT_ONCE: usize = 256 << 10;

/// The most operations that decode longer records at once. Such operations are few, and so are
/// processors.
const DECODERS: usize = 2;

/// The time limit for a batch, and for a call about the index.
const LIMIT: Duration = Duration::from_secs(4);

/// The time limit for a claim or a release, which are small.
const CLAIM_LIMIT: Duration = Duration::from_secs(1);

/// A bound on the length of a line. No error of a server is longer.
const LONGEST_LINE: u64 = 64 << 10;

/// The bounds for the connection for reads. A reply is a record; a read requests up to one byte
/// more than the largest record has.
const RECORDS: ReceiveBounds = ReceiveBounds {
    reply: ReplyBounds {
        line: LONGEST_LINE,
        text: LARGEST_RECORD as u64 + 1,
        parts: 16,
        reply: LARGEST_RECORD as u64 + LONGEST_LINE,
    },
    due: u64::MAX,
};

/// The bounds for the other connection, whose replies are short. The largest is a piece of the
/// index; the replies to a batch are some hundred words or errors.
const WORDS: ReceiveBounds = ReceiveBounds {
    reply: ReplyBounds {
        line: LONGEST_LINE,
        text: 1 << 10,
        parts: 4 * in_use::CHUNK as u64,
        reply: 256 << 10,
    },
    due: 1 << 20,
};

/// Records on a server.
pub struct Redis {
    scripts: Arc<Scripts>,
    /// The name of this process in its leases. It is random, so no other process has it.
    owner: String,
    reads: Link,
    others: Link,
    decoders: Arc<Semaphore>,
    contents: Contents,
}

impl Redis {
    /// Creates a store without connections: the first probe connects.
    ///
    /// # Errors
    ///
    /// [`tls::Error`]. A server that cannot be reached is no error.
    pub fn new(config: &config::Redis) -> Result<Self, tls::Error> {
        let client = Arc::new(RedisClient::new(config)?);
        let rounds = Arc::new(Rounds::default());
        let reads = Link::new(Arc::clone(&client), Arc::clone(&rounds), RECORDS);
        let others = Link::new(client, rounds, WORDS);
        let owner = format!("{:032x}", fastrand::u128(..));
        let decoders = Arc::new(Semaphore::new(DECODERS));
        let (scripts, contents) = (Arc::new(Scripts::new()), Contents::default());
        Ok(Self { scripts, owner, reads, others, decoders, contents })
    }

    /// Reads the bytes at the key of a record. The inner error means that the value cannot be a
    /// record.
    async fn fetch(&self, key: Key) -> Result<Result<Vec<u8>, record::Error>, ServerFault> {
        // Another program may have put a large value there, so this fetches no more than a record
        // can have.
        let mut command = cmd("GETRANGE");
        command.arg(names::entry(key)).arg(0).arg(LARGEST_RECORD);
        let bytes = self.reads.read(|mut connection| async move {
            or_wrong_type::<Vec<u8>>(command.query_async(&mut connection).await)
        });
        Ok(match bytes.await? {
            None => Err(record::Error::NotARecord),
            Some(bytes) if bytes.len() > LARGEST_RECORD => Err(record::Error::TooLarge),
            Some(bytes) => Ok(bytes),
        })
    }

    async fn decode(
        &self,
        keys: Arc<[Key]>,
        records: Vec<Result<Vec<u8>, record::Error>>,
    ) -> Result<Vec<Read>, ServerFault> {
        let length = |record: &Vec<u8>| record.len().max(record::body_length(record));
        let bytes: usize = records.iter().flatten().map(length).sum();
        let decode = move || keys.iter().zip(records).map(decoded).collect();
        if bytes <= LONGEST_READ_AT_ONCE {
            return Ok(decode());
        }
        Ok(tasks::blocking_within(&self.decoders, decode).await?)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Store for Redis {
    /// Sends one command per key, all before the first answer.
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        Box::pin(async move {
            let records = try_join_all(keys.iter().map(|key| self.fetch(*key))).await?;
            Ok(self.decode(keys, records).await?)
        })
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        let scripts = Arc::clone(&self.scripts);
        Box::pin(async move {
            // Hashing and copying megabytes would delay other tasks.
            let calls = tasks::blocking(move || scripts.batch(&batch, now)).await;
            let calls = calls.map_err(ServerFault::from)?;
            let apply = |mut connection| async move { calls.exec_async(&mut connection).await };
            Ok(self.others.call(LIMIT, apply).await?)
        })
    }

    /// Does nothing: the server removes expired records, and its own settings bound its memory.
    fn sweep(&self, _: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let remember = self.others.call(LIMIT, |connection| {
                in_use::remember(connection, &self.scripts, &rows, cutoff)
            });
            Ok(remember.await?)
        })
    }

    fn in_use(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>> {
        Box::pin(async move {
            let read = |connection| in_use::since(connection, &self.scripts, since);
            Ok(self.others.call(LIMIT, read).await?)
        })
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, Error>> {
        Box::pin(async move {
            let mut ask = self.scripts.claim.key(names::lease(claim.key));
            // At least a millisecond: the server refuses a lease of zero.
            ask.key(names::PACE).key(names::SPACING);
            ask.arg(claim.lease.as_millis().max(1).to_string());
            ask.arg(claim.spacing.as_micros().to_string());
            ask.arg(claim.patience.as_micros().to_string()).arg(&self.owner);
            let answer = self.others.call(CLAIM_LIMIT, |mut connection| async move {
                ask.invoke_async(&mut connection).await
            });
            let answer: i64 = answer.await?;
            let wait = u64::try_from(answer).map(Duration::from_micros);
            Ok(match (answer, wait) {
                (TAKEN, _) => Claimed::Taken,
                (_, Ok(wait)) if wait <= claim.patience => Claimed::Granted { wait },
                // The script grants no turn beyond the patience.
                _ => Claimed::NoTurn,
            })
        })
    }

    fn release(&self, key: Key) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let mut ask = self.scripts.release.key(names::lease(key));
            ask.arg(&self.owner);
            let answer = self.others.call(CLAIM_LIMIT, |mut connection| async move {
                ask.invoke_async(&mut connection).await
            });
            Ok(answer.await?)
        })
    }

    /// May take the time to connect beyond the budget. Reads a record that does not exist, with the
    /// command of a read, so that a missing permission shows. Meanwhile, reads the mark of the
    /// contents on the other connection, so that a dead connection is replaced: there may be no
    /// other call for a long time, and a batch would wait for its whole limit. A failure to read or
    /// set the mark does not fail the probe.
    fn probe(&self, budget: Duration) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let look = self.reads.call(budget, |mut connection| async move {
                let mut command = cmd("GETRANGE");
                command.arg(names::entry(Key::from([0; 32]))).arg(0).arg(0);
                or_wrong_type(command.exec_async(&mut connection).await)
            });
            let (look, mark) = tokio::join!(look, self.others.call(budget, contents::mark));
            if let Ok(mark) = mark {
                self.contents.saw(mark);
            }
            look?;
            Ok(())
        })
    }

    fn losses(&self) -> u64 {
        self.contents.losses()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.reads.close();
            self.others.close();
        })
    }
}

/// The answer of `claim.lua` if another replica has the lease.
const TAKEN: i64 = -1;

fn decoded((key, record): (&Key, Result<Vec<u8>, record::Error>)) -> Read {
    match record? {
        bytes if bytes.is_empty() => Ok(None),
        bytes => Ok(Some(Arc::new(record::decode(*key, &Bytes::from(bytes))?))),
    }
}

/// Returns `None` if the key has a value that is no text.
fn or_wrong_type<T>(answer: RedisResult<T>) -> RedisResult<Option<T>> {
    match answer {
        Err(error) if is_wrong_type(&error) => Ok(None),
        answer => answer.map(Some),
    }
}
