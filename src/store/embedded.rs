//! The store without a server: a database file and two journals. It survives a crash at any moment,
//! and is bounded in size.
//!
//! The database is redb. Each call runs on a blocking thread and keeps its permit until it ends, so
//! a disk that hangs blocks only a few threads, however many callers give up. The store decides
//! neither which entries are worth keeping nor how long a read may take.

mod bounded;
mod eviction;
mod fault;
mod file;
mod fit;
mod handle;
mod in_use;
mod journal;
mod merger;
mod pack_tables;
mod packs;
mod place;
mod pointer;
mod private;
mod segment_tables;
mod segments;
mod size;
mod staging;
mod tables;
mod upkeep;
mod write_tables;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use self::bounded::Growth;
use self::fault::{FileFault, OpenFault};
use self::file::{OpenFile, StoreFile};
use self::fit::Fitter;
use self::handle::{Handle, Remedy};
use self::in_use::IndexState;
use self::merger::{Merger, within_bound};
use self::tables::Room;
use self::upkeep::Upkeep;
use super::index::{Claim, Claimed, InUse, Uses};
use super::{BoxFuture, Change, Error, Read, Store, record};
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::config;
use crate::config::redacted::redacted_path;
use crate::target::Key;
use crate::tasks;

/// The most reads on blocking threads at once.
pub const READERS: usize = 8;

/// The most writes on blocking threads at once: one to the database and one to the journals. Others
/// wait for a permit, not on a thread.
pub const WRITERS: usize = 2;

/// The bytes of a key.
type KeyBytes = [u8; 32];

/// The pause between two attempts to take the lock from another process.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The time limit for one attempt to open the file at the start. An attempt usually takes a
/// millisecond.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// The pause after a failed attempt to open the file; without it, each miss of L1 would make an
/// attempt. It is shorter than the interval of the probes, so that each probe makes one.
const REOPEN_PAUSE: Duration = Duration::from_millis(400);

/// A store, with the result of its opening.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Embedded,
    /// The reason why the store has no open file, if it has none. Its calls then fail, and try to
    /// open the file again.
    pub shut: Option<Unwritable>,
}

/// Another process kept the file open during the whole wait.
#[derive(Debug, thiserror::Error)]
#[error("another process is using {} and has not released it within {waited:?}", redacted_path(.path))]
pub struct Locked {
    path: PathBuf,
    waited: Duration,
}

/// The folder or the file cannot be created, read or written.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} cannot be used for the store", redacted_path(.dir))]
pub struct Unwritable {
    dir: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Records in a file.
#[derive(Clone, Debug)]
pub struct Embedded {
    handle: Arc<Handle>,
    clock: Clock,
    room: Room,
    readers: Arc<Semaphore>,
    /// The permit to write to the database.
    writer: Arc<Semaphore>,
    /// The permit to write to the journals.
    appender: Arc<Semaphore>,
    /// Notified when a journal is full.
    merge_due: Arc<Notify>,
    _tasks: Arc<[AbortOnDropHandle<()>; 2]>,
}

impl Embedded {
    /// Opens or creates the store. Waits up to `lock_wait` while another process has it open.
    ///
    /// # Errors
    ///
    /// [`Locked`]. A damaged file is no error: svm moves it aside. A folder that cannot be used
    /// is no error either ([`Opened::shut`]).
    pub async fn open(
        config: &config::Embedded,
        clock: &Clock,
        lock_wait: Duration,
    ) -> Result<Opened, Locked> {
        let file = Arc::new(StoreFile {
            dir: config.dir.clone(),
            max_bytes: config.max_bytes,
            clock: clock.clone(),
            opened: Arc::default(),
        });
        let patience = Patience { lock: lock_wait, open: OPEN_LIMIT };
        let opening = Arc::clone(&file);
        let open = move || opening.open_or_renew(Growth::AsNeeded);
        let (opened, shut) = match open_when_free(file.path(), patience, open).await? {
            Ok(opened) => (Some(opened), None),
            Err(source) => (None, Some(Unwritable { dir: file.dir.clone(), source })),
        };
        let handle = Arc::new(Handle::new(opened, reopen(file), REOPEN_PAUSE));
        let max_live = size::max_live(size::file_bytes(config.max_bytes));
        let store = Self::new(handle, max_live, clock.clone());
        Ok(Opened { store, shut })
    }

    fn new(handle: Arc<Handle>, max_live: u64, clock: Clock) -> Self {
        let room = Room::new(max_live);
        let (writer, merge_due) = (Arc::new(Semaphore::new(1)), Arc::new(Notify::new()));
        let upkeep = Upkeep {
            handle: Arc::downgrade(&handle),
            writer: Arc::clone(&writer),
            clock: clock.clone(),
            room: room.clone(),
        };
        let fitter = Fitter { upkeep: upkeep.clone(), over_bound: handle.over_bound() };
        let merger = Merger { upkeep, due: Arc::clone(&merge_due) };
        Self {
            handle,
            clock,
            room,
            readers: Arc::new(Semaphore::new(READERS)),
            writer,
            appender: Arc::new(Semaphore::new(1)),
            merge_due,
            _tasks: Arc::new([tasks::owned(fitter.run()), tasks::owned(merger.run())]),
        }
    }

    fn index(&self) -> Arc<IndexState> {
        Arc::clone(&self.room.evictor.index)
    }

