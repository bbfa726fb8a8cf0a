//! The open database, and how it comes back after a fault.
//!
//! redb refuses everything after its first I/O error, so the file is closed and opened again: at
//! most once for an operation that failed, by the first operation that notices. Where that fails
//! too, there is no database, and the next attempt is made by the first operation after a pause;
//! those before it fail at once. Work holds the read side of the lock and reopening the write side,
//! so nothing is using the database that is thrown away. All of it blocks: it belongs on a blocking
//! thread, where a disk that hangs holds up nobody else.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::Notify;

use super::bounded::Growth;
use super::fault::{FileFault, OpenFault};
use super::file::{OpenFile, is_journal};
use crate::clock::Stopwatch;
use crate::config::redacted::redacted_path;

/// The repetitions of an operation that other operations disturb.
const MOST_REPETITIONS: usize = 8;

/// The step before the database is opened again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Opening is enough.
    Reopen(Growth),
    /// The file is beyond repair; the reason goes to the log.
    Renew(String),
}

/// Opens the database again.
pub(super) type Open = Box<dyn Fn(Remedy) -> Result<OpenFile, OpenFault> + Send + Sync>;

/// The state of the open file: over its bound, or not.
#[derive(Debug, Default)]
pub(super) struct OverBound {
    is_so: AtomicBool,
    opened: Notify,
}

impl OverBound {
    /// Waits until a file is open that is over its bound.
    pub(super) async fn wait(&self) {
        while !self.is_so() {
            self.opened.notified().await;
        }
    }

    /// Returns true if the open file is over its bound.
    pub(super) fn is_so(&self) -> bool {
        self.is_so.load(Ordering::Relaxed)
    }

    fn note(&self, file: Option<&OpenFile>) {
        let is_so = file.is_some_and(|file| file.is_over_bound);
        self.is_so.store(is_so, Ordering::Relaxed);
        if is_so {
            self.opened.notify_one();
        }
    }
}

/// A database that is opened again when it has to be.
pub(super) struct Handle {
    state: RwLock<HandleState>,
    open: Open,
    over_bound: Arc<OverBound>,
    is_compacting: AtomicBool,
    /// True from a refusal to grow the file until the file is opened as long as it may be.
    was_full: AtomicBool,
    losses: AtomicU64,
    /// The pause between two attempts to open.
    pause: Duration,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

struct HandleState {
    file: Option<OpenFile>,
    /// Counts the openings, so that of several failed operations only one reopens.
    generation: u64,
    /// The time since the last attempt to open, if that failed.
    failed: Option<Stopwatch>,
    closed: bool,
}

impl Handle {
    /// Makes a handle of a database, or of none where the first attempt to open it has failed.
    pub(super) fn new(file: Option<OpenFile>, open: Open, pause: Duration) -> Self {
        let failed = file.is_none().then(Stopwatch::start);
        let handle = Self {
            state: RwLock::new(HandleState { file, generation: 0, failed, closed: false }),
            open,
            over_bound: Arc::default(),
            is_compacting: AtomicBool::new(false),
            was_full: AtomicBool::new(false),
            losses: AtomicU64::new(0),
            pause,
        };
        handle.over_bound.note(handle.state.read().file.as_ref());
        handle
    }

    /// Returns the state of the bound, which outlives the handle.
    pub(super) fn over_bound(&self) -> Arc<OverBound> {
        Arc::clone(&self.over_bound)
    }

    /// Compacts the file in place, and opens it again within its bound if it fits by then. All
    /// other work is refused meanwhile: it would wait for longer than anyone who wants it.
    pub(super) fn compact(&self) -> Result<(), FileFault> {
        self.is_compacting.store(true, Ordering::Relaxed);
        let compacted = self.compact_alone();
        self.is_compacting.store(false, Ordering::Relaxed);
        self.reopen(compacted?, None)
    }

    /// Returns the generation of the file.
    fn compact_alone(&self) -> Result<u64, FileFault> {
        let mut state = self.state.write();
        let generation = state.generation;
        let file = state.file.as_mut().ok_or(FileFault::NotOpen)?;
        let compacted = catch_unwind(AssertUnwindSafe(|| file.database.compact()));
        match compacted {
            Ok(compacted) => compacted.map(|_| generation).map_err(FileFault::from),
            Err(payload) => Err(FileFault::of_panic(&*payload)),
        }
    }

    fn check_idle(&self) -> Result<(), FileFault> {
        if self.is_compacting.load(Ordering::Relaxed) { Err(FileFault::Compacting) } else { Ok(()) }
    }

