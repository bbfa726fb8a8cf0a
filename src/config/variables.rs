//! The table of variables: their names, defaults and meanings, in one place.
//!
//! The help of svm is made from this table, and a test compares it with the one in
//! docs/configuration.md. A default is text and goes through the same parser as an operator's
//! value.

use crate::target::{DEFAULT_API_PATHS, DEFAULT_API_ROOT, DEFAULT_HOSTS, DEFAULT_TOKEN_HOSTS};

/// A variable that the service reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name in the environment.
    pub name: &'static str,
    /// True if the service does not start without it.
    pub required: bool,
    /// The value of an unset or empty variable; empty if there is none.
    pub default: &'static str,
    /// The form of its values.
    pub accepts: &'static str,
    /// The setting's effect.
    pub meaning: &'static str,
}

const DURATION: &str = "a positive duration such as 300ms, 1.5h, 1h30m or 7d";
const DURATION_OR_OFF: &str = "a duration such as 300ms, 1.5h, 1h30m or 7d; 0s is off";
const COUNT: &str = "a whole number from 1 to 4294967295";
const COUNT_OR_OFF: &str = "a whole number from 1 to 4294967295; 0 is off";
const SIZE: &str = "a positive decimal number of GiB, such as 4 or 0.5";
const RATE: &str = "a decimal number from 0.001 to 1000000, such as 10 or 0.5";
const RATE_OR_OFF: &str = "a decimal number from 0.001 to 1000000, such as 10 or 0.5; 0 is off";
const HOSTS: &str = "a comma-separated list of host names, each with a :port unless it is 443";

/// A section of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// The name of its first variable.
    first: &'static str,
}

/// The sections of the table, in its order.
pub const SECTIONS: &[Section] = &[
    section("Listener", "HOST"),
    section("Tokens", "GITHUB_PATS"),
    section("Store", "REDIS_HOST"),
    section("Allowed documents", "ALLOWED_UPSTREAM_HOSTS"),
    section("Mirror and webhooks", "API_UPSTREAM"),
    section("Lifetimes", "CACHE_HARD_TTL"),
    section("Checks in the background", "REVALIDATE_BY_DATE"),
    section("Writes to the store", "WRITE_BEHIND_QUEUE_SIZE"),
    section("Sizes", "CACHE_L1_MAX_GB"),
    section("Requests to GitHub", "UPSTREAM_TIMEOUT"),
    section("Shutdown", "SHUTDOWN_DELAY"),
    section("Clients", "FORWARDED_ALLOW_IPS"),
    section("Log", "LOG_FORMAT"),
];

