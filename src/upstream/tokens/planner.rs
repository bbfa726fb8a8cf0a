//! The choice of a token and a validator for a request.
//!
//! Pure: decided from what is stored, the pool and `now`. The order is that of cost. A `304` is
//! free, and GitHub's ETag depends on the token, so the token that fetched the body asks with the
//! ETag it got. Where that one may not be used, another asks with the ETag that it would have got,
//! if GitHub's rule is known to hold for this body; else it fetches the whole document, which is
//! then its own. A date is the same for every token.

use crate::clock::Timestamp;
use crate::config::ByDate;
use crate::entry::Validator;
use crate::upstream::slots::Priority;
use crate::upstream::stored::Stored;

use super::pool::Pool;
use super::tried::Tried;

/// A question, with all that decides about it beside the pool.
#[derive(Clone, Copy, Debug)]
pub(in crate::upstream) struct Question<'a> {
    /// The stored document, if there is one to ask about.
    pub(in crate::upstream) stored: Option<Stored<'a>>,
    /// On whose behalf.
    pub(in crate::upstream) priority: Priority,
    /// The tokens that this exchange has tried already.
    pub(in crate::upstream) tried: &'a Tried,
    /// The mode of checks by date.
    pub(in crate::upstream) by_date: ByDate,
    /// The last time at which GitHub's rule for ETags was seen not to hold.
    pub(in crate::upstream) doubted_at: Option<Timestamp>,
}

/// The answer to a [`Question`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The number of the token.
    pub(super) token: usize,
    /// The validator that the request carries.
    pub(super) validator: Validator,
}

/// The plan for a request with a token; else the moment when one is usable again.
pub(super) fn plan(
    question: &Question<'_>,
    pool: &Pool,
    now: Timestamp,
) -> Result<Choice, Timestamp> {
    let Question { stored, priority, tried, .. } = *question;
    let any = || {
        let another = stored.and_then(|stored| stored.avoided);
        let another = another.and_then(|avoided| pool.choose_another(avoided, tried, now));
        another.map_or_else(|| pool.choose(priority, tried, now), Ok)
    };
    let Some(stored) = stored else {
        return Ok(Choice { token: any()?, validator: Validator::None });
    };
    if stored.may_use_date && question.wants_date(&stored, pool, now) {
        return Ok(Choice { token: any()?, validator: Validator::Date });
    }
    // Without an ETag its own token is worth no more to a document than another.
    let own = stored.token.filter(|_| stored.validators.etag.is_some());
    if let Some(token) = own.and_then(|own| pool.choose_own(own, priority, tried, now)) {
        return Ok(Choice { token, validator: Validator::Etag });
    }
    let token = any()?;
    let computed = own.is_some() && question.trusts_rule(&stored);
    let validator = if computed { Validator::ComputedEtag } else { Validator::None };
    Ok(Choice { token, validator })
}

impl Question<'_> {
    fn wants_date(&self, stored: &Stored<'_>, pool: &Pool, now: Timestamp) -> bool {
        match self.by_date {
            ByDate::Always => true,
            ByDate::Auto => stored.prefers_date || pool.is_scarce(now),
            ByDate::Never => false,
        }
    }

    /// A body that was fetched before the rule was seen to fail followed a rule that may be gone.
    fn trusts_rule(&self, stored: &Stored<'_>) -> bool {
        stored.validators.follows_rule
            && self.doubted_at.is_none_or(|doubted_at| stored.fetched_at > doubted_at)
    }
}

#[cfg(test)]
mod tests;
