//! A rate limit for each client on its requests that reach the upstream.
//!
//! Each client has a bucket of tokens. A request takes a token when it is about to begin a flight,
//! and gives the token back if it caused no call to the upstream. So the limit applies neither to
//! hits nor to requests that join another client's flight.
//!
//! The table of buckets is bounded: it has two generations, and drops the older one when the
//! younger one is full. A dropped client starts again with a full bucket, but only after 65,536
//! other clients.

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

/// The number of clients in a generation. Both generations together take some megabytes.
const GENERATION: usize = 65_536;

/// The buckets of all clients; `None` if there is no limit.
#[derive(Debug)]
pub(super) struct ClientRate(Option<ClientBuckets>);

/// The right of one request to take at most one token from its client's bucket.
#[derive(Debug)]
pub(super) struct MissPermit<'a> {
    limits: &'a ClientBuckets,
    client: Client,
    has_taken: bool,
}

#[derive(Debug)]
struct ClientBuckets {
    rate: Rate,
    buckets: Mutex<Buckets>,
}

/// The buckets that were used recently, in at most two generations.
#[derive(Debug, Default)]
struct Buckets {
    young: HashMap<Client, Bucket, RandomState>,
    old: HashMap<Client, Bucket, RandomState>,
}

impl ClientRate {
    /// Creates a limit of `per_second` requests per second for each client; `None` sets no limit.
    pub(super) fn new(per_second: Option<f64>) -> Self {
        Self(
            per_second
                .map(|rate| ClientBuckets { rate: Rate::new(rate), buckets: Mutex::default() }),
        )
    }

    /// Returns a permit of the client at `address`. If there is no limit, returns `None` and does
    /// not call `address`. All requests without an address share one bucket.
    pub(super) fn permit(
        &self,
        address: impl FnOnce() -> Option<IpAddr>,
    ) -> Option<MissPermit<'_>> {
        let limits = self.0.as_ref()?;
        let client = Client::at(address().unwrap_or(Ipv4Addr::UNSPECIFIED.into()));
        Some(MissPermit { limits, client, has_taken: false })
    }
}

impl MissPermit<'_> {
    /// Takes a token, unless this request already has one. Fails with the time until the next
    /// token.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        if !self.has_taken {
            let ClientBuckets { rate, buckets } = self.limits;
            buckets.lock().of(self.client).take(now, rate)?;
            self.has_taken = true;
        }
        Ok(())
    }

    /// Gives the token back, if one was taken.
    pub(super) fn give_back(self) {
        if self.has_taken {
            let ClientBuckets { rate, buckets } = self.limits;
            buckets.lock().of(self.client).give_back(rate);
        }
    }
}

impl Buckets {
    /// Returns a client's bucket; an unknown client has a full one.
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

    /// Takes a token for a new request of the client. Returns true if there was one.
    fn asks(rate: &ClientRate, client: &str) -> bool {
        rate.permit(|| address(client)).unwrap().take(NOW).is_ok()
    }

    #[test]
    fn without_a_rate_no_client_is_limited() {
        let rate = ClientRate::new(None);
        assert!(rate.permit(|| unreachable!("the address is not needed")).is_none());
    }

    #[test]
    fn addresses_of_one_client_share_a_bucket() {
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
        let permit = || rate.permit(|| address("192.0.2.1")).unwrap();
        let mut first = permit();
        assert_eq!((first.take(NOW), first.take(NOW)), (Ok(()), Ok(())));
        assert_eq!(permit().take(NOW), Err(Duration::from_secs(10)));
        permit().give_back();
        assert!(permit().take(NOW).is_err(), "a token that was not taken is not given back");
        first.give_back();
        assert_eq!(permit().take(NOW), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_those_that_came_long_ago() {
        let rate = ClientRate::new(Some(0.1));
        let others = |numbers: std::ops::Range<usize>| {
            for number in numbers {
                let address = Ipv4Addr::from_bits(number.try_into().unwrap());
                assert!(rate.permit(|| Some(address.into())).unwrap().take(NOW).is_ok());
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
