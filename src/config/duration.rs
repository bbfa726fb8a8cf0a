//! Durations in Go's notation (`300ms`, `1.5h`, `1h30m10s`), plus days (`7d`, `1d12h`).
//!
//! The grammar and the bounds are those of Go's `time.ParseDuration`, since operators reuse values
//! of services written in Go. A fraction is exact, rounded down to a nanosecond.

use std::time::Duration;

/// The absolute value of Go's smallest duration. Its largest is one nanosecond less.
const LIMIT: u64 = 1 << 63;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Parses a duration. Negative durations are refused.
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

/// The reason why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text does not follow the grammar.
    #[error("is not a duration")]
    Malformed,
    /// A number without a unit.
    #[error("is not a duration: a number has no unit")]
    NoUnit,
    /// A unit that Go does not know either.
    #[error("is not a duration: the unit is none of ns, us, ms, s, m, h, d")]
    UnknownUnit,
    /// More than 2^63 - 1 nanoseconds, about 292 years.
    #[error("is a duration of more than 292 years")]
    TooLong,
    /// Less than zero.
    #[error("is a negative duration")]
    Negative,
}

/// Parses one number with its unit. Returns its nanoseconds, at most [`LIMIT`], and the rest of the
/// text.
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
        // The micro sign and the Greek letter: keyboards have one or the other.
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

/// The number of decimals that count. Further decimals are less than a nanosecond.
const MOST_DECIMALS: usize = 24;

/// Returns the nanoseconds of a fraction of `unit`, rounded down.
fn nanos_of_fraction(digits: &str, unit: u64) -> u64 {
    let digits = &digits.as_bytes()[..digits.len().min(MOST_DECIMALS)];
    let add = |(number, scale): (u128, u128), digit: &u8| {
        (number * 10 + u128::from(value(*digit)), scale * 10)
    };
    let (number, scale) = digits.iter().fold((0, 1), add);
    // A fraction is less than its unit, which is at most a day.
    u64::try_from(number * u128::from(unit) / scale).unwrap_or(unit)
}

fn value(digit: u8) -> u64 {
    u64::from(digit - b'0')
}

fn bounded(nanos: u64) -> Result<u64, Error> {
    if nanos > LIMIT { Err(Error::TooLong) } else { Ok(nanos) }
}

#[cfg(test)]
mod tests;
