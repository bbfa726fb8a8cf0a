//! Small files that an operator names. Only regular files are read, and no read waits.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The largest file: far more than all certificates of a system take.
const LARGEST_BYTES: u64 = 16 << 20;

/// Reads a regular file.
///
/// # Errors
///
/// If the system reports one, if the file is too large, or if the path does not lead to a regular
/// file: a named pipe would wait for its writer, and a device may have no end.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_BYTES {
        let reason = format!("it has more than {LARGEST_BYTES} bytes");
        return Err(Error::new(ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(read(&path).unwrap(), b"text");
    }

    #[test]
    fn large_files_and_non_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(LARGEST_BYTES + 1).unwrap();
        for path in [Path::new("/dev/zero"), folder.path(), &large] {
            assert!(read(path).is_err(), "{}", path.display());
        }
    }
}
