//! The `.env` file of the working folder: found, opened and checked.
//!
//! The file decides where tokens are sent, so it must belong to the user of the process or to root,
//! and no other user may have the right to write to it. The file of another folder is never read.
//! The owner and the mode are those of the opened file, which cannot be exchanged any more. The
//! owner of a link counts as well. Only a regular file is opened.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::{getegid, geteuid};

use crate::config::dotenv::{self, Dotenv, NoDotenv};
use crate::config::redacted::redacted_path;

const NAME: &str = ".env";
/// The largest file: far more than all variables need.
const LARGEST_BYTES: u64 = 1 << 20;
const ROOT: u32 = 0;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

/// The outcome of the search.
pub enum DotenvSearch {
    /// There is no such file, or none that svm can see.
    Missing(NoDotenv),
    /// The name belongs to something else, with this path and kind; svm ignores it.
    NoFile(PathBuf, &'static str),
    /// The file was read.
    Read(Dotenv),
}

/// The reason why an existing `.env` is not used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system does not permit svm to read it.
    #[error("{} cannot be read", redacted_path(.path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file, or the link to it, belongs to another user.
    #[error(
        "{} is refused: {what} belongs to the user {owner}, and may belong only to the user of this process ({user}) or to root",
        redacted_path(.path)
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The file or the link.
        what: &'static str,
        /// The user id of its owner.
        owner: u32,
        /// The user id of the process.
        user: u32,
    },
    /// Other users may write to it.
    #[error(
        "{} is refused: other users may write to it (mode {mode:04o}); `chmod go-w` fixes it",
        redacted_path(.path)
    )]
    Writable {
        /// The file.
        path: PathBuf,
        /// The file's permissions.
        mode: u32,
    },
    /// The file is too large for a list of variables.
    #[error("{} is refused: it has more than {LARGEST_BYTES} bytes", redacted_path(.path))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The contents are invalid.
    #[error(transparent)]
    Contents(#[from] dotenv::Error),
}

/// Reads `.env` in the working folder. A folder that cannot be searched is no error: a service may
/// run as a user without that right.
///
/// # Errors
///
/// [`Error`], if the file exists but may not or cannot be used.
pub fn read() -> Result<DotenvSearch, Error> {
    let Ok(folder) = std::env::current_dir() else {
        return Ok(DotenvSearch::Missing(NoDotenv::Unseen));
    };
    read_at(&folder.join(NAME), User::of_process())
}

/// The effective user and group of the process.
#[derive(Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

impl User {
    fn of_process() -> Self {
        Self { id: geteuid().as_raw(), group: getegid().as_raw() }
    }

    fn trusts(self, owner: u32) -> bool {
        owner == self.id || owner == ROOT
    }

    /// Returns true if another user may write to the file. A group with the same number as the user
    /// counts as private: systems that give each user such a group let it write by default. Root's
    /// group does not count as private: it has other members.
    fn shares(self, file: &Metadata) -> bool {
        let private_group = file.gid() == self.group && self.group == self.id && self.id != ROOT;
        let by_group = file.mode() & GROUP_WRITES != 0 && !private_group;
        by_group || file.mode() & OTHERS_WRITE != 0
    }
}

fn read_at(path: &Path, user: User) -> Result<DotenvSearch, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let link = match fs::symlink_metadata(path) {
        Ok(link) => link,
        Err(error) => return Ok(missing(&error)),
    };
    if link.is_symlink() {
        check_owner(path, "the link", &link, user)?;
    }
    let target = match fs::metadata(path) {
        Ok(target) => target,
        Err(error) => return Ok(missing(&error)),
    };
    if !target.is_file() {
        return Ok(DotenvSearch::NoFile(path.to_owned(), kind(target.file_type())));
    }
    let file = open(path, link.is_symlink()).map_err(unreadable)?;
    let opened = file.metadata().map_err(unreadable)?;
    // Another file may have taken its place since.
    if !opened.is_file() {
        return Ok(DotenvSearch::NoFile(path.to_owned(), kind(opened.file_type())));
    }
    check_owner(path, "it", &opened, user)?;
    if user.shares(&opened) {
        return Err(Error::Writable { path: path.to_owned(), mode: opened.mode() & 0o7777 });
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_BYTES {
        return Err(Error::TooLarge { path: path.to_owned() });
    }
    Ok(DotenvSearch::Read(Dotenv::parse(path.to_owned(), &bytes)?))
}

