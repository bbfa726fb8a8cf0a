//! The forms of `REDIS_HOST`; no password is ever shown.

use super::config;
use crate::config::{Redis, Store, VARIABLES};

#[track_caller]
fn redis(variables: &[(&str, &str)]) -> Redis {
    match config(variables).unwrap().store {
        Store::Redis(redis) => redis,
        embedded @ Store::Embedded(_) => panic!("{embedded:?}"),
    }
}

#[test]
fn servers() {
    for (text, shown) in [
        ("localhost", "redis://localhost:6379/0"),
        ("my_redis-1.Example:7000", "redis://my_redis-1.example:7000/0"),
        ("10.0.0.1:1", "redis://10.0.0.1:1/0"),
        ("[2001:DB8::1]", "redis://[2001:db8::1]:6379/0"),
        ("[::1]:65535", "redis://[::1]:65535/0"),
        ("redis://h", "redis://h:6379/0"),
        ("REDIS://h/", "redis://h:6379/0"),
        ("redis://h:7000/15", "redis://h:7000/15"),
        ("rediss://[::1]:7000/1", "rediss://[::1]:7000/1"),
        ("rediss://user:hunter2@h", "rediss://h:6379/0"),
    ] {
        assert_eq!(redis(&[("REDIS_HOST", text)]).to_string(), shown, "{text}");
    }
}

#[test]
fn logins() {
    for (text, user, password) in [
        ("redis://h", None, None),
        ("redis://@h", None, None),
        ("redis://:@h", None, None),
        ("redis://:p@h", None, Some("p")),
        ("redis://u:p@h", Some("u"), Some("p")),
        ("redis://u%3A:%2Fp%40%c3%a9%25@h", Some("u:"), Some("/p@é%")),
        ("rediss://u:!$&'()*+,;=-._~@h", Some("u"), Some("!$&'()*+,;=-._~")),
    ] {
        let redis = redis(&[("REDIS_HOST", text)]);
        let found = (redis.user.as_deref(), redis.password.as_ref().map(|it| it.expose()));
        assert_eq!(found, (user, password), "{text}");
    }
}

#[test]
fn malformed_servers() {
    let accepts = VARIABLES.iter().find(|it| it.name == "REDIS_HOST").unwrap().accepts;
    let no_host = "does not name a host";
    let no_port = "has a port that is not a number from 1 to 65535";
    let no_login = "has a user or a password that is not percent-encoded";
    let no_password = "has a user without a password";
    let no_database = "has a path that is not the number of a database";
    let not_encoded = "has a query or a fragment, or a password that is not encoded";
    for (text, problem) in [
        (",", no_host),
        (":6379", no_host),
        ("a b", no_host),
        ("a,b:1", no_host),
        ("::1", no_host),
        ("[::1", no_host),
        ("[1.2.3.4]:1", no_host),
        ("1.2.3", no_host),
        ("256.1.1.1:1", no_host),
        ("bücher", no_host),
        ("hunter2@h", no_host),
        ("h/0", no_host),
        ("h:", no_port),
        ("h:0", no_port),
        ("h:65536", no_port),
        ("h:+1", no_port),
        ("user:hunter2@h", no_port),
        ("redis://", no_host),
        ("redis:///0", no_host),
        ("redis://u:hunter2@", no_host),
        ("redis://u:hunter2@h:x", no_port),
        ("redis://u:hun/ter2@h", no_database),
        ("redis://u:hunter2%@h", no_login),
        ("redis://u:hunter2%ff@h", no_login),
        ("redis://u:hunter2@2@h", no_login),
        ("redis://u:hunter2:2@h", no_login),
        ("redis://hunter2@h", no_password),
        ("redis://hunter2:@h", no_password),
        ("rediss://hunter2@h/1", no_password),
        ("redis://u:hunter2@h/-1", no_database),
        ("redis://u:hunter2@h/0/", no_database),
        ("redis://u:hunter2@h/65536", no_database),
        ("redis://u:hunter2@h?db=1", not_encoded),
        ("redis://u:hunter2#@h", not_encoded),
        ("http://u:hunter2@h", "has a scheme that is neither redis nor rediss"),
        ("redis+unix://hunter2", "has a scheme that is neither redis nor rediss"),
    ] {
        let message = config(&[("REDIS_HOST", text)]).unwrap_err();
        assert_eq!(message, format!("REDIS_HOST: {problem}; accepted: {accepts}"), "{text}");
    }
}

#[test]
fn a_certificate_without_tls_is_a_mistake() {
    let ca_file = ("REDIS_CA_FILE", "ca.pem");
    let with = redis(&[("REDIS_HOST", "rediss://h"), ca_file]);
    assert_eq!(with.tls.unwrap().ca_file.unwrap().to_str(), Some("ca.pem"));
    let without = redis(&[("REDIS_HOST", "rediss://h")]);
    assert_eq!(without.tls.unwrap().ca_file, None);
    for other in [("REDIS_HOST", "redis://h"), ("REDIS_HOST", "h"), ("REDIS_HOST", "")] {
        let message = config(&[other, ca_file]).unwrap_err();
        assert!(message.starts_with("REDIS_CA_FILE: is set, but REDIS_HOST is no rediss:// URL"));
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn the_effective_configuration_shows_no_login() {
    let config = config(&[
        ("REDIS_HOST", "rediss://somebody:hunter2@Cache.example:7000/3"),
        ("REDIS_CA_FILE", "ca.pem"),
    ]);
    let config = config.unwrap();
    let effective = &config.settings;
    let shown = |name| effective.iter().find(|it| it.name == name).unwrap().value.to_string();
    assert_eq!(shown("REDIS_HOST"), "rediss://cache.example:7000/3 with a login");
    assert_eq!(shown("REDIS_CA_FILE"), "ca.pem");
    assert_eq!(
        [shown("CACHE_DIR"), shown("CACHE_L2_MAX_GB")],
        ["not used, because REDIS_HOST is set"; 2]
    );
    for text in [format!("{config:?}"), format!("{config:#?}"), format!("{effective:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let password = redis(&[("REDIS_HOST", "redis://u:hunter2@h")]).password.unwrap();
    assert_eq!(format!("{password:?} {password:#?}"), "Password(..) Password(..)");
}