    /// Runs `work` on the database, and once more if the database had to be opened again; a few
    /// times more where each time another operation broke it meanwhile.
    pub(super) fn run<T>(
        &self,
        work: impl Fn(&OpenFile) -> Result<T, FileFault>,
    ) -> Result<T, FileFault> {
        self.check_idle()?;
        let (mut generation, mut result) = self.attempt(&work);
        for _ in 0..MOST_REPETITIONS {
            let renewal = match result {
                Ok(_) | Err(FileFault::Closed) => return result,
                Err(FileFault::Damaged(reason)) => Some(reason),
                Err(_) => None,
            };
            self.reopen(generation, renewal)?;
            (generation, result) = self.attempt(&work);
            if !result.as_ref().is_err_and(FileFault::is_of_another) {
                break;
            }
        }
        result
    }

    /// Opens the files anew if the path of one does not lead to it any more. Until then all that is
    /// written goes into a file that nobody finds again. Before, `rescue` saves from such a file
    /// what can be saved.
    ///
    /// # Errors
    ///
    /// [`FileFault`], when the path leads to nothing that can be opened.
    pub(super) fn follow_path(
        &self,
        rescue: impl Fn(&OpenFile) -> Result<(), FileFault>,
    ) -> Result<(), FileFault> {
        self.check_idle()?;
        let (generation, places) = {
            let state = self.state.read();
            (state.generation, state.file.as_ref().map_or(Vec::new(), |file| file.places.clone()))
        };
        // Looked up without the lock: a disk may hang.
        let displaced = places.iter().find_map(|place| Some((place, place.displacement()?)));
        let Some((place, cause)) = displaced else { return Ok(()) };
        let path = redacted_path(place.path());
        // The changes of a lost journal go into the database, which is in its place then.
        let is_rescued = is_journal(place.path()) && self.attempt(&rescue).1.is_ok();
        tracing::warn!(%path, cause, "the store file is not in its place; opening it anew");
        self.reopen(generation, None)?;
        self.losses.fetch_add((!is_rescued).into(), Ordering::Relaxed);
        Ok(())
    }

    /// Returns how often svm renewed the file, or found another one in its place.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Throws the contents away and starts a new file.
    pub(super) fn renew(&self, reason: &str) -> Result<(), FileFault> {
        let generation = self.state.read().generation;
        self.reopen(generation, Some(reason.to_owned()))
    }

    /// Closes the database for good, which releases the file to other processes.
    pub(super) fn close(&self) {
        let mut state = self.state.write();
        state.closed = true;
        discard(state.file.take());
    }

    fn attempt<T>(
        &self,
        work: &impl Fn(&OpenFile) -> Result<T, FileFault>,
    ) -> (u64, Result<T, FileFault>) {
        let state = self.state.read();
        let result = match &state.file {
            Some(file) => catch_unwind(AssertUnwindSafe(|| work(file)))
                .unwrap_or_else(|payload| Err(FileFault::of_panic(&*payload))),
            None if state.closed => Err(FileFault::Closed),
            None => Err(FileFault::NotOpen),
        };
        // Set before the lock is free, so that the next opening is to the bound.
        if matches!(result, Err(FileFault::Full)) {
            self.was_full.store(true, Ordering::Relaxed);
        }
        (state.generation, result)
    }

    /// Opens the file of this generation again, or a new one if there is a reason for it.
    fn reopen(&self, generation: u64, renewal: Option<String>) -> Result<(), FileFault> {
        let mut state = self.state.write();
        if state.closed {
            return Err(FileFault::Closed);
        }
        if state.generation != generation {
            return Ok(());
        }
        if state.failed.is_some_and(|failed| failed.elapsed() < self.pause) {
            return Err(FileFault::NotOpen);
        }
        discard(state.file.take());
        let was_full = self.was_full.swap(false, Ordering::Relaxed);
        let growth = if was_full { Growth::ToBound } else { Growth::AsNeeded };
        let is_renewed = renewal.is_some();
        let remedy = renewal.map_or(Remedy::Reopen(growth), Remedy::Renew);
        // Counted from the end of the attempt, which may itself take long.
        let opened = (self.open)(remedy).inspect_err(|_| state.failed = Some(Stopwatch::start()));
        state.file = Some(opened.map_err(FileFault::Shut)?);
        state.failed = None;
        state.generation += 1;
        self.over_bound.note(state.file.as_ref());
        self.losses.fetch_add(is_renewed.into(), Ordering::Relaxed);
        Ok(())
    }
}

/// Closes a database. One that made redb panic may do so again meanwhile.
fn discard(file: Option<OpenFile>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(file)));
}
