//! Parsers of values. An error text continues a sentence that begins with the value: `is not a
//! port`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use super::{ByDate, ConnectAddress, ConnectTo, LogFormat, MaxRps, StatusMode, duration};
use crate::secret::Secret;
use crate::target::Authority;

pub(super) type Result<T> = std::result::Result<T, String>;

const GIB: u128 = 1 << 30;
const MIN_STORE_BYTES: u64 = 64 << 20;
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// The bounds of a rate, in requests per second: one in a thousand seconds, and one in a
/// microsecond.
const MIN_RATE: f64 = 0.001;
const MAX_RATE: f64 = 1_000_000.0;

/// Returns a parser that reads an empty text as no value.
pub(super) fn optional<T>(
    parse: impl FnOnce(&str) -> Result<T>,
) -> impl FnOnce(&str) -> Result<Option<T>> {
    |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// Returns the items of a comma-separated list, trimmed, without empty ones.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim_ascii).filter(|item| !item.is_empty())
}

/// Returns a parser that reports one problem for every text that is not of the type.
pub(super) fn parsed<T: FromStr>(problem: &'static str) -> impl Fn(&str) -> Result<T> {
    move |text| text.parse().map_err(|_| problem.to_owned())
}

pub(super) fn count(text: &str) -> Result<usize> {
    let count = positive(number::<u32>(text)?)?;
    usize::try_from(count).map_err(|_| "is too large".to_owned())
}

/// Parses a count; 0 stands for no limit.
pub(super) fn count_or_off(text: &str) -> Result<Option<usize>> {
    if number::<u32>(text)? == 0 { Ok(None) } else { count(text).map(Some) }
}

pub(super) fn bytes(text: &str) -> Result<u64> {
    positive(number(text)?)
}

pub(super) fn duration_or_zero(text: &str) -> Result<Duration> {
    duration::parse(text).map_err(|error| error.to_string())
}

pub(super) fn duration(text: &str) -> Result<Duration> {
    positive(duration_or_zero(text)?)
}

/// Parses the time between two starts of a repeated job.
pub(super) fn interval(text: &str) -> Result<Duration> {
    let interval = duration(text)?;
    if interval < MIN_INTERVAL { Err("is too short".to_owned()) } else { Ok(interval) }
}

/// Parses a decimal number of GiB. Returns bytes, rounded down.
pub(super) fn gibibytes(text: &str) -> Result<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{decimals}");
    if digits.is_empty() || !is_digits(&digits) {
        return Err("is not a decimal number".to_owned());
    }
    // Eighteen decimals are far less than a byte.
    let decimals = &decimals[..decimals.len().min(18)];
    let (numerator, scale) = decimals.bytes().fold((0, 1), |(numerator, scale), digit| {
        (numerator * 10 + u128::from(digit - b'0'), scale * 10)
    });
    let whole: u64 = if whole.is_empty() { 0 } else { number(whole)? };
    let bytes = u128::from(whole) * GIB + numerator * GIB / scale;
    positive(u64::try_from(bytes).map_err(|_| "is too large".to_owned())?)
}

/// Parses a decimal number of requests per second.
pub(super) fn rate(text: &str) -> Result<f64> {
    match decimal(text)? {
        rate @ MIN_RATE..=MAX_RATE => Ok(rate),
        rate if rate < MIN_RATE => Err("is too small".to_owned()),
        _ => Err("is too large".to_owned()),
    }
}

/// Parses a rate; 0 stands for no limit.
pub(super) fn rate_or_off(text: &str) -> Result<Option<f64>> {
    match decimal(text)? {
        0.0 => Ok(None),
        _ => rate(text).map(Some),
    }
}

/// Parses a rate or `auto`.
pub(super) fn max_rps(text: &str) -> Result<MaxRps> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(MaxRps::Auto);
    }
    // A mistyped word is not a number, and the message must mention that a word is accepted.
    let rate = rate(text).map_err(|problem| match decimal(text) {
        Ok(_) => problem,
        Err(_) => "is neither auto nor a decimal number".to_owned(),
    })?;
    Ok(MaxRps::Fixed(rate))
}

fn decimal(text: &str) -> Result<f64> {
    let digits = text.replacen('.', "", 1);
    let is_decimal = !digits.is_empty() && is_digits(&digits);
    let number = is_decimal.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| "is not a decimal number".to_owned())
}

/// Parses the size of the store, which must hold the largest batch beside the records that the
/// batch replaces.
pub(super) fn store_size(text: &str) -> Result<u64> {
    let bytes = gibibytes(text)?;
    if bytes < MIN_STORE_BYTES { Err("is too small".to_owned()) } else { Ok(bytes) }
}