/// Every variable that the service reads, in the order of the table in docs/configuration.md.
pub const VARIABLES: &[Variable] = &[
    optional("HOST", "0.0.0.0", "an IPv4 or IPv6 address", "address to listen on"),
    optional(
        "PORT",
        "8000",
        "a number from 0 to 65535; 0 lets the system choose",
        "port to listen on",
    ),
    optional(
        "TLS_CERT_FILE",
        "",
        "a file, beside TLS_KEY_FILE",
        "PEM certificate chain for HTTPS instead of HTTP; read again when it changes",
    ),
    optional(
        "TLS_KEY_FILE",
        "",
        "a file, beside TLS_CERT_FILE",
        "PEM private key of the certificate; read again when it changes",
    ),
    required(
        "GITHUB_PATS",
        "a comma-separated list of GitHub tokens",
        "the tokens that requests are spread over",
    ),
    required(
        "API_USAGE_THRESHOLD",
        "a whole number, 0 or more",
        "remaining quota under which a token is used last",
    ),
    optional(
        "REQUIRE_PUBLIC_TOKENS",
        "false",
        "true or false, also as 1 or 0",
        "whether tokens that can see private data are left unused",
    ),
    optional(
        "REDIS_HOST",
        "",
        "host, host:port, or a redis:// or rediss:// URL, the user and the password in it percent-encoded",
        "Redis or Valkey as the store, instead of the embedded one",
    ),
    optional(
        "REDIS_CA_FILE",
        "",
        "a file, beside a rediss:// URL",
        "PEM certificates to trust for Redis, instead of those of the system",
    ),
    optional("CACHE_DIR", "./data", "a folder", "where the embedded store lives"),
    optional("ALLOWED_UPSTREAM_HOSTS", DEFAULT_HOSTS, HOSTS, "hosts that may be asked"),
    optional(
        "ALLOWED_API_PATHS",
        DEFAULT_API_PATHS,
        "a comma-separated list of paths that begin with a slash; / opens everything",
        "paths that are open on hosts that get a token",
    ),
    optional(
        "GITHUB_TOKEN_HOSTS",
        DEFAULT_TOKEN_HOSTS,
        "a comma-separated list of hosts from ALLOWED_UPSTREAM_HOSTS, with the same ports",
        "hosts that may see a token",
    ),
    optional(
        "API_UPSTREAM",
        DEFAULT_API_ROOT,
        "the https URL of a host, alone or with the path /api/v3",
        "the API that svm serves under its own paths",
    ),
    optional(
        "PUBLIC_URL",
        "",
        "an http or https URL without a query, such as https://svm.example",
        "the address at which clients reach svm, for the URLs in documents",
    ),
    optional(
        "WEBHOOK_SECRETS",
        "",
        "a comma-separated list of secrets of at least 16 visible characters",
        "the secrets with which GitHub signs events; without one, /webhooks/github is a 404",
    ),
    optional("CACHE_HARD_TTL", "24h", DURATION, "life of a 200"),
    optional("CACHE_NEGATIVE_TTL", "5m", DURATION, "life of a 404 or 410"),
    optional(
        "CACHE_STALE_IF_ERROR",
        "24h",
        DURATION_OR_OFF,
        "how long past its expiry a copy may stand in for a failing upstream",
    ),
    optional(
        "REFRESH_MIN_INTERVAL",
        "0s",
        DURATION_OR_OFF,
        "a refresh is answered from the cache if the last full check is more recent than this",
    ),
    optional(
        "STALE_AFTER",
        "2s",
        DURATION_OR_OFF,
        "how long a request waits for the upstream before a copy stands in",
    ),
    optional(
        "CONFIRM_LOSSES",
        "on",
        "on or off",
        "whether an answer by which a document is lost is confirmed before it is believed",
    ),
    optional(
        "REVALIDATE_BY_DATE",
        "auto",
        "auto (while less than half of the quota is left), always or never",
        "whether the background may ask for a settled release by its date",
    ),
    optional(
        "VALIDATOR_AUDIT_INTERVAL",
        "10m",
        DURATION,
        "how often a document that is revalidated by its date is checked in full",
    ),
    optional(
        "REVALIDATE_INTERVAL",
        "1m",
        "a duration of at least 100ms, such as 300ms, 1.5h, 1h30m or 7d",
        "how often a document in use is revalidated in the background",
    ),
    optional(
        "REVALIDATE_LOOKBACK",
        "7d",
        DURATION,
        "how long after its last use a document still is in use",
    ),
    optional(
        "REVALIDATE_ENDPOINTS_PER_WORKER",
        "30",
        COUNT,
        "documents that one background worker takes on",
    ),
    optional(
        "REVALIDATE_PER_WORKER_RPS",
        "1",
        RATE,
        "requests a second that one background worker makes at most",
    ),
    optional(
        "REVALIDATE_MAX_RPS",
        "auto",
        "auto (up to 15, and fewer where GitHub limits svm) or a decimal number from 0.001 to 1000000",
        "requests a second that the background makes at most, all replicas together",
    ),
    optional(
        "WRITE_BEHIND_QUEUE_SIZE",
        "256",
        COUNT,
        "keys that may wait to be written to the store",
    ),
    optional("WRITE_BEHIND_FLUSH_INTERVAL", "1s", DURATION, "how often a batch is written"),
    optional(
        "WRITE_BEHIND_RETRY_MAX_INTERVAL",
        "30s",
        DURATION,
        "longest pause before a failed batch is tried again",
    ),
    optional(
        "WRITE_BEHIND_RETRY_MAX_AGE",
        "5m",
        DURATION,
        "how long a record is tried before it is dropped",
    ),
    optional("CACHE_L1_MAX_GB", "1.0", SIZE, "size of the cache in memory, in GiB"),
    optional(
        "CACHE_L2_MAX_GB",
        "4",
        "a decimal number of GiB from 0.0625, such as 4 or 0.5",
        "size of the embedded store, in GiB",
    ),
    optional(
        "UPSTREAM_TIMEOUT",
        "10s",
        DURATION,
        "how long an upstream exchange may take, with all its redirects and retries",
    ),
    optional(
        "MAX_UPSTREAM_RESPONSE_BYTES",
        "10485760",
        "a whole number of bytes, 1 or more",
        "largest decoded upstream body, in bytes",
    ),
    optional(
        "UPSTREAM_MAX_CONCURRENCY",
        "64",
        COUNT,
        "upstream exchanges at once, at most three quarters of them at one host",
    ),
    optional(
        "UPSTREAM_CONNECT_TO",
        "",
        "a comma-separated list of host:443=address:port, an IPv6 address in brackets",
        "sends the connections of a host elsewhere, past the address check",
    ),
    optional(
        "UPSTREAM_CA_FILE",
        "",
        "a file",
        "PEM certificates to trust beside those of the system",
    ),
    optional(
        "SHUTDOWN_DELAY",
        "0s",
        DURATION_OR_OFF,
        "how long connections are still accepted after SIGTERM, while /readyz and /healthz say 503",
    ),
    optional("SHUTDOWN_GRACE", "5s", DURATION, "how long running requests may go on after that"),
    optional(
        "SHUTDOWN_DRAIN_TIMEOUT",
        "2s",
        DURATION,
        "how long the write-behind queue may drain after that",
    ),
    optional(
        "FORWARDED_ALLOW_IPS",
        "",
        "a comma-separated list of addresses and CIDR networks, IPv4 or IPv6",
        "proxies whose X-Forwarded-For is believed",
    ),
    optional("MAX_CONNECTIONS", "10000", COUNT, "client connections at once"),
    optional(
        "MAX_CONNECTIONS_PER_CLIENT",
        "0",
        COUNT_OR_OFF,
        "connections of one client at once; proxies of FORWARDED_ALLOW_IPS have no limit of their own",
    ),
    optional(
        "CLIENT_MISS_RATE",
        "0",
        RATE_OR_OFF,
        "requests a second of one client that may have the upstream asked; ten times as many at once",
    ),
    optional(
        "STATUS_PAGE",
        "on",
        "on, off or localhost (for browsers on the same machine)",
        "who sees the status page at / and /status.json",
    ),
    optional("LOG_FORMAT", "json", "json or text", "form of the log lines"),
    optional(
        "RUST_LOG",
        "info",
        "a level (error, warn, info, debug, trace, off) or directives such as info,svm=debug",
        "what is logged",
    ),
];

impl Section {
    /// Returns the variables of the section: from its first one to the next section.
    pub fn variables(&self) -> &'static [Variable] {
        let begins = |name: &str| VARIABLES.iter().position(|variable| variable.name == name);
        let next = SECTIONS.iter().skip_while(|it| *it != self).nth(1);
        let end = next.and_then(|next| begins(next.first)).unwrap_or(VARIABLES.len());
        begins(self.first).map_or(&[], |begin| &VARIABLES[begin..end])
    }
}

const fn section(title: &'static str, first: &'static str) -> Section {
    Section { title, first }
}

const fn optional(
    name: &'static str,
    default: &'static str,
    accepts: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable { name, required: false, default, accepts, meaning }
}

const fn required(name: &'static str, accepts: &'static str, meaning: &'static str) -> Variable {
    Variable { name, required: true, default: "", accepts, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sections_are_the_table() {
        let of_sections = SECTIONS.iter().flat_map(Section::variables);
        assert!(of_sections.eq(VARIABLES));
        assert!(SECTIONS.iter().all(|section| !section.variables().is_empty()));
    }
}
