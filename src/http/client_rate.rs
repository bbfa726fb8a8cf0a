//! How often one client may have the upstream asked.
//!
//! Each client has a bucket of tokens. A request takes one when it is about to begin a flight, and gives it back if the
//! upstream was not asked after all. So hits are never limited, nor are those who share another one's call.
//!
//! The table of buckets is bounded: two generations, of which the older one is forgotten when the younger one is full.
//! What is forgotten belongs to clients that came before so many others, and a client that is forgotten begins with a
//! full bucket.

mod bucket;

use std::collections::HashMap;
use std::mem;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::clock::Timestamp;

use super::client::Client;
use bucket::{Bucket, Rate};

/// Clients of a generation: some megabytes in both.
const GENERATION: usize = 65_536;

/// The buckets of all clients; without a rate there are none.
#[derive(Debug)]
pub(super) struct ClientRate(Option<Limits>);

/// What one request may take from its client's bucket: one token at most.
#[derive(Debug)]
pub(super) struct Purse<'a> {
    limits: &'a Limits,
    client: Client,
    has_spent: bool,
}

#[derive(Debug)]
struct Limits {
    rate: Rate,
    buckets: Mutex<Buckets>,
}

/// Buckets that were used lately, at most two generations of them.
#[derive(Debug, Default)]
struct Buckets {
    young: HashMap<Client, Bucket, RandomState>,
    old: HashMap<Client, Bucket, RandomState>,
}

impl ClientRate {
    /// So many requests a second of each client, or any number.
    pub(super) fn new(per_second: Option<f64>) -> Self {
        Self(per_second.map(|rate| Limits { rate: Rate::new(rate), buckets: Mutex::default() }))
    }

    /// The purse of the client that `address` tells; nothing where nobody is limited, and then it is not asked for.
    /// Requests without an address have one bucket for all of them.
    pub(super) fn purse(&self, address: impl FnOnce() -> Option<IpAddr>) -> Option<Purse<'_>> {
        let limits = self.0.as_ref()?;
        let client = Client::at(address().unwrap_or(Ipv4Addr::UNSPECIFIED.into()));
        Some(Purse { limits, client, has_spent: false })
    }
}

impl Purse<'_> {
    /// Takes a token, unless this request has one; where there is none, how long until there is.
    pub(super) fn spend(&mut self, now: Timestamp) -> Result<(), Duration> {
        if !self.has_spent {
            let Limits { rate, buckets } = self.limits;
            buckets.lock().of(self.client).take(now, rate)?;
            self.has_spent = true;
        }
        Ok(())
    }

    /// Gives back what was taken.
    pub(super) fn refund(self) {
        if self.has_spent {
            let Limits { rate, buckets } = self.limits;
            buckets.lock().of(self.client).give_back(rate);
        }
    }
}

impl Buckets {
    /// A client's bucket, a full one where it is not known.
    fn of(&mut self, client: Client) -> &mut Bucket {
        if self.young.len() >= GENERATION && !self.young.contains_key(&client) {
            self.old = mem::take(&mut self.young);
        }
        let Self { young, old } = self;
        young.entry(client).or_insert_with(|| old.remove(&client).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// Whether a client may have the upstream asked once more.
    fn asks(rate: &ClientRate, client: &str) -> bool {
        rate.purse(|| address(client)).unwrap().spend(NOW).is_ok()
    }

    #[test]
    fn without_a_rate_nobody_is_looked_at() {
        let rate = ClientRate::new(None);
        assert!(rate.purse(|| unreachable!("nobody asks whose request it is")).is_none());
    }

    #[test]
    fn who_shares_a_bucket() {
        for (one, other, share) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::1", "0.0.0.1", false),
        ] {
            let rate = ClientRate::new(Some(0.1));
            assert!(asks(&rate, one));
            assert_eq!(asks(&rate, other), !share, "{one} {other}");
        }
    }

    #[test]
    fn a_request_spends_one_token_and_gives_back_no_more() {
        let rate = ClientRate::new(Some(0.1));
        let purse = || rate.purse(|| address("192.0.2.1")).unwrap();
        let mut first = purse();
        assert_eq!((first.spend(NOW), first.spend(NOW)), (Ok(()), Ok(())));
        assert_eq!(purse().spend(NOW), Err(Duration::from_secs(10)));
        purse().refund();
        assert!(purse().spend(NOW).is_err(), "what was not spent is not given back");
        first.refund();
        assert_eq!(purse().spend(NOW), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_those_that_came_long_ago() {
        let rate = ClientRate::new(Some(0.1));
        let others = |numbers: std::ops::Range<usize>| {
            for number in numbers {
                let address = Ipv4Addr::from_bits(number.try_into().unwrap());
                assert!(rate.purse(|| Some(address.into())).unwrap().spend(NOW).is_ok());
            }
        };
        let known = || {
            let buckets = rate.0.as_ref().unwrap().buckets.lock();
            buckets.young.len() + buckets.old.len()
        };
        assert!(asks(&rate, "2001:db8::"));
        others(0..GENERATION);
        assert!(!asks(&rate, "2001:db8::"), "a generation later it is known");
        others(GENERATION..3 * GENERATION);
        assert!(asks(&rate, "2001:db8::"), "two generations after that it is not");
        assert!(known() <= 2 * GENERATION, "{}", known());
    }
}
