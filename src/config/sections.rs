//! The variables of each section.

use std::path::PathBuf;
use std::time::Duration;

use super::log_filter::log_filter;
use super::parse::{self, count, duration, duration_or_zero, gibibytes, optional, parsed};
use super::reader::Reader;
use super::redis::{self, Redis, RedisTls};
use super::settings::Shown;
use super::settings::not_used;
use super::{
    Cache, Config, ConnectTo, Embedded, Log, Revalidate, Server, ServerCertificate, Store, Tokens,
    Upstream, WriteBehind,
};
use crate::secret::Secret;
use crate::target::{ApiRoot, Policy};

const CONNECTION_PATIENCE: Duration = Duration::from_secs(30);
const RELEASE_NEGATIVE_TTL: Duration = Duration::from_secs(60);
const STORE_READ_BUDGET: Duration = Duration::from_millis(25);

/// Builds a section. Every variable is read before the first `?`, so that all faults are reported.
macro_rules! section {
    ($section:ident { $($field:ident: $value:expr,)+ }) => {{
        $(let $field = $value;)+
        Some($section { $($field: $field?,)+ })
    }};
}

pub(super) fn config(reader: &mut Reader<'_>) -> Option<Config> {
    section!(Config {
        server: server(reader),
        targets: targets(reader),
        api_root: api_root(reader, targets.as_ref()),
        public_url: reader.read(
            "PUBLIC_URL",
            optional(parsed("is not a plain http or https URL without a query"))
        ),
        revalidate: revalidate(reader),
        cache: cache(reader, revalidate.as_ref()),
        upstream: upstream(reader, targets.as_ref()),
        tokens: tokens(reader),
        store: store(reader),
        write_behind: write_behind(reader),
        log: log(reader),
        settings: Some(reader.settings()),
    })
}

pub(super) fn server(reader: &mut Reader<'_>) -> Option<Server> {
    section!(Server {
        host: reader.read("HOST", parsed("is not an IP address")),
        port: reader.read("PORT", parse::number),
        certificate: certificate(reader),
        max_connections: reader.read("MAX_CONNECTIONS", count),
        max_connections_per_client: reader.read("MAX_CONNECTIONS_PER_CLIENT", parse::count_or_off),
        client_miss_rate: reader.read("CLIENT_MISS_RATE", parse::rate_or_off),
        webhook_secrets: secrets(reader, "WEBHOOK_SECRETS", "secret", parse::webhook_secrets),
        trusted_proxies: reader.read_list("FORWARDED_ALLOW_IPS", parse::network),
        status_page: reader.read("STATUS_PAGE", parse::status_page),
        shutdown_delay: reader.read("SHUTDOWN_DELAY", duration_or_zero),
        shutdown_grace: reader.read("SHUTDOWN_GRACE", duration),
        drain_timeout: reader.read("SHUTDOWN_DRAIN_TIMEOUT", duration),
        connection_patience: Some(CONNECTION_PATIENCE),
    })
}

/// Reads secrets, and shows only how many there are.
fn secrets(
    reader: &mut Reader<'_>,
    name: &'static str,
    kind: &str,
    parse: fn(&str) -> parse::Result<Vec<Secret>>,
) -> Option<Vec<Secret>> {
    let secrets = reader.read_secret(name, parse)?;
    let shown = match secrets.len() {
        0 => "".into(),
        1 => Shown::Description(format!("1 {kind}")),
        many => Shown::Description(format!("{many} {kind}s")),
    };
    reader.describe(name, shown);
    Some(secrets)
}

/// Reads the files of the certificate. One file without the other is a fault: svm would serve plain
/// HTTP although the operator wants TLS.
pub(super) fn certificate(reader: &mut Reader<'_>) -> Option<Option<ServerCertificate>> {
    let cert_file = reader.read("TLS_CERT_FILE", optional(parse::path));
    let key_file = reader.read("TLS_KEY_FILE", optional(parse::path));
    match (cert_file?, key_file?) {
        (Some(cert_file), Some(key_file)) => Some(Some(ServerCertificate { cert_file, key_file })),
        (None, None) => Some(None),
        (Some(_), None) => reader.note("TLS_KEY_FILE", "is needed beside TLS_CERT_FILE"),
        (None, Some(_)) => reader.note("TLS_CERT_FILE", "is needed beside TLS_KEY_FILE"),
    }
}

