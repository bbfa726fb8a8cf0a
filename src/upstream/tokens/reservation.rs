//! Requests under way, counted while nobody knows yet what they cost.
//!
//! A burst goes out before the first answer tells what is left. Without this count each of its
//! requests would see the quota from before the burst, and together they would run an account far
//! below the threshold.

use super::{TokenPool, TokenUse};

/// Counts a request of a token's account as spent, until it is dropped: when the answer's head is
/// booked, or when nobody waits for that any more.
#[must_use]
#[derive(Debug)]
pub(in crate::upstream) struct Reservation<'a> {
    pool: &'a TokenPool,
    pub(super) token_use: TokenUse,
}

impl<'a> Reservation<'a> {
    pub(super) fn new(pool: &'a TokenPool, token_use: TokenUse) -> Self {
        pool.pool.lock().account_mut(token_use.index).reserve();
        Self { pool, token_use }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.pool.pool.lock().account_mut(self.token_use.index).release();
    }
}
