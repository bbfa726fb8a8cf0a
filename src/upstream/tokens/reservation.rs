//! Requests in progress, counted as spent while their cost is unknown.
//!
//! A burst is sent before its first answer shows the remaining quota. Without this count, each of
//! its requests would see the quota from before the burst, and together they would exceed the
//! threshold by far.

use super::{TokenPool, TokenUse};

/// A request that counts as spent until this is dropped: when the head of the answer is booked, or
/// when the request is aborted.
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