fn targets(reader: &mut Reader<'_>) -> Option<Policy> {
    let hosts = reader.read_list("ALLOWED_UPSTREAM_HOSTS", parse::authority);
    let api_paths =
        reader.read_list("ALLOWED_API_PATHS", parsed("is not the beginning of a plain path"));
    let token_hosts = reader.read_list("GITHUB_TOKEN_HOSTS", parse::authority);
    let (hosts, api_paths, token_hosts) = (hosts?, api_paths?, token_hosts?);

    // A default token host that the operator does not allow is simply never used. An explicit token
    // host that is not allowed is a mistake: it would silently leave every request without a token.
    let stray = token_hosts.iter().find(|host| !hosts.contains(host));
    if let Some(stray) = stray.filter(|_| reader.is_set("GITHUB_TOKEN_HOSTS")) {
        return reader.note("GITHUB_TOKEN_HOSTS", &format!("\"{stray}\" is not allowed upstream"));
    }
    Some(Policy { hosts, api_paths, token_hosts })
}

fn api_root(reader: &mut Reader<'_>, targets: Option<&Policy>) -> Option<ApiRoot> {
    let form = parsed("is not the https URL of a host, alone or with the path /api/v3");
    let root: ApiRoot = reader.read("API_UPSTREAM", form)?;
    // The default host that the operator does not allow is simply not served. An explicit one is a
    // mistake: every request to it would be refused.
    let is_stray = targets.is_some_and(|targets| !targets.hosts.contains(root.authority()));
    if is_stray && reader.is_set("API_UPSTREAM") {
        let problem = format!("\"{}\" is not allowed upstream", root.authority());
        return reader.note("API_UPSTREAM", &problem);
    }
    let is_closed = targets.is_some_and(|targets| root.is_closed_by(targets));
    if is_closed && reader.is_set("API_UPSTREAM") {
        let problem = format!("ALLOWED_API_PATHS opens no path below \"{root}\"");
        return reader.note("API_UPSTREAM", &problem);
    }
    Some(root)
}

fn cache(reader: &mut Reader<'_>, revalidate: Option<&Revalidate>) -> Option<Cache> {
    let of_absence = reader.read("CACHE_NEGATIVE_TTL", duration);
    // An operator who names a lifetime means it for releases as well.
    let longest =
        if reader.is_set("CACHE_NEGATIVE_TTL") { Duration::MAX } else { RELEASE_NEGATIVE_TTL };
    section!(Cache {
        hard_ttl: reader.read("CACHE_HARD_TTL", duration),
        negative_ttl: of_absence,
        release_negative_ttl: of_absence.map(|ttl| ttl.min(longest)),
        stale_if_error: reader.read("CACHE_STALE_IF_ERROR", duration_or_zero),
        stale_after: reader.read("STALE_AFTER", duration_or_zero),
        refresh_min_interval: reader.read("REFRESH_MIN_INTERVAL", duration_or_zero),
        confirm_losses: reader.read("CONFIRM_LOSSES", parse::on_or_off),
        audit_interval: reader.read("VALIDATOR_AUDIT_INTERVAL", duration),
        l1_max_bytes: reader.read("CACHE_L1_MAX_GB", gibibytes),
        check_interval: revalidate.map(|it| it.interval),
        store_read_budget: Some(STORE_READ_BUDGET),
    })
}

fn upstream(reader: &mut Reader<'_>, targets: Option<&Policy>) -> Option<Upstream> {
    let timeout = reader.read("UPSTREAM_TIMEOUT", duration);
    let max_response_bytes = reader.read("MAX_UPSTREAM_RESPONSE_BYTES", parse::bytes);
    let max_concurrency = reader.read("UPSTREAM_MAX_CONCURRENCY", count);
    let by_date = reader.read("REVALIDATE_BY_DATE", parse::by_date);
    let connect_to = reader.read_list("UPSTREAM_CONNECT_TO", parse::connect_to);
    let ca_file = upstream_ca_file(reader);

    let connect_to = connect_to?;
    if let Some(problem) = conflict(&connect_to, targets) {
        return reader.note("UPSTREAM_CONNECT_TO", &problem);
    }
    Some(Upstream {
        timeout: timeout?,
        max_response_bytes: max_response_bytes?,
        max_concurrency: max_concurrency?,
        by_date: by_date?,
        connect_to,
        ca_file: ca_file?,
    })
}

pub(super) fn upstream_ca_file(reader: &mut Reader<'_>) -> Option<Option<PathBuf>> {
    reader.read("UPSTREAM_CA_FILE", optional(parse::path))
}

