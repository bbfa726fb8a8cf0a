//! The detection of lost contents of the server, by a mark that is lost with them.
//!
//! A replica that sets the mark gives it a new random value. So a changed mark shows that the
//! server was emptied, or that the name leads to another server.

use std::sync::atomic::{AtomicU64, Ordering};

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisResult, cmd};
use parking_lot::Mutex;

use super::names;

/// The most bytes of a mark that svm reads. Its own marks are shorter.
const LONGEST: usize = 64;

/// The last known mark, and the number of losses.
#[derive(Debug, Default)]
pub(super) struct Contents {
    mark: Mutex<Vec<u8>>,
    losses: AtomicU64,
}

impl Contents {
    /// Returns how often the contents were lost since the first probe.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Records the mark that a probe has found.
    pub(super) fn saw(&self, mark: Vec<u8>) {
        let mut known = self.mark.lock();
        if !known.is_empty() && *known != mark {
            self.losses.fetch_add(1, Ordering::Relaxed);
        }
        *known = mark;
    }
}

/// Reads the mark. Sets one first if there is none.
pub(super) async fn mark(mut connection: MultiplexedConnection) -> RedisResult<Vec<u8>> {
    let mark = read(&mut connection).await?;
    if !mark.is_empty() {
        return Ok(mark);
    }
    let mut set = cmd("SET");
    set.arg(names::MARK).arg(format!("{:032x}", fastrand::u128(..))).arg("NX");
    set.exec_async(&mut connection).await?;
    // Another replica may have set its mark first.
    read(&mut connection).await
}

async fn read(connection: &mut MultiplexedConnection) -> RedisResult<Vec<u8>> {
    cmd("GETRANGE").arg(names::MARK).arg(0).arg(LONGEST).query_async(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_mark_is_a_loss() {
        let contents = Contents::default();
        let losses = ["a", "a", "b", "b", "c"].map(|mark| {
            contents.saw(mark.into());
            contents.losses()
        });
        assert_eq!(losses, [0, 0, 1, 1, 2]);
    }
}
