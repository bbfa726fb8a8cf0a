//! The strict grammar. It splits the bytes of a URL into parts, and refuses bytes with two possible
//! readings.
//!
//! It repairs nothing. Paths and queries have further rules, in [`path`](super::path) and
//! [`query`](super::query).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::characters::set;
use super::error::Error;
use super::{MAX_BYTES, percent};

const SCHEME: &str = "https://";

/// A URL, split but not yet canonical.
pub(super) struct UrlParts<'a> {
    /// As given, in any case; the canonical spelling of an IPv6 address, in brackets.
    pub(super) host: Cow<'a, str>,
    pub(super) port: u16,
    /// Empty, or begins with a slash.
    pub(super) path: &'a str,
    /// Without its question mark; empty if there is none.
    pub(super) query: &'a str,
}

impl<'a> UrlParts<'a> {
    pub(super) fn split(url: &'a str) -> Result<Self, Error> {
        if url.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        let rest = after_scheme(url).ok_or(Error::NotHttps)?;
        check_bytes(rest.as_bytes())?;

        let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = split_authority(authority)?;
        Ok(Self { host, port, path, query })
    }
}

/// Removes the spaces and tabs around the text.
pub(super) fn trim_blanks(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Splits `host` or `host:port`. Without a port, the port is 443.
pub(super) fn split_authority(authority: &str) -> Result<(Cow<'_, str>, u16), Error> {
    if authority.contains('@') {
        return Err(Error::UserInfo);
    }
    let host_end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => Cow::Owned(ipv6(address)?),
        None if host.is_empty() => return Err(Error::NotHttps),
        None if is_host_name(host) => Cow::Borrowed(host),
        None => return Err(Error::Host),
    };
    Ok((host, parse_port(port)?))
}

fn after_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// The characters that may occur anywhere after the scheme.
const ORDINARY: [bool; 256] =
    set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!$&'()*+,-./:;=?@[]_~");

fn check_bytes(bytes: &[u8]) -> Result<(), Error> {
    for (at, &byte) in bytes.iter().enumerate() {
        if ORDINARY[usize::from(byte)] {
            continue;
        }
        match byte {
            b'%' => match percent::triplet(&bytes[at..]) {
                None => return Err(Error::Percent),
                Some(0..0x20 | 0x7F | b'\\') => return Err(Error::Encoded),
                Some(_) => {}
            },
            b'#' => return Err(Error::Fragment),
            _ => return Err(Error::Character),
        }
    }
    Ok(())
}

/// Returns true for labels of letters, digits and inner hyphens, at most 63 bytes each and 253
/// together, without a trailing dot.
fn is_host_name(host: &str) -> bool {
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn ipv6(address: &str) -> Result<String, Error> {
    let address: Ipv6Addr = address.parse().map_err(|_| Error::Host)?;
    // The url crate's spelling: unlike the standard library it also writes a mapped address in
    // hexadecimal.
    Ok(url::Host::<&str>::Ipv6(address).to_string())
}

/// Parses nothing, a bare colon, or a colon and a port without leading zeros.
fn parse_port(text: &str) -> Result<u16, Error> {
    let Some(digits) = text.strip_prefix(':') else {
        return if text.is_empty() { Ok(443) } else { Err(Error::Host) };
    };
    if digits.is_empty() {
        return Ok(443);
    }
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().ok_or(Error::Port)
}
