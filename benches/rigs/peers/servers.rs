//! The commands and settings of each server.

pub(crate) mod nginx;
pub(crate) mod squid;
pub(crate) mod svm;
pub(crate) mod trafficserver;
pub(crate) mod varnish;

use tempfile::TempDir;

/// The folder of files that a careful operator keeps in memory.
const IN_MEMORY: &str = "/dev/shm";

/// A folder in memory where there is one, so that no server waits for a disk.
fn folder() -> TempDir {
    tempfile::tempdir_in(IN_MEMORY).or_else(|_| tempfile::tempdir()).expect("a folder")
}