    async fn on<T: Send + 'static>(
        &self,
        permits: &Arc<Semaphore>,
        work: impl FnOnce(&Handle) -> Result<T, FileFault> + Send + 'static,
    ) -> Result<T, Error> {
        let handle = Arc::clone(&self.handle);
        let result = tasks::blocking_within(permits, move || work(&handle)).await;
        let result = result.unwrap_or(Err(FileFault::Abandoned));
        result.map_err(|fault| Error::Unavailable(Box::new(fault)))
    }
}

impl Store for Embedded {
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        Box::pin(self.on(&self.readers, move |handle| {
            let records = handle.run(|file| file.staging.read(&file.database, &keys))?;
            let decode = |(key, record): (&Key, Option<Bytes>)| {
                record.map(|record| Ok(Arc::new(record::decode(*key, &record)?))).transpose()
            };
            Ok(keys.iter().zip(records).map(decode).collect())
        }))
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        let (room, merge_due) = (self.room.clone(), Arc::clone(&self.merge_due));
        Box::pin(self.on(&self.appender, move |handle| {
            let has_sealed = within_bound(handle, now, &room, |file| {
                file.staging.apply(&file.database, &batch, now, &room)?;
                Ok(file.staging.has_sealed())
            })?;
            if has_sealed {
                merge_due.notify_one();
            }
            Ok(())
        }))
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        let room = self.room.clone();
        Box::pin(self.on(&self.writer, move |handle| {
            handle.run(|file| file.staging.sweep(&file.database, now, &room))
        }))
    }

    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let index = self.index();
            let remembered = self.on(&self.writer, move |handle| {
                handle.run(|file| in_use::remember(&file.database, &rows, cutoff, &index))
            });
            if !remembered.await? {
                return Ok(());
            }
            // Other calls may write between these two steps.
            let index = self.index();
            let rewritten = self.on(&self.writer, move |handle| {
                handle.run(|file| in_use::rewrite(&file.database, &index))
            });
            rewritten.await
        })
    }

    fn in_use(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>> {
        let index = self.index();
        Box::pin(self.on(&self.readers, move |handle| {
            handle.run(|file| in_use::since(&file.database, since, &index))
        }))
    }

    fn consult(&self, uses: Arc<dyn Uses>) {
        self.room.evictor.consult(uses);
    }

    fn is_shared(&self) -> bool {
        false
    }

    /// Grants every claim: no other process shares the file.
    fn claim(&self, _: Claim) -> BoxFuture<'_, Result<Claimed, Error>> {
        Box::pin(async { Ok(Claimed::Granted { wait: Duration::ZERO }) })
    }

    fn probe(&self, budget: Duration) -> BoxFuture<'_, Result<(), Error>> {
        let (now, room) = (self.clock.now(), self.room.clone());
        let probe = self.on(&self.readers, move |handle| {
            handle.follow_path(|file| file.staging.merge_all(&file.database, now, &room))?;
            handle.run(|file| tables::probe(&file.database))
        });
        Box::pin(async move { timeout(budget, probe).await.unwrap_or(Err(Error::TooSlow(budget))) })
    }

    fn losses(&self) -> u64 {
        self.handle.losses()
    }

    /// Releases the file to other processes. Dropping the last clone does the same, on the thread
    /// that drops it.
    fn close(&self) -> BoxFuture<'_, ()> {
        let (handle, room, now) = (Arc::clone(&self.handle), self.room.clone(), self.clock.now());
        Box::pin(async move {
            // A failure is ignored: the end of the process also releases the file.
            let _ = tasks::blocking(move || {
                // Changes that cannot be merged stay in the journal.
                let _ = handle.run(|file| file.staging.merge_if_few(&file.database, now, &room));
                handle.close();
            })
            .await;
        })
    }
}

/// The time limits of an opening.
#[derive(Clone, Copy)]
struct Patience {
    /// The time for another process to release the file.
    lock: Duration,
    /// The time for one attempt to open it.
    open: Duration,
}

/// Opens the file once no other process has it open. The inner error is any other obstacle.
async fn open_when_free(
    path: PathBuf,
    patience: Patience,
    open: impl Fn() -> Result<OpenFile, OpenFault> + Clone + Send + 'static,
) -> Result<Result<OpenFile, Box<dyn std::error::Error + Send + Sync>>, Locked> {
    let (waited, mut is_told) = (Stopwatch::start(), false);
    loop {
        // On a disk that hangs, the attempt goes on in the background. Until it ends, the store has
        // no file.
        let Ok(opened) = timeout(patience.open, tasks::blocking(open.clone())).await else {
            return Ok(Err("opening the file takes too long".into()));
        };
        match opened {
            Ok(Ok(opened)) => return Ok(Ok(opened)),
            Ok(Err(OpenFault::Locked)) if waited.elapsed() < patience.lock => {
                if !is_told {
                    let (path, at_most) = (redacted_path(&path), patience.lock);
                    tracing::warn!(%path, ?at_most, "another process has the store file; waiting for it");
                    is_told = true;
                }
                sleep(LOCK_POLL).await;
            }
            Ok(Err(OpenFault::Locked)) => {
                return Err(Locked { path, waited: patience.lock });
            }
            Ok(Err(OpenFault::Unwritable(error))) => return Ok(Err(error.into())),
            Ok(Err(fault)) => return Ok(Err(fault.into())),
            Err(panicked) => return Ok(Err(panicked.into())),
        }
    }
}

fn reopen(file: Arc<StoreFile>) -> handle::Open {
    Box::new(move |remedy| match remedy {
        Remedy::Reopen(growth) => file.open_or_renew(growth),
        Remedy::Renew(reason) => {
            file.set_aside_store(&reason)?;
            file.open(Growth::AsNeeded)
        }
    })
}
