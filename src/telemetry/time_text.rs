//! The time of a line, as text. Many lines belong to one second, so the text of the last second is
//! kept.

use std::io::Write;

use crate::clock::Timestamp;

/// The length of a time up to the milliseconds, `2026-06-01T12:00:00.`.
const TO_MILLISECONDS: usize = 20;

/// The writer of times.
#[derive(Debug, Default)]
pub(super) struct TimeText {
    second: Option<u64>,
    /// The text of a time in that second.
    text: Vec<u8>,
}

impl TimeText {
    /// Appends the time as [`Timestamp`] shows it.
    pub(super) fn append(&mut self, at: Timestamp, text: &mut Vec<u8>) {
        // Later times are all shown as the last moment of the year 9999.
        let at = at.min(Timestamp::LAST_SHOWN);
        if self.second != Some(at.as_secs()) {
            self.second = Some(at.as_secs());
            self.text.clear();
            let _ = write!(self.text, "{at}");
        }
        let millis = at.as_millis() % 1_000;
        let digit = |place: u64| b'0' + (millis / place % 10) as u8;
        text.extend_from_slice(&self.text[..TO_MILLISECONDS]);
        text.extend_from_slice(&[digit(100), digit(10), digit(1), b'Z']);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis() -> impl Strategy<Value = u64> {
        prop_oneof![
            3 => 1_780_315_200_000_u64..1_780_315_203_000,
            1 => 0..Timestamp::LAST_SHOWN.as_millis() + 10_000,
            1 => any::<u64>(),
        ]
    }

    proptest! {
        #[test]
        fn times_are_written_as_they_are_shown(times in prop::collection::vec(millis(), 1..20)) {
            let mut writer = TimeText::default();
            for millis in times {
                let at = Timestamp::from_millis(millis);
                let mut text = Vec::new();
                writer.append(at, &mut text);
                prop_assert_eq!(String::from_utf8(text).unwrap(), format!("{at}"));
            }
        }
    }
}
