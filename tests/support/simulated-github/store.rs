//! A folder for the service's store that exists as long as the run: invented documents never mix
//! with real ones, nor with those of another run.
//!
//! The subtle part is a run that was killed and left its folder. The next run removes such a
//! folder. A lock, which the system releases with the process, distinguishes it from a folder in
//! use.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";

/// The folder, removed when dropped.
pub(crate) struct FreshStore {
    folder: PathBuf,
    _in_use: File,
}

impl FreshStore {
    /// Creates a folder below `parent`. Removes those of runs that have ended.
    pub(crate) fn new(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        // One run starts at a time: a folder that is not locked yet looks like one that was left
        // behind.
        let starting = File::create(parent.join(LOCK))?;
        starting.lock()?;
        remove_left_behind(parent)?;
        let id = std::process::id();
        let names = (0..).map(|n: u32| parent.join(format!("run-{id}-{n}")));
        let free = names.into_iter().find(|folder| !folder.exists());
        let folder = free.ok_or(io::ErrorKind::AlreadyExists)?;
        fs::create_dir(&folder)?;
        let in_use = File::create(folder.join(LOCK))?;
        in_use.lock()?;
        Ok(Self { folder, _in_use: in_use })
    }

    /// Returns the value of `CACHE_DIR`.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for FreshStore {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn remove_left_behind(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let folder = entry?.path();
        let Ok(lock) = File::open(folder.join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            fs::remove_dir_all(folder)?;
        }
    }
    Ok(())
}
