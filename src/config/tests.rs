//! Defaults, and the accepted forms.

mod faults;
mod redis;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    Config, ConnectAddress, ConnectTo, Embedded, LogFormat, Shown, Store, VARIABLES, Vars,
};
use crate::secret::Secret;
use crate::target::{Policy, Target};

const GIB: u64 = 1 << 30;
const REQUIRED: [(&str, &str); 2] =
    [("GITHUB_PATS", "ghp_one,ghp_two"), ("API_USAGE_THRESHOLD", "100")];

fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = REQUIRED.iter().chain(variables).copied();
    Config::from_vars(&Vars::from_iter(variables)).map_err(|faults| faults.to_string())
}

#[test]
fn a_certificate_and_its_key_need_each_other() {
    let both = [("TLS_CERT_FILE", "c.pem"), ("TLS_KEY_FILE", "k.pem")];
    let files = config(&both).unwrap().server.certificate.unwrap();
    assert_eq!([files.cert_file, files.key_file], ["c.pem", "k.pem"].map(PathBuf::from));
    assert_eq!(config(&[]).unwrap().server.certificate, None);
    for (given, missing) in [(both[0], "TLS_KEY_FILE"), (both[1], "TLS_CERT_FILE")] {
        let message = config(&[given]).unwrap_err();
        let start = format!("{missing}: is needed beside {}", given.0);
        assert!(message.starts_with(&start), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn defaults() {
    let config = config(&[]).unwrap();
    assert_eq!(config.server.host, "0.0.0.0".parse::<IpAddr>().unwrap());
    assert_eq!((config.server.port, config.server.max_connections), (8_000, 10_000));
    assert_eq!((config.server.client_miss_rate, config.server.trusted_proxies), (None, vec![]));
    assert_eq!(config.server.shutdown_delay, Duration::ZERO);
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(5));
    assert_eq!(config.server.drain_timeout, Duration::from_secs(2));
    assert_eq!(config.server.connection_patience, Duration::from_secs(30));
    assert_eq!(config.targets, Policy::default());
    assert_eq!(config.cache.hard_ttl, Duration::from_hours(24));
    assert_eq!(config.cache.negative_ttl, Duration::from_mins(5));
    assert_eq!(config.cache.stale_if_error, Duration::from_hours(24));
    assert_eq!(config.cache.stale_after, Duration::from_secs(2));
    assert_eq!(config.cache.store_read_budget, Duration::from_millis(25));
    assert_eq!(config.cache.refresh_min_interval, Duration::ZERO);
    assert_eq!(config.cache.l1_max_bytes, GIB);
    assert_eq!(config.upstream.timeout, Duration::from_secs(10));
    assert_eq!(config.upstream.max_response_bytes, 10_485_760);
    assert_eq!(config.upstream.max_concurrency, 64);
    assert_eq!((config.upstream.connect_to, config.upstream.ca_file), (vec![], None));
    assert_eq!(config.tokens.secrets, ["ghp_one", "ghp_two"].map(|it| Secret::new(it).unwrap()));
    assert_eq!(config.tokens.usage_threshold, 100);
    assert_eq!((config.tokens.require_public, config.tokens.identify), (false, true));
    let embedded = Embedded { dir: "./data".into(), max_bytes: 4 * GIB };
    assert_eq!(config.store, Store::Embedded(embedded));
    assert_eq!(config.write_behind.queue_size, 256);
    assert_eq!(config.write_behind.flush_interval, Duration::from_secs(1));
    assert_eq!(config.write_behind.retry_max_interval, Duration::from_secs(30));
    assert_eq!(config.write_behind.retry_max_age, Duration::from_mins(5));
    assert_eq!(
        (config.log.format, config.log.filter.to_string().as_str()),
        (LogFormat::Json, "info")
    );
}

#[test]
fn an_empty_value_counts_as_unset() {
    let names = VARIABLES.iter().map(|variable| variable.name);
    for blank in ["", " \t"] {
        let blanks = names.clone().filter(|name| !REQUIRED.iter().any(|(known, _)| known == name));
        let blanks: Vec<_> = blanks.map(|name| (name, blank)).collect();
        assert_eq!(config(&blanks), config(&[]));
    }
    let message = Config::from_vars(&Vars::from_iter(REQUIRED.map(|(name, _)| (name, " "))));
    assert_eq!(message.unwrap_err().0.len(), 2);
}

#[test]
fn the_table_names_every_variable_once() {
    let effective = config(&[]).unwrap().settings;
    let names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
    assert_eq!(effective.iter().map(|setting| setting.name).collect::<Vec<_>>(), names);
    assert!(VARIABLES.iter().all(|it| !it.required || it.default.is_empty()));
}

#[test]
fn settings_show_the_values_that_were_set() {
    let shown = |name: &'static str, value: &str| {
        let settings = config(&[(name, value)]).unwrap().settings;
        settings.into_iter().find(|it| it.name == name).unwrap()
    };
    for (name, value) in [
        ("PORT", "0"),
        ("CACHE_DIR", "/var/lib/svm data"),
        ("FORWARDED_ALLOW_IPS", "10.0.0.1/8, ::1,192.0.2.1"),
        ("CACHE_HARD_TTL", "1.5d"),
        ("REVALIDATE_MAX_RPS", "AUTO"),
        ("RUST_LOG", "hyper=off,svm=debug,info"),
    ] {
        let setting = shown(name, value);
        assert_eq!((&setting.value, setting.is_default()), (&Shown::Value(value.into()), false));
    }
    assert!(shown("CACHE_HARD_TTL", "24h").is_default());
    let one = shown("GITHUB_PATS", "ghp_x");
    assert_eq!((one.value.to_string().as_str(), one.is_default()), ("1 token", false));
    assert_eq!(shown("GITHUB_PATS", "ghp_x, ghp_y,ghp_x,,").value.to_string(), "2 tokens");
}

#[test]
fn settings_with_defaults_are_not_unusual() {
    let unusual = |variables: &[(&str, &str)]| {
        let config = config(variables).unwrap();
        config.unusual_settings().map(|setting| setting.name).collect::<Vec<_>>()
    };
    assert_eq!(unusual(&[]), ["GITHUB_PATS", "API_USAGE_THRESHOLD"]);
    let redis = [("REDIS_HOST", "redis"), ("STALE_AFTER", "2s"), ("HOST", "::")];
    assert_eq!(unusual(&redis), ["HOST", "GITHUB_PATS", "API_USAGE_THRESHOLD", "REDIS_HOST"]);
}

#[test]
fn values_have_several_forms() {
    let config = config(&[
        (
            "FORWARDED_ALLOW_IPS",
            "10.0.0.1/8, ::1,192.0.2.1,2001:db8::/32,::ffff:192.0.2.0/120,::/0",
        ),
        ("ALLOWED_UPSTREAM_HOSTS", "GHE.example:8443 , [::1]"),
        ("GITHUB_TOKEN_HOSTS", "ghe.EXAMPLE:8443"),
        ("CACHE_HARD_TTL", "1.5d"),
        ("REQUIRE_PUBLIC_TOKENS", "TRUE"),
        ("CACHE_L1_MAX_GB", ".5"),
        ("CACHE_L2_MAX_GB", "17179869183.9999999999"),
        ("MAX_UPSTREAM_RESPONSE_BYTES", " 1024 "),
        ("UPSTREAM_CONNECT_TO", "api.github.com:443=127.0.0.1:8443,A:443=Gateway:80"),
        ("CLIENT_MISS_RATE", "00.0"),
        ("LOG_FORMAT", "TEXT"),
    ]);
    let config = config.unwrap();
    let list = |items: &[ipnet::IpNet]| format!("{items:?}");
    assert_eq!(
        list(&config.server.trusted_proxies),
        "[10.0.0.0/8, ::1/128, 192.0.2.1/32, 2001:db8::/32, 192.0.2.0/24, ::/0]"
    );
    let hosts = config.targets.hosts.iter().map(ToString::to_string);
    assert_eq!(hosts.collect::<Vec<_>>(), ["ghe.example:8443", "[::1]"]);
    assert_eq!(config.cache.hard_ttl, Duration::from_hours(36));
    assert!(config.tokens.require_public);
    assert_eq!((config.cache.l1_max_bytes, config.upstream.max_response_bytes), (GIB / 2, 1_024));
    let Store::Embedded(Embedded { max_bytes, .. }) = config.store else { panic!("no Redis") };
    assert_eq!(max_bytes, u64::MAX);
    let hosts = config.upstream.connect_to.iter().map(|rule| rule.host.as_str());
    assert_eq!(hosts.collect::<Vec<_>>(), ["api.github.com", "a"]);
    assert_eq!((config.server.client_miss_rate, config.log.format), (None, LogFormat::Text));
}

#[test]
fn a_token_in_the_wrong_variable_is_not_shown() {
    for name in ["CACHE_DIR", "UPSTREAM_CA_FILE", "ALLOWED_API_PATHS", "REDIS_HOST"] {
        let value = format!("{}ghp_secret", if name == "ALLOWED_API_PATHS" { "/" } else { "" });
        let effective = config(&[(name, &value)]).unwrap().settings;
        let setting = effective.iter().find(|it| it.name == name).unwrap();
        let Shown::Cut(text) = &setting.value else { panic!("{setting:?}") };
        assert!(text.ends_with("ghp_..."), "{text}");
    }
}

#[test]
fn connect_to_and_targets() {
    let config = config(&[
        ("UPSTREAM_CONNECT_TO", "api.github.com:443=gateway.example:8443"),
        ("ALLOWED_UPSTREAM_HOSTS", "ghe.example:8443"),
        ("ALLOWED_API_PATHS", "/api/v3/repos/"),
        ("GITHUB_TOKEN_HOSTS", "ghe.example:8443"),
    ]);
    let config = config.unwrap();
    let address = ConnectAddress::Name { host: "gateway.example".to_owned(), port: 8_443 };
    let host = "api.github.com".to_owned();
    assert_eq!(config.upstream.connect_to, [ConnectTo { host, address }]);
    let target = Target::parse("https://ghe.example:8443/api/v3/repos/o/r", &config.targets);
    assert!(target.unwrap().gets_token());
}
