//! The choice of a token and a validator for a request.
//!
//! Pure: the choice depends on the stored document, the pool and `now`. The cheapest request comes
//! first. A `304` is free, and GitHub's ETag depends on the token, so the token that fetched the
//! body sends the ETag that it got. If that token may not be used, another token sends the ETag
//! that it would have got, provided that this body is known to follow GitHub's rule; otherwise the
//! other token fetches the whole document, and becomes the token of the entry. A date is the same
//! for every token.
//!
//! The token that fetched a copy also asks about its witnesses, and once another token has not
//! found the document, only that token is used.

use crate::clock::Timestamp;
use crate::config::ByDate;
use crate::entry::Validator;
use crate::secret::Fingerprint;
use crate::upstream::slots::Priority;
use crate::upstream::stored::{DateCheck, Stored};

use super::pool::Pool;
use super::tried::Tried;

/// A request for a token, with everything that decides the choice except the pool.
#[derive(Clone, Copy, Debug)]
pub(in crate::upstream) struct TokenRequest<'a> {
    /// The stored document, if the request is conditional.
    pub(in crate::upstream) stored: Option<Stored<'a>>,
    /// The priority of the exchange.
    pub(in crate::upstream) priority: Priority,
    /// The tokens that this exchange has tried already.
    pub(in crate::upstream) tried: &'a Tried,
    /// The token that fetched the copy which an absence would cost.
    pub(in crate::upstream) owner: Option<Fingerprint>,
    /// True if no other token may be used.
    pub(in crate::upstream) only_owner: bool,
    /// The mode of checks by date.
    pub(in crate::upstream) by_date: ByDate,
    /// The last time at which GitHub's rule for ETags was seen not to hold.
    pub(in crate::upstream) doubted_at: Option<Timestamp>,
}

/// The answer to a [`TokenRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenChoice {
    /// The position of the token in the configuration.
    pub(super) token: usize,
    /// The validator that the request carries.
    pub(super) validator: Validator,
}

/// Chooses the token and the validator of a request.
///
/// # Errors
///
/// The time at which a token is usable again, if none is now.
pub(super) fn plan(
    request: &TokenRequest<'_>,
    pool: &Pool,
    now: Timestamp,
) -> Result<TokenChoice, Timestamp> {
    let TokenRequest { stored, priority, tried, owner, only_owner, .. } = *request;
    let any = || {
        if let Some(owner) = owner.filter(|_| only_owner || stored.is_none()) {
            match pool.choose_own(owner, priority, tried, now) {
                Some(token) => return Ok(token),
                None if only_owner => return Err(pool.own_usable_at(owner, priority, now)),
                None => {}
            }
        }
        let another = stored.and_then(|stored| stored.avoided);
        let another = another.and_then(|avoided| pool.choose_another(avoided, tried, now));
        another.map_or_else(|| pool.choose(priority, tried, now), Ok)
    };
    let Some(stored) = stored else {
        return Ok(TokenChoice { token: any()?, validator: Validator::None });
    };
    if request.wants_date(&stored, pool, now) {
        return Ok(TokenChoice { token: any()?, validator: Validator::Date });
    }
    // Without an ETag, the token that fetched the body has no advantage over another.
    let own = stored.token.filter(|_| stored.validators.etag.is_some());
    if let Some(token) = own.and_then(|own| pool.choose_own(own, priority, tried, now)) {
        return Ok(TokenChoice { token, validator: Validator::Etag });
    }
    let token = any()?;
    let computed = own.is_some() && request.trusts_rule(&stored, now);
    let validator = if computed { Validator::ComputedEtag } else { Validator::None };
    Ok(TokenChoice { token, validator })
}

impl TokenRequest<'_> {
    fn wants_date(&self, stored: &Stored<'_>, pool: &Pool, now: Timestamp) -> bool {
        match (stored.date_check, self.by_date) {
            (DateCheck::Only, _) => true,
            (DateCheck::Never, _) | (_, ByDate::Never) => false,
            (DateCheck::Preferred, _) => true,
            (DateCheck::If(suffices), by_date) => {
                (by_date == ByDate::Always || pool.is_scarce(now)) && suffices(stored.body, now)
            }
        }
    }

    /// Returns true if the rule counts for this body: the ETag follows it, and the body was fetched
    /// after the last failure of the rule. A failure in the future is from before the clock was set
    /// back, so its age is unknown, and it does not count.
    fn trusts_rule(&self, stored: &Stored<'_>, now: Timestamp) -> bool {
        let doubted_at = self.doubted_at.filter(|doubted_at| *doubted_at <= now);
        stored.validators.follows_rule && doubted_at.is_none_or(|at| stored.fetched_at > at)
    }
}

#[cfg(test)]
mod tests;
