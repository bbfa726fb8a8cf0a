//! The store that several processes may share: a Redis or Valkey server, version 6.2 or later.
//!
//! It works on two connections. One is for reads, which are asked for within milliseconds; the
//! other is for all else, so that no batch ever delays a read. A read never waits for a connection:
//! the probe in the background makes it. It decides neither when a record is worth keeping nor how
//! long a read may take; the server removes what has expired. Clusters and sentinels are none of
//! its business: it talks to the one server that the name leads to.

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
use self::link::Link;
use self::scripts::Scripts;
use super::index::{Claim, Claimed, InUse};
use super::{BoxFuture, Change, Error, Read, Store, record};
use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Entry, LARGEST_STORED_FORM};
use crate::target::Key;
use crate::tasks;
use crate::tls;

/// Longer than any record: beside the body there is a header with a URL and two short texts.
const LARGEST_RECORD: usize = LARGEST_STORED_FORM + (64 << 10);

/// Records are read where they arrive up to here, counted in bytes of records and of bodies, which
/// takes less than a millisecond; inflating and hashing longer ones holds up other tasks.
const LONGEST_READ_AT_ONCE: usize = 256 << 10;

/// Longer records that are read at once: there are few of them, and as many processors.
const DECODERS: usize = 2;

/// The time that the server has for a batch or for the index.
const LIMIT: Duration = Duration::from_secs(4);

/// The time that the server has for a claim, which is small.
const CLAIM_LIMIT: Duration = Duration::from_secs(1);

/// Longer than any error that a server tells.
const LONGEST_LINE: u64 = 64 << 10;

/// On the connection for reads a reply is a record, of which one byte more than the largest is
/// asked for.
const RECORDS: ReceiveBounds = ReceiveBounds {
    reply: ReplyBounds {
        line: LONGEST_LINE,
        text: LARGEST_RECORD as u64 + 1,
        parts: 16,
        reply: LARGEST_RECORD as u64 + LONGEST_LINE,
    },
    due: u64::MAX,
};

/// On the other one replies are short: the largest is a piece of the index, and a batch is answered
/// with some hundred words or errors.
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
    /// By which a lease is known to be one's own; never the same twice.
    owner: String,
    reads: Link,
    others: Link,
    decoders: Arc<Semaphore>,
    contents: Contents,
}

impl Redis {
    /// A store that has not connected yet: the first probe does.
    ///
    /// # Errors
    ///
    /// [`tls::Error`]; a server that cannot be reached is none.
    pub fn new(config: &config::Redis) -> Result<Self, tls::Error> {
        let client = Arc::new(RedisClient::new(config)?);
        let (reads, others) = (Link::new(Arc::clone(&client), RECORDS), Link::new(client, WORDS));
        let owner = format!("{:032x}", fastrand::u128(..));
        let decoders = Arc::new(Semaphore::new(DECODERS));
        let (scripts, contents) = (Arc::new(Scripts::new()), Contents::default());
        Ok(Self { scripts, owner, reads, others, decoders, contents })
    }

    /// The bytes at the key of a record; an error where they cannot be one.
    async fn fetch(&self, key: Key) -> Result<Result<Vec<u8>, record::Error>, ServerFault> {
        // Somebody else's value at our key may be large: no more of it is fetched than a record can
        // have.
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

    /// The answer to a write. A server that does not take writes any more may have been replaced by
    /// another one of the same name, and reads should go there too.
    fn written<T>(&self, answer: Result<T, ServerFault>) -> Result<T, Error> {
        if answer.as_ref().is_err_and(ServerFault::is_elsewhere) {
            self.reads.doubt();
        }
        Ok(answer?)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Store for Redis {
    fn read(&self, key: Key) -> BoxFuture<'_, Result<Option<Arc<Entry>>, Error>> {
        Box::pin(async move {
            let reads = self.read_many([key].into()).await?;
            Ok(reads.into_iter().next().unwrap_or(Ok(None))?)
        })
    }

    /// One command for each key, all sent before the first is answered.
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        Box::pin(async move {
            let records = try_join_all(keys.iter().map(|key| self.fetch(*key))).await?;
            Ok(self.decode(keys, records).await?)
        })
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        let scripts = Arc::clone(&self.scripts);
        Box::pin(async move {
            // To hash and to copy megabytes holds up other tasks.
            let calls = tasks::blocking(move || scripts.batch(&batch, now)).await;
            let calls = calls.map_err(ServerFault::from)?;
            let apply = |mut connection| async move { calls.exec_async(&mut connection).await };
            self.written(self.others.call(LIMIT, apply).await)
        })
    }

    /// There is nothing to do: the server removes what has expired, and its memory is bounded by
    /// its own settings.
    fn sweep(&self, _: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let remember = self.others.call(LIMIT, |connection| {
                in_use::remember(connection, &self.scripts, &rows, cutoff)
            });
            self.written(remember.await)
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
            // At least a moment: a lease of zero is an error.
            ask.key(names::PACE).arg(text(claim.lease.as_millis().max(1)));
            ask.arg(text(claim.spacing.as_micros())).arg(text(claim.patience.as_micros()));
            ask.arg(&self.owner);
            let answer = self.others.call(CLAIM_LIMIT, |mut connection| async move {
                ask.invoke_async(&mut connection).await
            });
            let answer: i64 = self.written(answer.await)?;
            let wait = u64::try_from(answer).map(Duration::from_micros);
            Ok(match (answer, wait) {
                (TAKEN, _) => Claimed::Taken,
                (_, Ok(wait)) if wait <= claim.patience => Claimed::Granted { wait },
                // The script grants no turn that is further away.
                _ => Claimed::NoTurn,
            })
        })
    }

    /// Takes as long as it may take to connect beside the budget. It looks as a read does, for a
    /// record that nobody has, so that who may not read learns it here. The other connection looks
    /// for the mark of the contents meanwhile, and is replaced if it is dead: nobody else may use
    /// it for long, and a batch would wait for its whole limit. A server that takes no mark is none
    /// that cannot be read.
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

/// The answer of `claim.lua` where another one has the lease.
const TAKEN: i64 = -1;

fn decoded((key, record): (&Key, Result<Vec<u8>, record::Error>)) -> Read {
    match record? {
        bytes if bytes.is_empty() => Ok(None),
        bytes => Ok(Some(Arc::new(record::decode(*key, &Bytes::from(bytes))?))),
    }
}

fn text(number: u128) -> String {
    number.to_string()
}

/// `None` where the key holds something else than text.
fn or_wrong_type<T>(answer: RedisResult<T>) -> RedisResult<Option<T>> {
    match answer {
        Err(error) if is_wrong_type(&error) => Ok(None),
        answer => answer.map(Some),
    }
}
