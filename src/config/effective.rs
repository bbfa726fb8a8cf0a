//! The configuration in force, as text for the log and for operators; no secret is in it.

use std::fmt::{self, Display};

use super::duration::display;
use super::redacted::cut;
use super::{Config, ConnectAddress, ConnectTo, Embedded, Redis, RedisTls, Store, VARIABLES};

const GIB: u128 = 1 << 30;

/// A variable with the value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name of the variable.
    pub name: &'static str,
    /// Its value.
    pub value: Shown,
}

/// The part of a value that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All of it: a text that is read as the same value again.
    Value(String),
    /// A description of a value that is a secret or has no effect.
    Description(String),
    /// The beginning of a value that may be a secret.
    Cut(String),
}

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Value(text) | Self::Description(text) | Self::Cut(text)) = self;
        f.write_str(text)
    }
}

impl From<String> for Shown {
    /// The value, unless it holds what may be a token that stands in the wrong variable.
    fn from(value: String) -> Self {
        cut(&value).map_or(Self::Value(value), Self::Cut)
    }
}

impl Config {
    /// The variables that have no default, and those with another value than their default.
    pub fn settings(&self) -> Vec<Setting> {
        let required = VARIABLES.iter().filter(|variable| variable.required);
        // A number is a token as well as a threshold.
        let vars = required.clone().map(|variable| (variable.name, "1")).collect();
        let usual = Self::from_vars(&vars).map(|config| config.effective()).unwrap_or_default();
        let is_required = |name| required.clone().any(|variable| variable.name == name);
        let mut settings = self.effective();
        settings.retain(|setting| is_required(setting.name) || !usual.contains(setting));
        settings
    }

    /// Every variable with the value in force, in the order of the table.
    pub fn effective(&self) -> Vec<Setting> {
        let [redis_host, redis_ca_file, dir, max_bytes] = store_settings(&self.store);
        let Self {
            server,
            targets,
            cache,
            upstream,
            tokens,
            store: _,
            write_behind,
            revalidate,
            log,
        } = self;
        let settings: Vec<(_, Shown)> = vec![
            ("HOST", server.host.to_string().into()),
            ("PORT", server.port.to_string().into()),
            ("GITHUB_PATS", Shown::Description(plural(tokens.secrets.len(), "token"))),
            ("API_USAGE_THRESHOLD", tokens.usage_threshold.to_string().into()),
            ("REDIS_HOST", redis_host),
            ("REDIS_CA_FILE", redis_ca_file),
            ("CACHE_DIR", dir),
            ("FORWARDED_ALLOW_IPS", list(&server.trusted_proxies).into()),
            ("ALLOWED_UPSTREAM_HOSTS", list(targets.hosts()).into()),
            ("ALLOWED_API_PATHS", list(targets.api_paths()).into()),
            ("GITHUB_TOKEN_HOSTS", list(targets.token_hosts()).into()),
            ("CACHE_HARD_TTL", display(cache.hard_ttl).into()),
            ("CACHE_NEGATIVE_TTL", display(cache.negative_ttl).into()),
            ("CACHE_STALE_IF_ERROR", display(cache.stale_if_error).into()),
            ("REFRESH_MIN_INTERVAL", display(cache.refresh_min_interval).into()),
            ("STALE_AFTER", display(cache.stale_after).into()),
            ("REVALIDATE_BY_DATE", upstream.by_date.as_str().to_owned().into()),
            ("VALIDATOR_AUDIT_INTERVAL", display(cache.audit_interval).into()),
            ("REQUIRE_PUBLIC_TOKENS", tokens.require_public.to_string().into()),
            ("REVALIDATE_INTERVAL", display(revalidate.interval).into()),
            ("REVALIDATE_LOOKBACK", display(revalidate.lookback).into()),
            ("REVALIDATE_ENDPOINTS_PER_WORKER", revalidate.endpoints_per_worker.to_string().into()),
            ("REVALIDATE_PER_WORKER_RPS", revalidate.per_worker_rps.to_string().into()),
            ("REVALIDATE_MAX_RPS", revalidate.max_rps.to_string().into()),
            ("WRITE_BEHIND_QUEUE_SIZE", write_behind.queue_size.to_string().into()),
            ("WRITE_BEHIND_FLUSH_INTERVAL", display(write_behind.flush_interval).into()),
            ("WRITE_BEHIND_RETRY_MAX_INTERVAL", display(write_behind.retry_max_interval).into()),
            ("WRITE_BEHIND_RETRY_MAX_AGE", display(write_behind.retry_max_age).into()),
            ("CACHE_L1_MAX_GB", gibibytes(cache.l1_max_bytes).into()),
            ("CACHE_L2_MAX_GB", max_bytes),
            ("UPSTREAM_TIMEOUT", display(upstream.timeout).into()),
            ("MAX_UPSTREAM_RESPONSE_BYTES", upstream.max_response_bytes.to_string().into()),
            ("UPSTREAM_MAX_CONCURRENCY", upstream.max_concurrency.to_string().into()),
            ("UPSTREAM_CONNECT_TO", list(upstream.connect_to.iter().map(connect_to)).into()),
            ("UPSTREAM_CA_FILE", list(upstream.ca_file.iter().map(|path| path.display())).into()),
            ("SHUTDOWN_DELAY", display(server.shutdown_delay).into()),
            ("SHUTDOWN_GRACE", display(server.shutdown_grace).into()),
            ("SHUTDOWN_DRAIN_TIMEOUT", display(server.drain_timeout).into()),
            ("MAX_CONNECTIONS", server.max_connections.to_string().into()),
            (
                "MAX_CONNECTIONS_PER_CLIENT",
                server.max_connections_per_client.unwrap_or(0).to_string().into(),
            ),
            ("CLIENT_MISS_RATE", server.client_miss_rate.unwrap_or_default().to_string().into()),
            ("LOG_FORMAT", log.format.as_str().to_owned().into()),
            ("RUST_LOG", log.filter.to_string().into()),
        ];
        settings.into_iter().map(|(name, value)| Setting { name, value }).collect()
    }
}

