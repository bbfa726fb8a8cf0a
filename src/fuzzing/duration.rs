//! A property of durations.

use std::time::Duration;

use crate::config::duration as durations;

/// Compares a parsed duration with a plain sum in floating point.
pub fn duration(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let Ok(read) = durations::parse(text) else { return };
    let (about, seconds) = (sum(text), read.as_secs_f64());
    // Each component loses less than a nanosecond.
    let lost = 1e-9 * text.len() as f64;
    assert!((about - seconds).abs() <= 1e-9 * about + lost, "{text}: {about} and {seconds}");
    assert!(read < Duration::from_nanos(1 << 63));
}

/// Sums numbers times units, without any checks.
fn sum(text: &str) -> f64 {
    let mut rest = text.trim_start_matches(['-', '+']);
    let mut seconds = 0.0;
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit() && c != '.') {
        let number: f64 = rest[..end].parse().unwrap_or(f64::NAN);
        let after = &rest[end..];
        let length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        seconds += number * unit(&after[..length]);
        rest = &after[length..];
    }
    seconds
}

fn unit(name: &str) -> f64 {
    match name {
        "ns" => 1e-9,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        // `us`, with either of the two letters for mu.
        _ => 1e-6,
    }
}
