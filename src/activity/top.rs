//! The highest-ranking items of many, found in one pass.

/// The items that rank highest, the first one first.
#[derive(Clone, Debug)]
pub struct Top<T> {
    most: usize,
    items: Vec<(u64, T)>,
}

impl<T> Top<T> {
    /// Creates an empty ranking of at most `most` items.
    pub fn of(most: usize) -> Self {
        Self { most, items: Vec::with_capacity(most + 1) }
    }

    /// Adds an item of this rank if it is among the highest. Of items with equal ranks, the first
    /// stays.
    pub fn offer(&mut self, rank: u64, item: impl FnOnce() -> T) {
        let is_full = self.items.len() >= self.most;
        if is_full && self.items.last().is_none_or(|(lowest, _)| *lowest >= rank) {
            return;
        }
        let place = self.items.partition_point(|(other, _)| *other >= rank);
        self.items.insert(place, (rank, item()));
        self.items.truncate(self.most);
    }

    /// Returns the items without their ranks.
    pub fn into_items(self) -> Vec<T> {
        self.items.into_iter().map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_what_a_stable_sort_puts_first(
            ranks in prop::collection::vec(0..20_u64, 0..60),
            most in 0..8_usize,
        ) {
            let mut top = Top::of(most);
            ranks.iter().enumerate().for_each(|(place, rank)| top.offer(*rank, || place));
            let mut sorted: Vec<_> = ranks.iter().copied().enumerate().collect();
            sorted.sort_by_key(|(_, rank)| std::cmp::Reverse(*rank));
            let want: Vec<_> = sorted.into_iter().take(most).map(|(place, _)| place).collect();
            prop_assert_eq!(top.into_items(), want);
        }
    }
}