/// `REDIS_HOST`, `REDIS_CA_FILE`, `CACHE_DIR` and `CACHE_L2_MAX_GB`.
fn store_settings(store: &Store) -> [Shown; 4] {
    let none = || Shown::Value(String::new());
    let not_used = || Shown::Description("not used, for REDIS_HOST is set".to_owned());
    match store {
        Store::Embedded(Embedded { dir, max_bytes }) => {
            [none(), none(), dir.display().to_string().into(), gibibytes(*max_bytes).into()]
        }
        Store::Redis(redis) => {
            let ca_file = list(redis.tls.iter().flat_map(ca_file));
            [redis_host(redis), ca_file.into(), not_used(), not_used()]
        }
    }
}

fn redis_host(redis: &Redis) -> Shown {
    match Shown::from(redis.to_string()) {
        Shown::Value(url) if redis.user.is_some() || redis.password.is_some() => {
            Shown::Description(format!("{url} with a login"))
        }
        shown => shown,
    }
}

/// The shortest decimal number of GiB that is read as so many bytes.
fn gibibytes(bytes: u64) -> String {
    let bytes = u128::from(bytes);
    // The tenth decimal is less than a byte.
    let scales = (0..=10).map(|decimals| (decimals, 10_u128.pow(decimals)));
    let rounded_up =
        scales.map(|(decimals, scale)| (decimals, scale, (bytes * scale).div_ceil(GIB)));
    let mut exact = rounded_up.filter(|(_, scale, number)| number * GIB / scale == bytes);
    let (decimals, scale, number) = exact.next().unwrap_or((0, 1, bytes / GIB));
    match decimals {
        0 => number.to_string(),
        _ => format!("{}.{:0width$}", number / scale, number % scale, width = decimals as usize),
    }
}

fn ca_file(RedisTls { ca_file }: &RedisTls) -> Option<impl Display> {
    ca_file.as_ref().map(|path| path.display())
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn connect_to(ConnectTo { host, address }: &ConnectTo) -> String {
    match address {
        ConnectAddress::Ip(address) => format!("{host}:443={address}"),
        ConnectAddress::Name { host: name, port } => format!("{host}:443={name}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::gibibytes;
    use crate::config::parse;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(1 << 30, "1"), (1 << 29, "0.5"), (107_374_182, "0.1"), (1, "0.000000001")]
        {
            assert_eq!(gibibytes(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn a_size_is_read_again(bytes in prop_oneof![1..u64::MAX, 1..1_u64 << 31, Just(u64::MAX)]) {
            prop_assert_eq!(parse::gibibytes(&gibibytes(bytes)), Ok(bytes));
        }
    }
}