fn missing(error: &io::Error) -> DotenvSearch {
    let is_absent = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    DotenvSearch::Missing(if is_absent { NoDotenv::Absent } else { NoDotenv::Unseen })
}

fn check_owner(path: &Path, what: &'static str, found: &Metadata, user: User) -> Result<(), Error> {
    let owner = found.uid();
    if user.trusts(owner) {
        return Ok(());
    }
    Err(Error::Foreign { path: path.to_owned(), what, owner, user: user.id })
}

/// Opens without waiting: a named pipe in the file's place would wait for its writer.
fn open(path: &Path, through_link: bool) -> io::Result<File> {
    let follow = if through_link { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | follow).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

fn kind(file: FileType) -> &'static str {
    match file {
        file if file.is_dir() => "a folder",
        file if file.is_fifo() => "a named pipe",
        file if file.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const STRANGER: User = User { id: 54_321, group: 54_321 };

    /// Returns the outcome for a file with this mode that belongs to the user of the test.
    #[track_caller]
    fn outcome(mode: u32, user: User) -> Result<DotenvSearch, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, "PORT=1\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        read_at(&path, user)
    }

    #[test]
    fn a_file_that_other_users_can_write_is_refused() {
        let us = User::of_process();
        for mode in [0o600, 0o644, 0o755] {
            assert!(matches!(outcome(mode, us), Ok(DotenvSearch::Read(_))), "{mode:o}");
        }
        for mode in [0o602, 0o666, 0o622] {
            assert!(matches!(outcome(mode, us), Err(Error::Writable { .. })), "{mode:o}");
        }
        let private = User { group: us.id, ..us };
        let shared = User { group: us.id + 1, ..us };
        // The file has the group of the test. The group is private if it has the number of the
        // user, except for root.
        if us.group == us.id {
            let is_read = matches!(outcome(0o660, private), Ok(DotenvSearch::Read(_)));
            assert_eq!(is_read, us.id != ROOT);
        }
        let root = User { id: ROOT, group: 0 };
        assert!(matches!(
            outcome(0o660, root),
            Err(Error::Writable { .. } | Error::Foreign { .. })
        ));
        assert!(matches!(outcome(0o660, shared), Err(Error::Writable { .. })));
    }

    #[test]
    fn the_file_of_another_user_is_refused_unless_that_is_root() {
        let outcome = outcome(0o600, STRANGER);
        if User::of_process().id == ROOT {
            assert!(matches!(outcome, Ok(DotenvSearch::Read(_))));
        } else {
            assert!(matches!(outcome, Err(Error::Foreign { what: "it", .. })));
        }
        assert!(STRANGER.trusts(ROOT) && STRANGER.trusts(STRANGER.id));
        assert!(!STRANGER.trusts(STRANGER.id + 1));
        assert!(!User { id: ROOT, group: 0 }.trusts(STRANGER.id));
    }

    #[test]
    fn a_name_that_leads_nowhere_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let missing = || match read_at(&path, User::of_process()) {
            Ok(DotenvSearch::Missing(why)) => why,
            _ => panic!("it is there"),
        };
        assert_eq!(missing(), NoDotenv::Absent);
        symlink("nowhere", &path).unwrap();
        assert_eq!(missing(), NoDotenv::Absent);
        // A link to itself is an example of a path that cannot be followed; root may search any
        // folder.
        fs::remove_file(&path).unwrap();
        symlink(NAME, &path).unwrap();
        assert_eq!(missing(), NoDotenv::Unseen);
    }
}
