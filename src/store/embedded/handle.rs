//! The open database, and its reopening after a fault.
//!
//! redb refuses all work after its first I/O error, so the handle closes the file and opens it
//! again. If several operations fail on the same database, only the first one reopens the file. If
//! that fails too, there is no database: operations fail at once until a pause has passed, and the
//! first one after the pause tries again. A refusal to extend a journal breaks nothing, so the
//! files stay open.
//!
//! An operation holds the read side of the lock, and reopening holds the write side, so no
//! operation uses a database while it is closed. All methods may block, so they run on blocking
//! threads.

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
use super::place::Place;
use crate::clock::Stopwatch;
use crate::config::redacted::redacted_path;

/// The most repetitions of an operation while other operations break the database.
const MOST_REPETITIONS: usize = 8;

/// The way in which the database is opened again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Open the same file.
    Reopen(Growth),
    /// Move the file aside for this reason, and start a new one.
    Renew(String),
}

/// Opens the database again.
pub(super) type Open = Box<dyn Fn(Remedy) -> Result<OpenFile, OpenFault> + Send + Sync>;

/// A flag for an open file that exceeds its bound.
#[derive(Debug, Default)]
pub(super) struct OverBound {
    is_so: AtomicBool,
    opened: Notify,
}

impl OverBound {
    /// Waits until the open file exceeds its bound.
    pub(super) async fn wait(&self) {
        while !self.is_so() {
            self.opened.notified().await;
        }
    }

    /// Returns true if the open file exceeds its bound.
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

/// A database that is reopened after a fault.
pub(super) struct Handle {
    state: RwLock<HandleState>,
    open: Open,
    over_bound: Arc<OverBound>,
    is_compacting: AtomicBool,
    /// True from a refusal to grow the file until the next opening, which extends the file to its
    /// bound.
    was_full: AtomicBool,
    losses: AtomicU64,
    /// The pause after a failed attempt to open the file.
    pause: Duration,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

struct HandleState {
    file: Option<OpenFile>,
    /// Counts the openings, so that only one of several failed operations reopens the file.
    generation: u64,
    /// The time since the last attempt to open the file, if that failed.
    failed: Option<Stopwatch>,
    closed: bool,
}

impl Handle {
    /// Creates a handle of a database, or of none if the first attempt to open it has failed.
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

    /// Returns the flag for a file over its bound. It may outlive the handle.
    pub(super) fn over_bound(&self) -> Arc<OverBound> {
        Arc::clone(&self.over_bound)
    }

    /// Compacts the file in place and opens it again, within its bound if it fits now. Refuses all
    /// other work in the meantime, which would wait for longer than its callers do.
    pub(super) fn compact(&self) -> Result<(), FileFault> {
        self.is_compacting.store(true, Ordering::Relaxed);
        let compacted = self.compact_alone();
        self.is_compacting.store(false, Ordering::Relaxed);
        self.reopen(compacted?, None)
    }

    /// Compacts the file under the write lock. Returns the generation of the file.
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

    /// Runs `work` on the database. Runs it once more if the database had to be opened again, and a
    /// few times more if other operations break the database in the meantime.
    pub(super) fn run<T>(
        &self,
        work: impl Fn(&OpenFile) -> Result<T, FileFault>,
    ) -> Result<T, FileFault> {
        self.check_idle()?;
        let (mut generation, mut result) = self.attempt(&work);
        for _ in 0..MOST_REPETITIONS {
            let renewal = match result {
                Ok(_) | Err(FileFault::Closed | FileFault::Refused(_)) => return result,
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

    /// Opens the files again if the path of one no longer leads to it. Otherwise svm would keep
    /// writing to a file that the next start does not find. If a journal was displaced, `rescue`
    /// saves its changes first.
    ///
    /// # Errors
    ///
    /// [`FileFault`], if the files cannot be opened again.
    pub(super) fn follow_path(
        &self,
        rescue: impl Fn(&OpenFile) -> Result<(), FileFault>,
    ) -> Result<(), FileFault> {
        self.check_idle()?;
        let (generation, places) = self.places();
        // The look-up does not hold the lock: a disk may hang.
        let displaced = places.iter().find_map(|place| Some((place, place.displacement()?)));
        let Some((place, cause)) = displaced else { return Ok(()) };
        if !self.places().1.contains(place) {
            // The journal there became a segment meanwhile.
            return Ok(());
        }
        let path = redacted_path(place.path());
        // The changes of a displaced journal go into the database file, which is still in its
        // place.
        let is_rescued = is_journal(place.path()) && self.attempt(&rescue).1.is_ok();
        tracing::warn!(%path, cause, "the store file is not in its place; opening it anew");
        self.reopen(generation, None)?;
        self.losses.fetch_add((!is_rescued).into(), Ordering::Relaxed);
        Ok(())
    }

    /// Returns the generation of the file, and the places that svm watches.
    fn places(&self) -> (u64, Vec<Place>) {
        let state = self.state.read();
        let file = state.file.as_ref();
        let lost = file.map_or(0, |file| file.staging.take_lost());
        self.losses.fetch_add(lost, Ordering::Relaxed);
        (state.generation, file.map_or(Vec::new(), OpenFile::places))
    }

    /// Returns how often contents were lost: svm started a new file, a file was displaced and its
    /// contents were not saved, or a segment lost records.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Moves the file aside and starts a new one.
    pub(super) fn renew(&self, reason: &str) -> Result<(), FileFault> {
        let generation = self.state.read().generation;
        self.reopen(generation, Some(reason.to_owned()))
    }

    /// Closes the database permanently, which releases the file to other processes.
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
        // Set while the lock is held, so that the next opening extends the file to its bound.
        if matches!(result, Err(FileFault::Full)) {
            self.was_full.store(true, Ordering::Relaxed);
        }
        (state.generation, result)
    }

    /// Opens the file again, or a new one if there is a reason for `renewal`. Does nothing if the
    /// file is no longer of this generation: another operation has reopened it.
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
        // The pause begins at the end of the attempt, which may take long.
        let opened = (self.open)(remedy).inspect_err(|_| state.failed = Some(Stopwatch::start()));
        state.file = Some(opened.map_err(FileFault::Shut)?);
        state.failed = None;
        state.generation += 1;
        self.over_bound.note(state.file.as_ref());
        self.losses.fetch_add(is_renewed.into(), Ordering::Relaxed);
        Ok(())
    }
}

/// Closes a database. redb may panic again if it has panicked before.
fn discard(file: Option<OpenFile>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(file)));
}
