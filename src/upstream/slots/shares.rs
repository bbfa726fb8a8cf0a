//! The permits that each host holds, and the rule by which hosts share them.
//!
//! Pure. A host may take a permit if it then holds at most three quarters of those that no other
//! host holds. So no host takes the last quarter from the others, and each hanging host leaves a
//! quarter of the remainder to the next one: of 64 permits they take 48, 12, 3 and 1. A host
//! without permits may take any free one.

use std::collections::HashMap;

/// The number of permits, and the hosts that hold them.
#[derive(Debug)]
pub(super) struct Shares {
    count: usize,
    in_use: usize,
    /// The permits of each host that holds at least one, by authority.
    held: HashMap<Box<str>, usize>,
}

impl Shares {
    pub(super) fn new(count: usize) -> Self {
        Self { count, in_use: 0, held: HashMap::new() }
    }

    /// Returns true if the host may take one more.
    pub(super) fn may_take(&self, host: &str) -> bool {
        let held = self.held_by(host);
        let of_others = self.in_use - held;
        held < share(self.count - of_others)
    }

    pub(super) fn take(&mut self, host: &str) {
        self.in_use += 1;
        match self.held.get_mut(host) {
            Some(held) => *held += 1,
            None => _ = self.held.insert(host.into(), 1),
        }
    }

    pub(super) fn give_back(&mut self, host: &str) {
        self.in_use -= 1;
        if let Some(held) = self.held.get_mut(host) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(host);
            }
        }
    }

    fn held_by(&self, host: &str) -> usize {
        self.held.get(host).copied().unwrap_or(0)
    }
}

/// Returns the share of one host in `count` permits. Of fewer than four permits, one host may take
/// all.
fn share(count: usize) -> usize {
    count - count / 4
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lets a host take all permits that it may, and returns their number.
    fn fill(shares: &mut Shares, host: &str) -> usize {
        let mut taken = 0;
        while shares.may_take(host) {
            shares.take(host);
            taken += 1;
        }
        taken
    }

    #[test]
    fn each_host_leaves_a_quarter_of_the_remainder() {
        for (count, want) in [
            (1, [1, 0, 0, 0, 0]),
            (2, [2, 0, 0, 0, 0]),
            (3, [3, 0, 0, 0, 0]),
            (4, [3, 1, 0, 0, 0]),
            (5, [4, 1, 0, 0, 0]),
            (8, [6, 2, 0, 0, 0]),
            (16, [12, 3, 1, 0, 0]),
            (64, [48, 12, 3, 1, 0]),
            (1000, [750, 188, 47, 12, 3]),
        ] {
            let mut shares = Shares::new(count);
            assert_eq!(["a", "b", "c", "d", "e"].map(|host| fill(&mut shares, host)), want);
        }
    }

    #[test]
    fn hosts_that_hang_give_way_to_one_another() {
        let mut shares = Shares::new(64);
        let hosts = ["a", "b", "c"];
        let _ = hosts.map(|host| fill(&mut shares, host));
        // Each timeout frees a permit of the host with the most; the hosts with fewer may take it
        // first.
        for _ in 0..64 {
            let most = *hosts.iter().max_by_key(|host| shares.held_by(host)).unwrap();
            shares.give_back(most);
            let mut others = hosts;
            others.sort_by_key(|host| shares.held_by(host));
            let _ = others.map(|host| shares.may_take(host).then(|| shares.take(host)));
        }
        let held = hosts.map(|host| shares.held_by(host));
        assert!(held.iter().all(|held| (15..=21).contains(held)), "{held:?}");
        assert!(shares.in_use < 64, "and leave some to a fourth");
    }

    proptest! {
        #[test]
        fn no_host_takes_the_last_quarter_from_the_others(
            count in 1..100usize,
            steps in proptest::collection::vec((0..5usize, any::<bool>()), 0..400),
        ) {
            let mut shares = Shares::new(count);
            let mut held = [0; 5];
            for (host, takes) in steps {
                let name = ["a", "b", "c", "d", "e"][host];
                if takes {
                    let free = count - held.iter().sum::<usize>();
                    let may_take = shares.may_take(name);
                    prop_assert!(!may_take || free > 0, "there is one to take");
                    prop_assert!(may_take || held[host] > 0 || free == 0, "a host is shut out");
                    if may_take {
                        shares.take(name);
                        held[host] += 1;
                        let left = free - 1;
                        prop_assert!(left >= (free + held[host] - 1) / 4, "{left} are left");
                        prop_assert!(held[host] <= count - count / 4);
                    }
                } else if held[host] > 0 {
                    shares.give_back(name);
                    held[host] -= 1;
                }
                prop_assert_eq!(shares.held.len(), held.iter().filter(|held| **held > 0).count());
            }
        }
    }
}
