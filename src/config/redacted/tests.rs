//! Credentials in all positions, and values that operators really use.

use proptest::prelude::*;

use super::{cut, redacted, without_tokens};
use crate::config::VARIABLES;

#[test]
fn a_credential_is_shown_by_its_first_four_characters() {
    for (text, shown) in [
        ("ghp_secret", "ghp_..."),
        ("GHP_secret", "GHP_..."),
        ("github_pat_11ABC_secret", "gith..."),
        ("xghp_secret", "xghp_..."),
        ("glpat-secret/more.of-it", "glpa..."),
        ("8000 ghp_secret", "8000 ghp_..."),
        ("a.example,ghp_secret,b.example", "a.example,ghp_...,b.example"),
        ("'ghp_secret'", "'ghp_...'"),
        ("https://ghp_secret@github.com/", "https://...@github.com/"),
        ("redis://user:secret@redis:6379", "redis://...@redis:6379"),
        ("redis://:sec,ret@redis", "redis://...@redis"),
        ("user:secret@redis", "...@redis"),
        ("Bearer secret", "Bearer ..."),
        ("Authorization: basic  c2VjcmV0", "Authorization: basic  ..."),
        ("access_token=secret", "access_token=..."),
        ("token=secret next", "token=... next"),
        ("eyJhbGciOiJub25lIn0.e30.secret", "eyJh..."),
        ("0123456789abcdef0123456789abcdef01234567", "0123..."),
        ("/etc/0123456789abcdef0123456789abcdef01234567/x", "/etc/0123..."),
        ("Zk3pQ9xLm2Vt7RbN4wYc", "Zk3p..."),
        ("kJ8s-Qp2_xV9r-Tn4mWz7-bL", "kJ8s..."),
        ("QkZmTrXwLpNvBsHdGyRc", "QkZm..."),
        ("npm_Zk3pQ9xLm2Vt7RbN4wYc", "npm_..."),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA..."),
        ("key ASIAIOSFODNNEXAMPLEX", "key ASIA..."),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJal..."),
        ("aws=wJalrXUtnFEMI/KxMDENG/bPxRfiCYEXAMPLEKEY", "aws=wJal..."),
        ("hf_abcdefghijklmnopqrstuvwxyzabcdefgh", "hf_a..."),
        ("xapp-1-A012BCDEF-1234-abcdef", "xapp..."),
        ("gta_0123456789abcdef0123", "gta_..."),
        ("rk_live_abcdefgh", "rk_l..."),
        ("sk_live_abcdefgh1234", "sk_l..."),
        ("x,pk_live_abcdefgh1234", "x,pk_l..."),
        ("npm_abcdefghijklmnopqrstuvwxyz", "npm_..."),
        ("550e8400-e29b-41d4-a716-446655440000", "550e..."),
        ("Zk3pQ9xLm2Vt7RbN", "Zk3p..."),
        ("password: hunter2", "password: ..."),
        ("é ghp_secret é", "é ghp_... é"),
        ("ghp_é", "ghp_..."),
        ("ghp_", "ghp_..."),
    ] {
        assert_eq!(redacted(text), shown, "{text:?}");
        assert_eq!(redacted(shown), shown, "it is redacted already");
    }
}

#[test]
fn a_value_is_cut_at_its_first_credential() {
    for (value, shown) in [
        ("ghp_sec ret", "ghp_..."),
        ("8000 ghp_sec,ret", "8000 ghp_..."),
        ("redis://user:sec ret@redis", "redis://..."),
        ("user:sec\"ret@redis", "..."),
        ("https://github.com ghp_secret", "https://github.com ghp_..."),
        ("--password hunter2pass", "--password ..."),
        ("x token hunter2pass", "x token ..."),
    ] {
        assert_eq!(cut(value).as_deref(), Some(shown), "{value:?}");
    }
}