pub(super) fn boolean(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

pub(super) fn on_or_off(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("is neither on nor off".to_owned()),
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf> {
    Ok(PathBuf::from(text))
}

pub(super) fn log_format(text: &str) -> Result<LogFormat> {
    let format =
        LogFormat::ALL.into_iter().find(|format| text.eq_ignore_ascii_case(format.as_str()));
    format.ok_or_else(|| "is neither json nor text".to_owned())
}

pub(super) fn status_page(text: &str) -> Result<StatusMode> {
    let page = StatusMode::ALL.into_iter().find(|page| text.eq_ignore_ascii_case(page.as_str()));
    page.ok_or_else(|| "is neither on, off nor localhost".to_owned())
}

pub(super) fn by_date(text: &str) -> Result<ByDate> {
    let choice = ByDate::ALL.into_iter().find(|choice| text.eq_ignore_ascii_case(choice.as_str()));
    choice.ok_or_else(|| "is neither auto, always nor never".to_owned())
}

/// Parses a network, or a single address as a network. IPv4-mapped IPv6 becomes IPv4, as the
/// addresses of clients do.
pub(super) fn network(text: &str) -> Result<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network.trunc(),
        Err(_) => text
            .parse::<IpAddr>()
            .map(IpNet::from)
            .map_err(|_| "is neither an address nor a CIDR network".to_owned())?,
    };
    let IpNet::V6(mapped) = network else { return Ok(network) };
    let ipv4 = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    let ipv4 = ipv4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    Ok(ipv4.map_or(network, IpNet::V4))
}

pub(super) fn authority(text: &str) -> Result<Authority> {
    text.parse().map_err(|_| "is not a host with or without a port".to_owned())
}

/// Parses `host:443=address:port`.
pub(super) fn connect_to(text: &str) -> Result<ConnectTo> {
    let (source, target) = text.split_once('=').ok_or("has no =")?;
    let host = source.strip_suffix(":443").ok_or("does not have port 443 before the =")?;
    let host = host_name(host).ok_or("does not begin with a host name")?;
    // An address needs no look-up of a name, so the rule would never take effect.
    if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
        return Err("begins with an address".to_owned());
    }
    let address = connect_address(target).ok_or("does not end with an address and a port")?;
    Ok(ConnectTo { host, address })
}

/// Parses a list of tokens and drops repetitions. A problem names a token by its position, never by
/// its value.
pub(super) fn tokens(text: &str) -> Result<Vec<Secret>> {
    secrets(text, "token", "a blank, a quote or another character", &['"', '\''])
}

/// Parses a list of secrets of this kind. They consist of visible characters, but not of these.
fn secrets(text: &str, kind: &str, refused: &str, others: &[char]) -> Result<Vec<Secret>> {
    let mut secrets = Vec::new();
    for (at, item) in items(text).enumerate() {
        let secret = Secret::new(item).filter(|_| !item.contains(others));
        let problem = || format!("holds {refused} that no {kind} has, in {kind} {}", at + 1);
        let secret = secret.ok_or_else(problem)?;
        if !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }
    if secrets.is_empty() { Err(format!("holds no {kind}")) } else { Ok(secrets) }
}

/// Parses the secrets of deliveries; an empty text holds none. A secret may contain quotes; those
/// around a secret or around the list are left over from a shell.
pub(super) fn webhook_secrets(text: &str) -> Result<Vec<Secret>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let is_quoted = |text: &str| {
        ['"', '\''].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote))
    };
    if is_quoted(text) || items(text).any(is_quoted) {
        return Err("has quotes around a secret".to_owned());
    }
    // A comma within a secret divides it into short items, which an attacker could guess.
    if items(text).any(|secret| secret.len() < 16) {
        return Err("holds a secret of fewer than 16 characters".to_owned());
    }
    secrets(text, "secret", "a blank or another character", &[])
}

fn connect_address(text: &str) -> Option<ConnectAddress> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() != 0).then_some(ConnectAddress::Ip(address));
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = positive(number(port).ok()?).ok()?;
    Some(ConnectAddress::Name { host: host_name(host)?, port })
}

/// Parses a host without a port.
fn host_name(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    let has_port = !text.ends_with(']') && text.contains(':');
    (!has_port).then(|| authority.host().to_owned())
}

/// Parses digits only: the standard library would also accept a plus sign.
pub(super) fn number<T: FromStr>(text: &str) -> Result<T> {
    if !is_digits(text) {
        return Err("is not a whole number".to_owned());
    }
    text.parse().map_err(|_| "is too large".to_owned())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn positive<T: Default + PartialEq>(value: T) -> Result<T> {
    if value == T::default() { Err("is not positive".to_owned()) } else { Ok(value) }
}
