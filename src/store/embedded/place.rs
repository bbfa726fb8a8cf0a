//! The place of an open file, and the check that its path still leads to it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The path of an open file, and the file's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
    identity: Identity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(found: &fs::Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

impl Place {
    /// Returns the place of a file that was just opened. Returns `None` if the path does not seem
    /// to lead to that file: some file systems give a file another number each time.
    pub(super) fn of(path: PathBuf, file: &File) -> Option<Self> {
        let identity = Identity::of(&file.metadata().ok()?);
        let place = Self { path, identity };
        place.displacement().is_none().then_some(place)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the reason why the path no longer leads to the file, or `None` if it does. A link to
    /// the file leads to it.
    pub(super) fn displacement(&self) -> Option<&'static str> {
        match fs::metadata(&self.path) {
            Ok(found) if Identity::of(&found) == self.identity => None,
            Ok(found) if found.is_dir() => Some("a folder is in its place"),
            Ok(_) => Some("another file is in its place"),
            Err(error) => match error.kind() {
                ErrorKind::NotFound => Some("the file is gone"),
                ErrorKind::NotADirectory => Some("its folder is a folder no more"),
                // The file may still be there: svm has no permission to look, or the disk does not
                // answer.
                _ => None,
            },
        }
    }
}
