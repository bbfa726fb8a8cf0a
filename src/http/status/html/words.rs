//! The texts of numbers and times for readers.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::http::status::markup::Markup;

/// Returns a duration in its two largest units: `2 h 5 min`.
pub(super) fn duration(time: Duration) -> String {
    seconds(time.as_secs())
}

/// Returns a number of seconds as [`duration`] does.
pub(super) fn seconds(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(length, _)| seconds >= *length) else {
        return "0 s".to_owned();
    };
    let (length, unit) = units[first];
    let text = format!("{} {unit}", seconds / length);
    match units.get(first + 1) {
        Some((shorter, unit)) if seconds % length >= *shorter => {
            format!("{text} {} {unit}", seconds % length / shorter)
        }
        _ => text,
    }
}

/// Returns the time of day: `12:00:05 UTC`.
pub(super) fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    let time = text.split('T').nth(1).and_then(|time| time.split('.').next());
    format!("{} UTC", time.unwrap_or_default())
}

/// Writes a moment as its distance from `now`: `3 min ago`, `in 5 s`.
pub(super) fn moment(page: &mut Markup, at: Timestamp, now: Timestamp) {
    page.raw("<time datetime=\"").text(at).raw("\" title=\"").text(at).raw("\">");
    if at > now {
        page.raw("in ").text(duration(at.since(now)));
    } else {
        page.text(duration(now.since(at))).raw(" ago");
    }
    page.raw("</time>");
}

/// Returns a rate, rounded to few digits.
pub(super) fn rate(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        small if small < 0.01 => "< 0.01".to_owned(),
        small if small < 10.0 => format!("{small:.2}"),
        middle if middle < 100.0 => format!("{middle:.1}"),
        large => grouped(large.round() as u64),
    }
}

/// Returns a share in percent. Shares below 1 never round up to 100 %.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 100.0 { format!("{:.1} %", percent.min(99.9)) } else { "100 %".to_owned() }
}

/// Returns a size in the largest unit that fits.
pub(super) fn bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} B"),
    }
}

/// Returns a number with a space between groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            // A narrow no-break space.
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (given, want) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (7_530, "2 h 5 min"),
            (90_000, "1 d 1 h"),
            (86_460, "1 d"),
        ] {
            assert_eq!(seconds(given), want);
        }
        for (given, want) in [
            (0.0, "0"),
            (0.001, "< 0.01"),
            (0.25, "0.25"),
            (12.34, "12.3"),
            (12_345.6, "12\u{202F}346"),
        ] {
            assert_eq!(rate(given), want);
        }
        for (given, want) in [(1.0, "100 %"), (0.9996, "99.9 %"), (0.5, "50.0 %"), (0.0, "0.0 %")] {
            assert_eq!(percent(given), want);
        }
        for (given, want) in [(12, "12 B"), (2_048, "2.0 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(bytes(given), want);
        }
    }
}
