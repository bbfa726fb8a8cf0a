//! Sets of characters, by which a byte is classified in one look.

/// Returns the set of the characters that are listed: true at the place of each.
pub(crate) const fn set(listed: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut at = 0;
    while at < listed.len() {
        set[listed[at] as usize] = true;
        at += 1;
    }
    set
}
