//! A property of `REDIS_HOST`.

use crate::config::{Config, Store, Vars};

/// Checks that no password is shown, and that the shown URL names the same server.
pub fn redis_url(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    match read(text) {
        Ok(config) => assert_same_server(&config),
        // Not even a fault repeats a part of the text: it may be the password.
        Err(fault) => assert!(!fault.contains(super::CANARY), "{fault}"),
    }
}

fn assert_same_server(config: &Config) {
    let Store::Redis(redis) = &config.store else { return };
    let shown = redis.to_string();
    let other = format!("{} {:?} {}", redis.host, redis.user, redis.database);
    let password = redis.password.as_ref().map(|password| password.expose());
    if password.is_some_and(|password| password.contains(super::CANARY))
        && !other.contains(super::CANARY)
    {
        assert!(!shown.contains(super::CANARY), "{shown}");
        assert!(!format!("{config:?}").contains(super::CANARY), "{config:?}");
        assert!(!format!("{:?}", config.settings).contains(super::CANARY));
    }
    let Ok(Config { store: Store::Redis(again), .. }) = read(&shown) else {
        panic!("{shown} is not read again");
    };
    assert_eq!(
        (&again.host, again.port, again.database),
        (&redis.host, redis.port, redis.database)
    );
    assert_eq!((&again.tls, again.user, again.password), (&redis.tls, None, None));
}

fn read(text: &str) -> Result<Config, String> {
    let vars = [("GITHUB_PATS", "ghp_first"), ("API_USAGE_THRESHOLD", "100"), ("REDIS_HOST", text)];
    let vars: Vars = vars.into_iter().collect();
    Config::from_vars(&vars).map_err(|faults| faults.to_string())
}
