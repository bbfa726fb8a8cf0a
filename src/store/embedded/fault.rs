//! The faults of the store file, by their remedy.

use std::any::Any;

use super::bounded::AtBound;

/// The reason why an operation on the open database failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileFault {
    /// The file may not grow any further.
    #[error("the store file is full")]
    Full,
    /// The system refused the operation. Opening the file again may help.
    #[error("the store file cannot be used")]
    Io(#[source] std::io::Error),
    /// The system refused to extend a journal, as on a full disk. The journal is as it was before,
    /// so the store stays open.
    #[error("the journal of the store cannot be extended")]
    Refused(#[source] std::io::Error),
    /// Another error of redb, which refuses all work after an I/O error. Opening the file again may
    /// help.
    #[error("the store file cannot be used")]
    Broken(#[source] Box<redb::Error>),
    /// The contents are invalid. Only a new file helps.
    #[error("the store file is damaged: {0}")]
    Damaged(String),
    /// The file could not be opened again.
    #[error("the store file cannot be opened")]
    Shut(#[source] OpenFault),
    /// An earlier attempt to open the file again failed.
    #[error("the store file is not open")]
    NotOpen,
    /// svm is compacting the file to make it fit its bound.
    #[error("svm is compacting the store file, to make it fit its bound")]
    Compacting,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// The work was lost, because the runtime is shutting down.
    #[error("the work was abandoned")]
    Abandoned,
}

impl FileFault {
    pub(super) fn of_panic(payload: &(dyn Any + Send)) -> Self {
        Self::Damaged(panic_text(payload))
    }

    /// Returns true if an earlier operation met the fault, and redb has refused all work since
    /// then.
    pub(super) fn is_of_another(&self) -> bool {
        matches!(self, Self::Broken(error) if matches!(**error, redb::Error::PreviousIo))
    }
}

impl<E: Into<redb::Error>> From<E> for FileFault {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Io(error) if is_refusal(&error) => Self::Full,
            redb::Error::Io(error) => Self::Io(error),
            error @ (redb::Error::Corrupted(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableDoesNotExist(_)) => Self::Damaged(error.to_string()),
            error => Self::Broken(Box::new(error)),
        }
    }
}

fn is_refusal(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<AtBound>)
}

/// The reason why the file could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenFault {
    /// Another process has the file open.
    #[error("another process has the store file open")]
    Locked,
    /// This process has the file open: an earlier attempt to open it still runs, for example.
    #[error("svm itself is still opening the store file")]
    Busy,
    /// The folder or the file cannot be created, read or written.
    #[error("the folder cannot be used")]
    Unwritable(#[source] std::io::Error),
    /// The file cannot be used: something else has its name, for example.
    #[error("{0} in it cannot be used")]
    Occupied(&'static str, #[source] std::io::Error),
    /// The file is not, or no longer, a valid store file.
    #[error("the store file is damaged: {0}")]
    Damaged(String),
}

impl OpenFault {
    pub(super) fn of_panic(payload: &(dyn Any + Send)) -> Self {
        Self::Damaged(panic_text(payload))
    }
}

impl From<FileFault> for OpenFault {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Shut(fault) => fault,
            FileFault::Io(error) | FileFault::Refused(error) => Self::Unwritable(error),
            FileFault::Broken(error) => Self::Unwritable(std::io::Error::other(error)),
            fault => Self::Damaged(fault.to_string()),
        }
    }
}

impl From<redb::DatabaseError> for OpenFault {
    fn from(error: redb::DatabaseError) -> Self {
        use redb::{DatabaseError, StorageError};
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                Self::Locked
            }
            DatabaseError::Storage(StorageError::Io(error))
                if !matches!(error.kind(), InvalidData | UnexpectedEof) =>
            {
                Self::Unwritable(error)
            }
            error => Self::Damaged(error.to_string()),
        }
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("redb panicked: {}", text.unwrap_or("without a message"))
}
