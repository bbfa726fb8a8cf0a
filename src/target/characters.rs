//! Sets of characters as tables, which classify a byte with one look-up.

/// Returns the set of these characters: true at the position of each.
pub(crate) const fn set(listed: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut at = 0;
    while at < listed.len() {
        set[listed[at] as usize] = true;
        at += 1;
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_listed_characters_alone() {
        let set = set(b"a\0\xff");
        let listed: Vec<_> = (0..=u8::MAX).filter(|byte| set[usize::from(*byte)]).collect();
        assert_eq!(listed, b"\0a\xff");
    }
}