/// Returns the conflict between rules that are valid one by one. A port in a URL would replace the
/// rule's port, and be dialled without a check of the address.
fn conflict(rules: &[ConnectTo], targets: Option<&Policy>) -> Option<String> {
    rules.iter().enumerate().find_map(|(at, ConnectTo { host, .. })| {
        if rules[..at].iter().any(|earlier| earlier.host == *host) {
            return Some(format!("\"{host}\" is named twice"));
        }
        let mut allowed = targets?.hosts.iter();
        let stray = allowed.find(|allowed| allowed.host() == host && allowed.port() != 443)?;
        Some(format!("\"{stray}\" is allowed upstream, but only port 443 can be sent elsewhere"))
    })
}

fn tokens(reader: &mut Reader<'_>) -> Option<Tokens> {
    section!(Tokens {
        secrets: secrets(reader, "GITHUB_PATS", "token", parse::tokens),
        usage_threshold: reader.read("API_USAGE_THRESHOLD", parse::number),
        require_public: reader.read("REQUIRE_PUBLIC_TOKENS", parse::boolean),
        identify: Some(true),
    })
}

fn store(reader: &mut Reader<'_>) -> Option<Store> {
    let dir = reader.read("CACHE_DIR", parse::path);
    let max_bytes = reader.read("CACHE_L2_MAX_GB", parse::store_size);
    let redis = redis(reader);
    if let Some(None) = &redis {
        reader.describe("REDIS_HOST", "".into());
    }
    if let Some(Some(redis)) = &redis {
        reader.describe("REDIS_HOST", shown(redis));
        reader.describe("CACHE_DIR", not_used());
        reader.describe("CACHE_L2_MAX_GB", not_used());
    }
    let embedded = Embedded { dir: dir?, max_bytes: max_bytes? };
    Some(redis?.map_or(Store::Embedded(embedded), Store::Redis))
}

/// Returns the server without the login.
fn shown(redis: &Redis) -> Shown {
    match Shown::from(redis.to_string().as_str()) {
        Shown::Value(url) if redis.user.is_some() || redis.password.is_some() => {
            Shown::Description(format!("{url} with a login"))
        }
        shown => shown,
    }
}

/// Reads the Redis settings. The inner `None` stands for no Redis.
pub(super) fn redis(reader: &mut Reader<'_>) -> Option<Option<Redis>> {
    let redis = reader.read_secret("REDIS_HOST", optional(redis::parse));
    let ca_file = reader.read("REDIS_CA_FILE", optional(parse::path));
    let (mut redis, ca_file) = (redis?, ca_file?);
    if ca_file.is_none() {
        return Some(redis);
    }
    // A certificate file without effect would suggest a protection that does not exist.
    match redis.as_mut().and_then(|redis| redis.tls.as_mut()) {
        Some(tls) => *tls = RedisTls { ca_file },
        None => return reader.note("REDIS_CA_FILE", "is set, but REDIS_HOST is no rediss:// URL"),
    }
    Some(redis)
}

fn write_behind(reader: &mut Reader<'_>) -> Option<WriteBehind> {
    section!(WriteBehind {
        queue_size: reader.read("WRITE_BEHIND_QUEUE_SIZE", count),
        flush_interval: reader.read("WRITE_BEHIND_FLUSH_INTERVAL", duration),
        retry_max_interval: reader.read("WRITE_BEHIND_RETRY_MAX_INTERVAL", duration),
        retry_max_age: reader.read("WRITE_BEHIND_RETRY_MAX_AGE", duration),
    })
}

fn revalidate(reader: &mut Reader<'_>) -> Option<Revalidate> {
    section!(Revalidate {
        interval: reader.read("REVALIDATE_INTERVAL", parse::interval),
        lookback: reader.read("REVALIDATE_LOOKBACK", duration),
        endpoints_per_worker: reader.read("REVALIDATE_ENDPOINTS_PER_WORKER", count),
        per_worker_rps: reader.read("REVALIDATE_PER_WORKER_RPS", parse::rate),
        max_rps: reader.read("REVALIDATE_MAX_RPS", parse::max_rps),
    })
}

fn log(reader: &mut Reader<'_>) -> Option<Log> {
    section!(Log {
        format: reader.read("LOG_FORMAT", parse::log_format),
        filter: reader.read("RUST_LOG", log_filter),
    })
}
