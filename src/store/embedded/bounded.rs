//! The database file as redb sees it, with a bound on its length.
//!
//! redb doubles its file whenever it needs room, so the file could exceed a bound on its contents
//! by a factor of two. This backend refuses to grow the file past the bound. redb treats the
//! refusal as a failed disk, so the database must be opened again, with [`Growth::ToBound`]: the
//! backend then extends the file, which is sparse, to the bound, and redb uses the new room.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// redb's page size; a file is always a whole number of pages.
pub(super) const PAGE_BYTES: u64 = 4096;

/// The length of the file after it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// The length that redb gave it.
    AsNeeded,
    /// The bound.
    ToBound,
}

/// A file and its bound.
#[derive(Debug)]
pub(super) struct BoundedFile {
    file: FileBackend,
    max_bytes: u64,
    stretch: AtomicBool,
}

impl BoundedFile {
    pub(super) fn new(
        file: File,
        max_bytes: u64,
        growth: Growth,
    ) -> Result<Self, redb::DatabaseError> {
        Ok(Self {
            file: FileBackend::new(file)?,
            max_bytes: max_bytes / PAGE_BYTES * PAGE_BYTES,
            stretch: AtomicBool::new(growth == Growth::ToBound),
        })
    }
}

/// The refusal to grow the file. The type distinguishes it from other I/O errors.
#[derive(Debug, thiserror::Error)]
#[error("the file has reached its bound of {max_bytes} bytes")]
pub(super) struct AtBound {
    max_bytes: u64,
}

impl StorageBackend for BoundedFile {
    /// Returns the length, and extends the file first if necessary. redb calls this once it holds
    /// the lock; before that, the file may belong to another process.
    fn len(&self) -> Result<u64, Error> {
        let len = self.file.len()?;
        let stretch = self.stretch.swap(false, Ordering::Relaxed);
        if !stretch || len == 0 || len >= self.max_bytes {
            return Ok(len);
        }
        self.file.set_len(self.max_bytes)?;
        Ok(self.max_bytes)
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        if len > self.max_bytes && len > self.file.len()? {
            let refusal = AtBound { max_bytes: self.max_bytes };
            return Err(Error::new(ErrorKind::QuotaExceeded, refusal));
        }
        self.file.set_len(len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.file.read(offset, out)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.file.write(offset, data)
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.file.sync_data()
    }

    fn close(&self) -> Result<(), Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
