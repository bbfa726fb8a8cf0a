//! The causes of failed writes, as values, so that the log need not repeat a lasting cause.
//!
//! The text of a server's error may contain keys or values. So svm reports the error code only,
//! with a text of its own.

use std::error::Error as _;
use std::io;

use super::Error;

use crate::words::words;

/// `EIO`, which has no [`io::ErrorKind`]. Linux and the BSDs use the same number.
const IO_ERROR: i32 = 5;

words! {
    /// The cause of a failed write. As an error, it describes the error code of a server.
    #[derive(thiserror::Error)]
    pub enum WriteRefusal {
        /// `ENOSPC`.
        #[error("no space is left on the device")]
        NoSpace = "no-space",
        /// `EDQUOT`.
        #[error("the quota of the file system is used up")]
        QuotaExceeded = "quota-exceeded",
        /// `EFBIG`.
        #[error("the file may not grow any further")]
        FileTooLarge = "file-too-large",
        /// `EROFS`.
        #[error("the file system is read-only")]
        ReadOnlyFileSystem = "read-only-file-system",
        /// `EIO`.
        #[error("the device fails")]
        DeviceFails = "device-fails",
        /// `EACCES` or `EPERM`.
        #[error("permission is denied")]
        PermissionDenied = "permission-denied",
        /// `READONLY`.
        #[error("the server is a read-only replica")]
        ReadOnly = "readonly",
        /// `OOM`.
        #[error("the server has reached its maxmemory")]
        OutOfMemory = "oom",
        /// `MISCONF`.
        #[error("the server cannot save its data to disk and takes no writes")]
        CannotSave = "misconf",
        /// `NOPERM`.
        #[error("the user lacks the permission for a command or a key")]
        NoPermission = "noperm",
        /// `NOAUTH` or `WRONGPASS`.
        #[error("the server wants another login")]
        NoLogin = "noauth",
        /// `NOREPLICAS`.
        #[error("the server has too few replicas to take writes")]
        TooFewReplicas = "noreplicas",
        /// `MOVED`, `ASK`, `CLUSTERDOWN`, `CROSSSLOT` or `TRYAGAIN`.
        #[error("the server is part of a cluster, which is not supported")]
        Cluster = "cluster",
        /// `LOADING`, `MASTERDOWN` or `BUSY`.
        #[error("the server is not ready")]
        NotReady = "not-ready",
        /// Any other code.
        #[error("the server gives another error")]
        Refused = "refused",
        /// The store did not answer in time.
        #[error("the store does not answer in time")]
        TooSlow = "too-slow",
        /// Any other cause.
        #[error("the store is unavailable")]
        Other = "other",
    }
}

impl WriteRefusal {
    /// Returns the cause of a failed call.
    pub fn of(error: &Error) -> Self {
        if matches!(error, Error::TooSlow(_)) {
            return Self::TooSlow;
        }
        let mut chain = std::iter::successors(error.source(), |error| (*error).source());
        let known = |error: &(dyn std::error::Error + 'static)| match error.downcast_ref() {
            Some(cause) => Some(*cause),
            None => Self::of_io(error.downcast_ref()?),
        };
        chain.find_map(known).unwrap_or(Self::Other)
    }

    /// Returns the cause for the code of a Redis error. For an error in a script, old servers give
    /// the code `ERR` and name the cause in the text. `is_hidden` tells whether the text contains a
    /// word.
    pub(super) fn of_code(code: &str, is_hidden: impl Fn(&str) -> bool) -> Self {
        match code {
            "READONLY" => Self::ReadOnly,
            "OOM" => Self::OutOfMemory,
            "MISCONF" => Self::CannotSave,
            "NOPERM" => Self::NoPermission,
            "NOAUTH" | "WRONGPASS" => Self::NoLogin,
            "NOREPLICAS" => Self::TooFewReplicas,
            "MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT" | "TRYAGAIN" => Self::Cluster,
            "LOADING" | "MASTERDOWN" | "BUSY" => Self::NotReady,
            _ if is_hidden("READONLY") => Self::ReadOnly,
            _ if is_hidden("OOM ") => Self::OutOfMemory,
            _ if is_hidden("MISCONF") => Self::CannotSave,
            _ if is_hidden("NOPERM") || is_hidden("ACL failure in script") => Self::NoPermission,
            _ if is_hidden("NOREPLICAS") => Self::TooFewReplicas,
            _ => Self::Refused,
        }
    }

    fn of_io(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::StorageFull => Some(Self::NoSpace),
            io::ErrorKind::QuotaExceeded => Some(Self::QuotaExceeded),
            io::ErrorKind::FileTooLarge => Some(Self::FileTooLarge),
            io::ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnlyFileSystem),
            io::ErrorKind::PermissionDenied => Some(Self::PermissionDenied),
            _ if error.raw_os_error() == Some(IO_ERROR) => Some(Self::DeviceFails),
            _ => None,
        }
    }

    /// Returns true if this may be a consequence of another cause, or may occur between two others.
    /// For example, a server is unreachable for a moment while it is replaced, and a file that
    /// cannot be written is closed and then cannot be opened.
    pub const fn is_vague(self) -> bool {
        matches!(self, Self::NotReady | Self::TooSlow | Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_apart() {
        for (number, cause) in [
            (28, WriteRefusal::NoSpace),
            (122, WriteRefusal::QuotaExceeded),
            (27, WriteRefusal::FileTooLarge),
            (30, WriteRefusal::ReadOnlyFileSystem),
            (5, WriteRefusal::DeviceFails),
            (13, WriteRefusal::PermissionDenied),
            (1, WriteRefusal::PermissionDenied),
            (2, WriteRefusal::Other),
        ] {
            let error = Error::Unavailable(Box::new(io::Error::from_raw_os_error(number)));
            assert_eq!(WriteRefusal::of(&error), cause, "{number}");
        }
    }

    #[test]
    fn a_code_is_found_in_the_text_of_a_script_too() {
        let hidden = |text: &'static str| move |word: &str| text.contains(word);
        let text = "Error running script: -READONLY You can't write against a read only replica.";
        assert_eq!(WriteRefusal::of_code("ERR", hidden(text)), WriteRefusal::ReadOnly);
        assert_eq!(WriteRefusal::of_code("ERR", hidden("unknown command")), WriteRefusal::Refused);
        assert_eq!(WriteRefusal::of_code("OOM", hidden("")), WriteRefusal::OutOfMemory);
    }
}
