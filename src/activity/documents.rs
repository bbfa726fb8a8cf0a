//! The documents in use, in pieces with a lock each.
//!
//! A piece is small enough to be walked without a yield, and has a bound of its own. A secret of
//! the process assigns documents to pieces, so no client can overload one piece.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::task::yield_now;

use crate::clock::Timestamp;
use crate::store::index::MOST_IN_USE;
use crate::target::Key;

use super::Known;

/// The number of pieces. With 100,000 documents, each has about 1,600 of them, and a walk over it
/// takes a fraction of a millisecond.
const PIECES: usize = 64;

/// The documents that are walked before other tasks get a turn.
pub(super) const AT_ONCE: usize = 1_000;

/// The bound of a piece. The documents are spread almost evenly over the pieces.
const MOST_IN_PIECE: usize = MOST_IN_USE.div_ceil(PIECES);

/// The number by which a piece may exceed its bound before it forgets documents: the search for the
/// least recently used ones takes a walk. The spread over the pieces is even enough that none of
/// 100,000 documents is forgotten.
const SLACK: usize = MOST_IN_PIECE / 10;

/// A part of the documents.
pub(super) type Piece = HashMap<Key, Known, RandomState>;

/// The known facts about documents in use, by document.
#[derive(Debug)]
pub(super) struct KnownDocuments {
    pieces: Box<[Mutex<Piece>]>,
    secret: RandomState,
}

impl Default for KnownDocuments {
    fn default() -> Self {
        let pieces = std::iter::repeat_with(Mutex::default).take(PIECES).collect();
        Self { pieces, secret: RandomState::default() }
    }
}

impl KnownDocuments {
    /// Calls `work` with the facts about a document. Adds the document if it is not known yet.
    pub(super) fn with<T>(&self, key: Key, work: impl FnOnce(&mut Known) -> T) -> T {
        let mut piece = self.piece(key).lock();
        if piece.len() >= MOST_IN_PIECE + SLACK && !piece.contains_key(&key) {
            make_room(&mut piece);
        }
        work(piece.entry(key).or_default())
    }

    /// Calls `work` with the facts about a document, if it is known.
    pub(super) fn with_known<T>(&self, key: Key, work: impl FnOnce(&mut Known) -> T) -> Option<T> {
        self.piece(key).lock().get_mut(&key).map(work)
    }

    /// Calls `work` with each piece, and lets other tasks run in between.
    pub(super) async fn visit(&self, mut work: impl FnMut(&mut Piece)) {
        let mut walked = 0;
        for piece in &self.pieces {
            if walked >= AT_ONCE {
                yield_now().await;
                walked = 0;
            }
            let mut piece = piece.lock();
            walked += piece.len();
            work(&mut piece);
        }
    }

    /// Returns how many documents are known.
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.lock().len()).sum()
    }

    fn piece(&self, key: Key) -> &Mutex<Piece> {
        // The bits in the middle: the hash table of a piece uses the bits at both ends.
        let hash = self.secret.hash_one(key) >> 32;
        &self.pieces[hash as usize % PIECES]
    }
}

/// Forgets the least recently used documents of a full piece.
fn make_room(piece: &mut Piece) {
    // A document that L1 was just given is about to be used.
    let is_new = |known: &Known| !known.usage.is_used() && known.is_held();
    let used = piece.iter().filter(|(_, known)| !is_new(known));
    let mut used: Vec<(Timestamp, Key)> =
        used.map(|(key, known)| (known.usage.used_at(), *key)).collect();
    let over = piece.len().saturating_sub(MOST_IN_PIECE).min(used.len());
    if over > 0 && over < used.len() {
        used.select_nth_unstable(over);
    }
    for (_, key) in &used[..over] {
        piece.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_piece_makes_room_also_where_all_were_used_at_once() {
        let mut piece = Piece::default();
        for number in 0..=MOST_IN_PIECE + SLACK {
            piece.entry(Key::of(&number.to_string())).or_default();
        }
        make_room(&mut piece);
        assert_eq!(piece.len(), MOST_IN_PIECE);
    }

    #[test]
    fn no_piece_is_full_before_all_are() {
        let documents = KnownDocuments::default();
        for number in 0..MOST_IN_USE {
            documents.with(Key::of(&number.to_string()), |_| {});
        }
        assert_eq!(documents.len(), MOST_IN_USE);
        let longest = documents.pieces.iter().map(|piece| piece.lock().len()).max();
        assert!(longest.is_some_and(|longest| longest < MOST_IN_PIECE + SLACK), "{longest:?}");
    }
}
