//! A folder and a file that no other user may read, whatever the umask.
//!
//! The subtle thing is a folder that exists already. It may be `/tmp`, a home or the working
//! folder, and other users may need it. So svm closes it to them only if it contains nothing but
//! the store.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The permissions among the bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// Creates the folder and its missing parents. Closes an existing folder to other users if it
/// contains nothing but files that are `ours` by their names.
pub(super) fn folder(path: &Path, ours: impl Fn(&str) -> bool) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(_) => {
            // A failure is ignored: the file is private in any case.
            let _ = close_to_others(path, ours);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

/// Opens or creates the file, to read and write. Refuses a named pipe, which the system would open.
pub(super) fn file(path: &Path) -> io::Result<File> {
    open(path, OFlags::empty())
}

/// Opens or creates a file that only svm has a reason to create. Follows no link.
pub(super) fn file_itself(path: &Path) -> io::Result<File> {
    open(path, OFlags::NOFOLLOW)
}

/// Opens a file that svm has made before, to read; follows no link.
pub(super) fn existing(path: &Path) -> io::Result<File> {
    // To open a pipe of this name would take for ever.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = flags.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "Is no file"));
    }
    Ok(file)
}

/// Makes a file where none is.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
    // The umask may have taken even the owner's rights away.
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Returns the reason why the file at the path may be reached by another name as well, or `None` if
/// it cannot.
pub(super) fn find_stranger(path: &Path) -> io::Result<Option<&'static str>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Ok(Some("it is a link")),
        Ok(found) if found.is_file() && found.nlink() > 1 => Ok(Some("the file has other names")),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let flags = flags.bits().cast_signed();
    let file = options.mode(FILE_MODE).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if found.file_type().is_fifo() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "Is a named pipe"));
    }
    // A device that the path leads to keeps its mode, and so does a file of another user.
    if found.is_file() && is_own(&found) && found.mode() & PERMISSIONS != FILE_MODE {
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    }
    Ok(file)
}

fn make(path: &Path) -> io::Result<()> {
    // The last component may be `..` or empty.
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make(above)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        // The umask may have removed even the owner's permissions.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn close_to_others(path: &Path, ours: impl Fn(&str) -> bool) -> io::Result<()> {
    let found = fs::metadata(path)?;
    if !found.is_dir() || !is_own(&found) || found.mode() & PERMISSIONS == FOLDER_MODE {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        if !entry?.file_name().to_str().is_some_and(&ours) {
            return Ok(());
        }
    }
    fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))
}

fn is_own(found: &fs::Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}
