//! The refused forms, and the values that must never be shown.

use super::config;
use crate::config::{Config, VARIABLES, Vars};

#[track_caller]
fn refused(name: &str, value: &str, problem: &str) {
    let message = config(&[(name, value)]).unwrap_err();
    let accepted = VARIABLES.iter().find(|variable| variable.name == name).unwrap().accepts;
    assert_eq!(message, format!("{name}: {problem}; accepted: {accepted}"), "{value:?}");
}

#[test]
fn malformed_values() {
    let counts = ["MAX_CONNECTIONS", "WRITE_BEHIND_QUEUE_SIZE", "UPSTREAM_MAX_CONCURRENCY"];
    for name in counts {
        refused(name, "0", r#""0" is not positive"#);
        refused(name, "4294967296", r#""4294967296" is too large"#);
        for value in ["-1", "+1", "1.0", "1e3", "1_000", "ten", "1 0", "٣"] {
            refused(name, value, &format!("{value:?} is not a whole number"));
        }
    }
    for name in ["CACHE_HARD_TTL", "CACHE_NEGATIVE_TTL", "UPSTREAM_TIMEOUT", "SHUTDOWN_GRACE"] {
        refused(name, "0s", r#""0s" is not positive"#);
    }
    for name in ["CACHE_STALE_IF_ERROR", "STALE_AFTER", "REFRESH_MIN_INTERVAL", "CACHE_HARD_TTL"] {
        refused(name, "-1s", r#""-1s" is a negative duration"#);
        refused(name, "60", r#""60" is not a duration: a number has no unit"#);
    }
    for name in ["CACHE_L1_MAX_GB", "CACHE_L2_MAX_GB"] {
        for value in ["0", "0.0", ".0000000001"] {
            refused(name, value, &format!("{value:?} is not positive"));
        }
        for value in [".", "-1", "1e3", "inf", "NaN", "1.0.0", "1,5", "1GB", "1.+5"] {
            refused(name, value, &format!("{value:?} is not a decimal number"));
        }
        for value in ["17179869184", "99999999999999999999999"] {
            refused(name, value, &format!("{value:?} is too large"));
        }
    }
    for (name, value, problem) in [
        ("HOST", "localhost", r#""localhost" is not an IP address"#),
        ("HOST", "0.0.0.0:80", r#""0.0.0.0:80" is not an IP address"#),
        ("PORT", "65536", r#""65536" is too large"#),
        ("PORT", "http", r#""http" is not a whole number"#),
        ("API_USAGE_THRESHOLD", "-1", r#""-1" is not a whole number"#),
        ("MAX_UPSTREAM_RESPONSE_BYTES", "0", r#""0" is not positive"#),
        ("MAX_UPSTREAM_RESPONSE_BYTES", "10MB", r#""10MB" is not a whole number"#),
        ("FORWARDED_ALLOW_IPS", "*", r#""*" is neither an address nor a CIDR network"#),
        ("FORWARDED_ALLOW_IPS", "::1,10/8", r#""10/8" is neither an address nor a CIDR network"#),
        ("ALLOWED_UPSTREAM_HOSTS", "*.x", r#""*.x" is not a host with or without a port"#),
        ("ALLOWED_UPSTREAM_HOSTS", ",", "names nothing"),
        ("ALLOWED_API_PATHS", "repos/", r#""repos/" is not the beginning of a plain path"#),
        ("GITHUB_TOKEN_HOSTS", "evil.example", r#""evil.example" is not allowed upstream"#),
        (
            "GITHUB_TOKEN_HOSTS",
            "api.github.com:8443",
            r#""api.github.com:8443" is not allowed upstream"#,
        ),
        ("UPSTREAM_CONNECT_TO", "a:443", r#""a:443" has no ="#),
        ("UPSTREAM_CONNECT_TO", "a=b:1", r#""a=b:1" does not have port 443 before the ="#),
        ("UPSTREAM_CONNECT_TO", "a:80=b:1", r#""a:80=b:1" does not have port 443 before the ="#),
        ("UPSTREAM_CONNECT_TO", ":443=b:1", r#"":443=b:1" does not begin with a host name"#),
        ("UPSTREAM_CONNECT_TO", "a:1:443=b:1", r#""a:1:443=b:1" does not begin with a host name"#),
        ("UPSTREAM_CONNECT_TO", "a:443=b:1,A:443=c:1", r#""a" is named twice"#),
        ("UPSTREAM_CONNECT_TO", "1.2.3.4:443=b:1", r#""1.2.3.4:443=b:1" begins with an address"#),
        ("UPSTREAM_CONNECT_TO", "[::1]:443=b:1", r#""[::1]:443=b:1" begins with an address"#),
        ("CACHE_L2_MAX_GB", "0.0624", r#""0.0624" is too small"#),
        ("REVALIDATE_BY_DATE", "yes", r#""yes" is neither auto, always nor never"#),
        ("CLIENT_MISS_RATE", ".", r#""." is not a decimal number"#),
        ("CLIENT_MISS_RATE", "0.0.0", r#""0.0.0" is not a decimal number"#),
        ("CLIENT_MISS_RATE", "0..0", r#""0..0" is not a decimal number"#),
        ("CLIENT_MISS_RATE", "0.0001", r#""0.0001" is too small"#),
        ("CLIENT_MISS_RATE", "1000001", r#""1000001" is too large"#),
        ("REVALIDATE_MAX_RPS", "automatic", r#""automatic" is neither auto nor a decimal number"#),
        ("REVALIDATE_MAX_RPS", "0", r#""0" is too small"#),
        ("LOG_FORMAT", "xml", r#""xml" is neither json nor text"#),
        (
            "RUST_LOG",
            "svm=loud",
            r#""svm=loud" is not a log filter: there is no level "loud"; did you mean "off"?"#,
        ),
    ] {
        refused(name, value, problem);
    }
    for target in ["b", "b:0", "b:65536", ":1", "1.2.3.4", "1.2.3.4:0", "::1:80", "[::1]", "b_c:1"]
    {
        let value = format!("a:443={target}");
        let problem = format!("{value:?} does not end with an address and a port");
        refused("UPSTREAM_CONNECT_TO", &value, &problem);
    }
    let long = "x".repeat(1_000);
    refused("PORT", &long, &format!("{:?}... is not a whole number", "x".repeat(80)));
}

#[test]
fn connect_to_refuses_hosts_with_another_port() {
    let rules = |allowed| {
        let connect_to = ("UPSTREAM_CONNECT_TO", "a:443=b:1,GHE.example:443=127.0.0.1:1");
        config(&[connect_to, ("ALLOWED_UPSTREAM_HOSTS", allowed)])
    };
    rules("ghe.example").unwrap();
    for allowed in ["ghe.example:8443", "ghe.example,ghe.example:8443"] {
        let message = rules(allowed).unwrap_err();
        let problem = "UPSTREAM_CONNECT_TO: \"ghe.example:8443\" is allowed upstream, but ";
        assert!(message.starts_with(problem), "{message}");
    }
}

#[test]
fn a_secret_may_contain_a_quote_but_not_stand_between_two() {
    config(&[("WEBHOOK_SECRETS", "It's-a-\"Secret\"-to-Everybody")]).unwrap();
    for quoted in [
        "'a-secret-of-github'",
        "a-secret-of-github,\"another-secret-of-github\"",
        "'a-secret-of-github,another-secret-of-github'",
    ] {
        let message = config(&[("WEBHOOK_SECRETS", quoted)]).unwrap_err();
        assert!(message.starts_with("WEBHOOK_SECRETS: has quotes around a secret"), "{message}");
    }
    let message = config(&[("WEBHOOK_SECRETS", "a secret of github")]).unwrap_err();
    assert!(message.contains("a blank or another character that no secret has, in secret 1"));
}

#[test]
fn the_mirror_needs_an_open_path_below_its_root() {
    let hosts = "ghe.example";
    let root = |paths| {
        let paths = ("ALLOWED_API_PATHS", paths);
        let root = ("API_UPSTREAM", "https://ghe.example/api/v3");
        let hosts = ["ALLOWED_UPSTREAM_HOSTS", "GITHUB_TOKEN_HOSTS"].map(|name| (name, hosts));
        config(&[hosts[0], hosts[1], paths, root])
    };
    for open in ["/api/v3/repos/", "/api/v3/repos/octo/app", "/api/", "/"] {
        root(open).unwrap();
    }
    for closed in ["/repos/", "/api/v30/repos/"] {
        let message = root(closed).unwrap_err();
        assert!(message.starts_with("API_UPSTREAM: ALLOWED_API_PATHS opens no"), "{message}");
    }
}

#[test]
fn the_root_of_the_mirror_is_one_that_svm_understands() {
    let root = |root| {
        let hosts = ["ALLOWED_UPSTREAM_HOSTS", "GITHUB_TOKEN_HOSTS"];
        let [allowed, with_token] = hosts.map(|name| (name, "ghe.example"));
        config(&[allowed, with_token, ("ALLOWED_API_PATHS", "/"), ("API_UPSTREAM", root)])
    };
    for accepted in ["https://ghe.example", "https://ghe.example/api/v3/"] {
        root(accepted).unwrap();
    }
    let message = root("https://ghe.example/github").unwrap_err();
    let accepted = "is not the https URL of a host, alone or with the path /api/v3";
    assert!(message.starts_with("API_UPSTREAM") && message.contains(accepted), "{message}");
}

#[test]
fn a_variable_of_a_feature_that_svm_lacks_is_refused() {
    let message = config(&[
        ("REDIS_HOST", "rediss://redis.example"),
        ("REDIS_CERT_FILE", "/c.pem"),
        ("REDIS_KEY_FILE", " "),
        ("REDIS_SENTINEL_USER", "svm"),
    ]);
    assert_eq!(
        message.unwrap_err(),
        "REDIS_CERT_FILE: is set, but svm does not support client certificates for Redis\n\
         REDIS_SENTINEL_USER: is set, but svm does not support Redis Sentinel"
    );
}

#[test]
fn all_faults_in_one_message() {
    let every: Vec<_> = VARIABLES.iter().map(|variable| (variable.name, ",")).collect();
    let accepts_anything =
        ["TLS_CERT_FILE", "TLS_KEY_FILE", "CACHE_DIR", "REDIS_CA_FILE", "UPSTREAM_CA_FILE"];
    let message = config(&every).unwrap_err();
    for (name, _) in every {
        let count = message.lines().filter(|line| line.starts_with(&format!("{name}: "))).count();
        assert_eq!(count, usize::from(!accepts_anything.contains(&name)), "{name}");
    }
    let message = Config::from_vars(&Vars::from_iter([("PORT", "x"), ("CLIENT_MISS_RATE", "-1")]));
    let names: Vec<_> = message.unwrap_err().0.iter().map(|fault| fault.variable).collect();
    assert_eq!(names, ["PORT", "CLIENT_MISS_RATE", "GITHUB_PATS", "API_USAGE_THRESHOLD"]);
    let message = config(&[("FORWARDED_ALLOW_IPS", "a,b,::1")]).unwrap_err();
    assert_eq!(message.lines().count(), 2, "{message}");
}

#[test]
fn a_token_in_the_wrong_variable_is_shown_by_four_characters() {
    const FOR_SECRETS: &str = "WEBHOOK_SECRETS";
    let no_text = [
        "GITHUB_PATS",
        FOR_SECRETS,
        "REDIS_HOST",
        "CACHE_DIR",
        "REDIS_CA_FILE",
        "UPSTREAM_CA_FILE",
    ];
    let names = VARIABLES.iter().map(|variable| variable.name);
    for name in names.filter(|name| !no_text.contains(name)) {
        for value in [
            "ghp_canarySecret",
            "8000 ghp_canary Secret",
            "info,ghp_canary,Secret",
            "https://user:canary,Secret@api.github.com",
            "Bearer canarySecret",
            "svm=github_pat_canarySecret",
            "'glpat-canarySecret'",
            "0canary1Secret2Secret3Secret4",
        ] {
            // The value may be a valid host name.
            let message = match config(&[(name, value)]) {
                Ok(config) => format!("{:?}", config.settings).replace(FOR_SECRETS, ""),
                Err(message) => message,
            };
            for part in ["canary", "Secret"] {
                let found = message.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
                assert!(!found, "{name}={value}: {message}");
            }
        }
    }
    refused("PORT", "ghp_canary", r#""ghp_..." is not a whole number"#);
    refused("PORT", "8000 ghp_canary", r#""8000 ghp_..." is not a whole number"#);
    let stray = "0123456789abcdef0123456789abcdef01234567";
    refused("GITHUB_TOKEN_HOSTS", stray, r#""0123..." is not allowed upstream"#);
}

#[test]
fn tokens_are_never_shown() {
    for (value, problem) in [
        ("ghp_secret one", "in token 1"),
        ("ghp_one,\"ghp_secret\"", "in token 2"),
        ("'ghp_secret'", "in token 1"),
        ("ghp_secret\u{e9}", "in token 1"),
        (",", "holds no token"),
    ] {
        let message = config(&[("GITHUB_PATS", value)]).unwrap_err();
        assert!(message.starts_with("GITHUB_PATS: holds "), "{message}");
        assert!(message.contains(problem) && !message.contains("ghp_"), "{message}");
    }
    let config = config(&[("GITHUB_PATS", "ghp_secret")]).unwrap();
    for shown in [format!("{config:?}"), format!("{config:#?}"), format!("{:?}", config.settings)] {
        assert!(!shown.contains("ghp_secret"), "{shown}");
    }
}
