//! The address and the login of Redis, from a host name or a URL.
//!
//! The few accepted forms are parsed by hand: a general URL parser repairs text that it does not
//! understand, and a mistake in a line with a password must end in a fault, not in a connection to
//! another server. No problem repeats any part of the text, since an unencoded password can appear
//! in every part.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::parse::{self, number};
use crate::target::percent;

const DEFAULT_PORT: u16 = 6379;

/// The server, and the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// The name or address; an IPv6 address has no brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The TLS settings, if TLS is used.
    pub tls: Option<RedisTls>,
    /// The user, if not the default one.
    pub user: Option<String>,
    /// The password, if one is needed.
    pub password: Option<Password>,
    /// The number of the database.
    pub database: u16,
}

/// The TLS settings of Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisTls {
    /// Certificates to trust instead of those of the system, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// A password; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// Returns the value for the login.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl fmt::Display for Redis {
    /// Formats a URL without the user and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let Self { host, port, database, .. } = self;
        match host.parse::<Ipv6Addr>() {
            Ok(address) => write!(f, "{scheme}://[{address}]:{port}/{database}"),
            Err(_) => write!(f, "{scheme}://{host}:{port}/{database}"),
        }
    }
}

/// Parses `host`, `host:port`, or a URL of the scheme `redis` or `rediss`.
pub(super) fn parse(text: &str) -> parse::Result<Redis> {
    match text.split_once("://") {
        None => at(text),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("redis") => url(rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("rediss") => {
            Ok(Redis { tls: Some(RedisTls::default()), ..url(rest)? })
        }
        Some(_) => Err("has a scheme that is neither redis nor rediss".to_owned()),
    }
}

/// Parses the part after the scheme.
fn url(text: &str) -> parse::Result<Redis> {
    if text.contains(['?', '#']) {
        return Err("has a query or a fragment, or a password that is not encoded".to_owned());
    }
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority),
    };
    let (user, password) = login.map_or(Ok((None, None)), read_login)?;
    let database = if path.is_empty() { Ok(0) } else { number(path) };
    let database = database.map_err(|_| "has a path that is not the number of a database")?;
    Ok(Redis { user, password, database, ..at(host)? })
}

/// Parses the user and the password; an empty password is none. A user without a password is
/// refused: the client would not log in at all, and the default user might have other rights.
fn read_login(text: &str) -> parse::Result<(Option<String>, Option<Password>)> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |part: &str| {
        let plain = (!part.contains(['@', ':'])).then(|| percent::decode(part)).flatten();
        let text = plain.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or("has a user or a password that is not percent-encoded")
    };
    let (user, password) = (decoded(user)?, decoded(password)?);
    if password.is_empty() && !user.is_empty() {
        return Err("has a user without a password".to_owned());
    }
    let password = (!password.is_empty()).then(|| Password(password.into()));
    Ok(((!user.is_empty()).then_some(user), password))
}

/// Parses `host` or `host:port`, without a login.
fn at(text: &str) -> parse::Result<Redis> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = port.map_or(Ok(DEFAULT_PORT), port_number)?;
    let host = host_name(host).ok_or("does not name a host")?;
    Ok(Redis { host, port, tls: None, user: None, password: None, database: 0 })
}

fn port_number(text: &str) -> parse::Result<u16> {
    let port = number(text).ok().filter(|port| *port != 0);
    port.ok_or_else(|| "has a port that is not a number from 1 to 65535".to_owned())
}

/// Parses an address, or a name, which may have underscores as container names do.
fn host_name(text: &str) -> Option<String> {
    if let Some(address) = text.strip_prefix('[') {
        return Some(address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_string());
    }
    let looks_like_an_address = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if looks_like_an_address && text.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (text.len() <= 253 && text.bytes().all(is_name)).then(|| text.to_ascii_lowercase())
}
