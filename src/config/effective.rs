//! The configuration in force, as text for the log and for operators; no secret is in it.

use std::fmt::Display;

use super::duration::display;
use super::{Config, ConnectAddress, ConnectTo, Embedded, RedisTls, Store};

impl Config {
    /// Every variable with the value in force; tokens are only counted, sizes are in bytes.
    pub fn effective(&self) -> Vec<(&'static str, String)> {
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
        vec![
            ("HOST", server.host.to_string()),
            ("PORT", server.port.to_string()),
            ("GITHUB_PATS", plural(tokens.secrets.len(), "token")),
            ("API_USAGE_THRESHOLD", tokens.usage_threshold.to_string()),
            ("REDIS_HOST", redis_host),
            ("REDIS_CA_FILE", redis_ca_file),
            ("CACHE_DIR", dir),
            ("FORWARDED_ALLOW_IPS", list(&server.trusted_proxies)),
            ("ALLOWED_UPSTREAM_HOSTS", list(targets.hosts())),
            ("ALLOWED_API_PATHS", list(targets.api_paths())),
            ("GITHUB_TOKEN_HOSTS", list(targets.token_hosts())),
            ("CACHE_HARD_TTL", display(cache.hard_ttl)),
            ("CACHE_NEGATIVE_TTL", display(cache.negative_ttl)),
            ("CACHE_STALE_IF_ERROR", display(cache.stale_if_error)),
            ("REFRESH_MIN_INTERVAL", display(cache.refresh_min_interval)),
            ("STALE_AFTER", display(cache.stale_after)),
            ("REVALIDATE_BY_DATE", upstream.by_date.as_str().to_owned()),
            ("VALIDATOR_AUDIT_INTERVAL", display(cache.audit_interval)),
            ("REQUIRE_PUBLIC_TOKENS", tokens.require_public.to_string()),
            ("REVALIDATE_INTERVAL", display(revalidate.interval)),
            ("REVALIDATE_LOOKBACK", display(revalidate.lookback)),
            ("REVALIDATE_ENDPOINTS_PER_WORKER", revalidate.endpoints_per_worker.to_string()),
            ("REVALIDATE_PER_WORKER_RPS", revalidate.per_worker_rps.to_string()),
            ("REVALIDATE_MAX_RPS", revalidate.max_rps.to_string()),
            ("WRITE_BEHIND_QUEUE_SIZE", write_behind.queue_size.to_string()),
            ("WRITE_BEHIND_FLUSH_INTERVAL", display(write_behind.flush_interval)),
            ("WRITE_BEHIND_RETRY_MAX_INTERVAL", display(write_behind.retry_max_interval)),
            ("WRITE_BEHIND_RETRY_MAX_AGE", display(write_behind.retry_max_age)),
            ("CACHE_L1_MAX_GB", format!("{} bytes", cache.l1_max_bytes)),
            ("CACHE_L2_MAX_GB", max_bytes),
            ("UPSTREAM_TIMEOUT", display(upstream.timeout)),
            ("MAX_UPSTREAM_RESPONSE_BYTES", upstream.max_response_bytes.to_string()),
            ("UPSTREAM_MAX_CONCURRENCY", upstream.max_concurrency.to_string()),
            ("UPSTREAM_CONNECT_TO", list(upstream.connect_to.iter().map(connect_to))),
            ("UPSTREAM_CA_FILE", list(upstream.ca_file.iter().map(|path| path.display()))),
            ("SHUTDOWN_DELAY", display(server.shutdown_delay)),
            ("SHUTDOWN_GRACE", display(server.shutdown_grace)),
            ("SHUTDOWN_DRAIN_TIMEOUT", display(server.drain_timeout)),
            ("MAX_CONNECTIONS", server.max_connections.to_string()),
            ("CLIENT_MISS_RATE", server.client_miss_rate.unwrap_or_default().to_string()),
            ("LOG_FORMAT", log.format.as_str().to_owned()),
            ("RUST_LOG", log.filter.to_string()),
        ]
    }
}

/// `REDIS_HOST`, `REDIS_CA_FILE`, `CACHE_DIR` and `CACHE_L2_MAX_GB`.
fn store_settings(store: &Store) -> [String; 4] {
    let not_used = || "not used".to_owned();
    match store {
        Store::Embedded(Embedded { dir, max_bytes }) => {
            [String::new(), String::new(), dir.display().to_string(), format!("{max_bytes} bytes")]
        }
        Store::Redis(redis) => {
            let ca_file = list(redis.tls.iter().flat_map(ca_file));
            [redis.to_string(), ca_file, not_used(), not_used()]
        }
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
