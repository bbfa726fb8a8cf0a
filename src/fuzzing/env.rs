//! A property of the whole environment.

use crate::config::{Config, Setting, Shown, Vars};

/// Variables with secret values.
const SECRET: [&str; 2] = ["GITHUB_PATS", "REDIS_HOST"];

/// Reads each line as a variable. The result is a configuration or faults, and neither shows a
/// secret; the shown settings are read as the same configuration.
pub fn env(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let is_secret = |name: &str| SECRET.contains(&name);
    // In other variables the canary is not secret.
    let variables = lines.filter(|(name, value)| is_secret(name) || !value.contains(super::CANARY));
    let vars: Vars = variables.filter(|(name, _)| !name.contains(super::CANARY)).collect();
    let shown = match Config::from_vars(&vars) {
        Ok(config) => shown(&config),
        Err(faults) => faults.to_string(),
    };
    assert!(!shown.contains(super::CANARY), "{shown}");
}

fn shown(config: &Config) -> String {
    // The host, the user and the database are not secret.
    if let crate::config::Store::Redis(redis) = &config.store
        && format!("{} {:?} {}", redis.host, redis.user, redis.database).contains(super::CANARY)
    {
        return String::new();
    }
    assert_is_read_again(config);
    format!("{:?} {config:?}", config.settings)
}

/// Reads the shown values again. They give the same configuration, except for hidden values.
fn assert_is_read_again(config: &Config) {
    let shown = &config.settings;
    let values = shown.iter().filter_map(|Setting { name, value }| match value {
        Shown::Value(value) => Some((*name, value.as_str())),
        Shown::Description(_) if *name == "GITHUB_PATS" => Some((*name, "ghp_x")),
        Shown::Description(_) | Shown::Cut(_) if *name == "REDIS_HOST" => {
            Some((*name, "rediss://redis"))
        }
        Shown::Description(_) | Shown::Cut(_) => None,
    });
    let again = Config::from_vars(&values.collect()).map(|config| config.settings);
    let again = again.unwrap_or_else(|faults| panic!("{faults}"));
    for (one, other) in shown.iter().zip(&again) {
        let is_shown = matches!(one.value, Shown::Value(_));
        assert!(!is_shown || one == other, "{one:?} is read as {other:?}");
    }
}
