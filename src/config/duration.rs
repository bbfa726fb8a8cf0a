//! Durations as Go writes them (`300ms`, `1.5h`, `1h30m10s`), plus days (`7d`, `1d12h`).
//!
//! The grammar, the bounds and the rounding are those of Go's `time.ParseDuration`; operators bring values that
//! worked with the service this one replaces. The subtle thing is a fraction: Go multiplies it as a 64-bit float
//! (`0.3333333333333333333h` is exactly 20 minutes there), and so does this parser, bit for bit.

use std::fmt::Write;
use std::time::Duration;

/// The size of Go's least duration; its greatest is one nanosecond less.
const LIMIT: u64 = 1 << 63;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Reads a duration; a negative one is refused.
pub fn parse(text: &str) -> Result<Duration, Error> {
    let is_negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(Error::Malformed);
    }
    let mut nanos = 0_u64;
    while !rest.is_empty() {
        let (component, after) = component(rest)?;
        nanos = bounded(component.checked_add(nanos).ok_or(Error::TooLong)?)?;
        rest = after;
    }
    match (nanos, is_negative) {
        (1.., true) => Err(Error::Negative),
        (LIMIT.., false) => Err(Error::TooLong),
        _ => Ok(Duration::from_nanos(nanos)),
    }
}

/// Writes a duration so that [`parse`] reads it again: `1h30m`, `1.5s`, `300ms`, `0s`.
pub fn display(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if seconds == 0 {
        return below_a_second(nanos);
    }
    let mut text = String::new();
    for (amount, unit) in [(seconds / 3_600, 'h'), (seconds / 60 % 60, 'm')] {
        if amount > 0 {
            let _infallible = write!(text, "{amount}{unit}");
        }
    }
    let seconds = seconds % 60;
    if seconds > 0 || nanos > 0 {
        let _infallible = write!(text, "{seconds}{}s", fraction(nanos, 9));
    }
    text
}

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text does not follow the grammar.
    #[error("is not a duration")]
    Malformed,
    /// A number stands alone.
    #[error("is not a duration: a number has no unit")]
    NoUnit,
    /// Go does not know the unit either.
    #[error("is not a duration: the unit is none of ns, us, ms, s, m, h, d")]
    UnknownUnit,
    /// More than 2^63 - 1 nanoseconds, about 292 years.
    #[error("is a duration of more than 292 years")]
    TooLong,
    /// Less than nothing.
    #[error("is a negative duration")]
    Negative,
}

/// Reads one number with its unit; gives its nanoseconds, at most [`LIMIT`], and the rest of the text.
fn component(text: &str) -> Result<(u64, &str), Error> {
    let (whole, rest) = split_digits(text);
    let (decimals, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if whole.is_empty() && decimals.is_empty() {
        return Err(Error::Malformed);
    }
    let is_number = |character: char| character == '.' || character.is_ascii_digit();
    let (unit, rest) = rest.split_at(rest.find(is_number).unwrap_or(rest.len()));
    let unit = nanos_of(unit)?;

    let whole = integer(whole)?.checked_mul(unit).ok_or(Error::TooLong)?;
    Ok((bounded(bounded(whole)? + nanos_of_fraction(decimals, unit))?, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}

fn nanos_of(unit: &str) -> Result<u64, Error> {
    match unit {
        "" => Err(Error::NoUnit),
        "ns" => Ok(1),
        // The micro sign and the Greek letter: keyboards have either.
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(SECOND),
        "m" => Ok(MINUTE),
        "h" => Ok(HOUR),
        "d" => Ok(DAY),
        _ => Err(Error::UnknownUnit),
    }
}

fn integer(digits: &str) -> Result<u64, Error> {
    digits.bytes().try_fold(0_u64, |number, digit| {
        let number = number.checked_mul(10).and_then(|ten| ten.checked_add(value(digit)));
        bounded(number.ok_or(Error::TooLong)?)
    })
}

/// The fraction in units of `unit`, rounded down after the rounding of floats. Digits past the nineteenth or so
/// weigh less than a nanosecond and are left out, as Go leaves them out.
fn nanos_of_fraction(digits: &str, unit: u64) -> u64 {
    let (mut numerator, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes() {
        if numerator > (LIMIT - 1) / 10 {
            break;
        }
        let next = numerator * 10 + value(digit);
        if next > LIMIT {
            break;
        }
        numerator = next;
        scale *= 10.0;
    }
    (numerator as f64 * (unit as f64 / scale)) as u64
}

fn value(digit: u8) -> u64 {
    u64::from(digit - b'0')
}

fn bounded(nanos: u64) -> Result<u64, Error> {
    if nanos > LIMIT { Err(Error::TooLong) } else { Ok(nanos) }
}

fn below_a_second(nanos: u32) -> String {
    match nanos {
        0 => "0s".to_owned(),
        1_000_000.. => format!("{}{}ms", nanos / 1_000_000, fraction(nanos % 1_000_000, 6)),
        1_000.. => format!("{}{}us", nanos / 1_000, fraction(nanos % 1_000, 3)),
        _ => format!("{nanos}ns"),
    }
}

/// A point and the decimals of `numerator / 10^width` without trailing zeros; nothing for zero.
fn fraction(numerator: u32, width: usize) -> String {
    if numerator == 0 {
        return String::new();
    }
    format!(".{numerator:0width$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests;