#[test]
fn usual_values_are_shown() {
    let defaults = VARIABLES.iter().map(|variable| variable.default);
    let texts = VARIABLES.iter().flat_map(|variable| [variable.accepts, variable.meaning]);
    let others = [
        "/var/lib/svm data-2024",
        "/etc/ssl/certs/DigiCert_Global_Root_G2.pem",
        "/var/lib/kubelet/pods/550e8400-e29b-41d4-a716-446655440000/volumes",
        "mycompanygithubproxy01.eu-west-1.example.internal:8443",
        "api.github.com:443=[2001:db8::1]:8443,codeload.github.com:443=gateway:1",
        "2001:db8:1234:5678:9abc:def0:1234:5678/128",
        "hyper_util::client::legacy=debug,svm::access=off,info",
        "redis://redis.internal:6379/3",
        "rediss://[::1]:6379/0",
        "GithubReleasesCacheFolder",
        "17179869183.9999999999",
        "/srv/npm_cache/monkeyjungle-server/pypi-mirror",
        "redis.sk-1.example",
        "/var/lib/svm",
        "/etc/ssl/certs/DigiCertGlobalG2.pem",
        "/Share/JohnDoe/Library/Caches/SvmCache01",
        "Release2024Cache",
        "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,2001:db8::/32",
        "https://api.github.com/repos/o/r",
        "network_live_data/hf_models/risk_live_feed",
        "/srv/npm_configuration/xapp-proxy/foxapp-1",
        "svm-7d9f8b6c5d-x2x4z",
        "ip-10-0-12-5.eu-west-1.compute.internal",
        "ASIAPACIFIC.example",
        "1h30m10s",
    ];
    for value in defaults.chain(others) {
        assert_eq!(cut(value), None, "{value:?}");
        assert_eq!(redacted(value), value);
    }
    for text in texts {
        assert_eq!(redacted(text), text);
    }
}

/// A token with its public prefix.
fn tokens() -> impl Strategy<Value = String> {
    let prefixed = "(gh[pousr]_|github_pat_|glpat-)[A-Za-z0-9]{16,40}";
    // Random words almost always have all kinds of characters.
    let random = "[a-z]{2}[0-9][A-Z]{2}[A-Za-z0-9]{20,60}";
    let hex = "[0-9a-f]{36}a0b1";
    let web = "eyJ[A-Za-z0-9]{10,30}\\.eyJ[A-Za-z0-9_-]{10,30}\\.[A-Za-z0-9_-]{10,30}";
    prop_oneof![prefixed, random, hex, web]
}

proptest! {
    #[test]
    fn no_more_than_four_characters_of_a_token_are_shown(
        token in tokens(),
        before in "([a-z0-9]{0,6}[ ,:;=/\"'@é]){0,3}",
        after in "([ ,:;/\"'@é][a-z0-9]{0,6}){0,3}",
    ) {
        let text = format!("{before}{token}{after}");
        let beginning = &token[..5];
        prop_assert!(!redacted(&text).contains(beginning), "{}", redacted(&text));
        let cut = cut(&text).expect("a credential");
        prop_assert!(!cut.contains(beginning), "{cut}");
        // Not even the end of the token is shown.
        prop_assert!(!redacted(&text).contains(&token[token.len() - 8..]), "{}", redacted(&text));
    }

    #[test]
    fn a_password_is_never_shown(password in "[!#-_a-~]{6,20}", user in "[a-z]{0,6}") {
        let text = format!("redis://{user}:{password}@redis:6379/0");
        for shown in [redacted(&text).into_owned(), cut(&text).expect("a credential")] {
            prop_assert!(!shown.contains(&password), "{shown}");
        }
    }

    #[test]
    fn any_text_is_redacted_once_and_for_all(text in "\\PC{0,60}|[a-z@:/ ,_.gh]{0,40}") {
        let once = redacted(&text).into_owned();
        prop_assert_eq!(redacted(&once), once.as_str());
        let _ = cut(&text);
    }
}

#[test]
fn a_token_in_a_path_is_cut_short_and_no_name_is() {
    let token = |prefix: &str| format!("{prefix}{}", "a1".repeat(18));
    let ghp = token("ghp_");
    for (path, shown) in [
        (format!("/{ghp}"), "/ghp_..."),
        (format!("/repos/o/{ghp}/tags"), "/repos/o/ghp_.../tags"),
        (format!("/{ghp}/{ghp}"), "/ghp_.../ghp_..."),
        (format!("/x{}%20y", token("GITHUB_PAT_11ABC_")), "/xGITH...%20y"),
        (
            format!("api.github.com/repos/o/{}?page=2", token("ghs_")),
            "api.github.com/repos/o/ghs_...?page=2",
        ),
    ] {
        assert_eq!(without_tokens(&path), shown);
    }
    for path in [
        "/repos/octo/ghp_tools/releases/latest",
        "/repos/o/r/git/blobs/0123456789abcdef0123456789abcdef01234567",
        "/repos/octo/my-app_2.0/contents/a.json",
        "/é_ghp_",
    ] {
        assert_eq!(without_tokens(path), path);
    }
}
