//! Dates as GitHub writes them: RFC 3339 in bodies, HTTP dates in headers, both in whole seconds.
//!
//! It is written by hand, since the calendar takes only twenty lines and the service needs none.

use std::time::{Duration, UNIX_EPOCH};

/// Formats a time as in JSON bodies: `2026-06-08T14:08:03Z`.
pub fn rfc3339(epoch_secs: u64) -> String {
    let (year, month, day) = civil(epoch_secs / 86_400);
    let (hour, minute, second) = (epoch_secs / 3_600 % 24, epoch_secs / 60 % 60, epoch_secs % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Formats a time as in headers: `Mon, 08 Jun 2026 14:08:03 GMT`.
pub fn http(epoch_secs: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(epoch_secs))
}

/// Parses a date of a header.
pub fn from_http(text: &str) -> Option<u64> {
    let moment = httpdate::parse_http_date(text).ok()?;
    Some(moment.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// Parses a date of a JSON body.
pub fn from_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    Some(days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts: Option<Vec<u64>> = text.split(separator).map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

/// Returns the civil date of a day since the epoch (Howard Hinnant's `civil_from_days`, for days
/// after 1970).
fn civil(days_since_epoch: u64) -> (u64, u64, u64) {
    let shifted = days_since_epoch + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Reverses [`civil`].
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = if month > 2 { month.checked_sub(3)? } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}
