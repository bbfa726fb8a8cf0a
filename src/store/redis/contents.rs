//! The contents of the server, by a mark that is lost together with them.
//!
//! The mark is another one each time that a replica sets it. So a mark that changes shows that the
//! server was emptied, or that the name leads to another server.

use std::sync::atomic::{AtomicU64, Ordering};

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisResult, cmd};
use parking_lot::Mutex;

use super::names;

/// The longest mark that is read; ours are shorter.
const LONGEST: usize = 64;

/// The knowledge of the contents.
#[derive(Debug, Default)]
pub(super) struct Contents {
    mark: Mutex<Vec<u8>>,
    losses: AtomicU64,
}

impl Contents {
    /// Returns how often the contents were lost since the first look.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Takes in what a look has found.
    pub(super) fn saw(&self, mark: Vec<u8>) {
        let mut known = self.mark.lock();
        if !known.is_empty() && *known != mark {
            self.losses.fetch_add(1, Ordering::Relaxed);
        }
        *known = mark;
    }
}

/// Reads the mark, after setting one where there is none.
pub(super) async fn mark(mut connection: MultiplexedConnection) -> RedisResult<Vec<u8>> {
    let mark = read(&mut connection).await?;
    if !mark.is_empty() {
        return Ok(mark);
    }
    let mut set = cmd("SET");
    set.arg(names::MARK).arg(format!("{:032x}", fastrand::u128(..))).arg("NX");
    set.exec_async(&mut connection).await?;
    // Another replica may have been the first.
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
