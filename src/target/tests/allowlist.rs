//! Hosts and paths that the allowlist opens.

use super::{check, check_under, policy};
use crate::target::{Authority, Error, PathPrefix, Target};

#[test]
fn paths_on_token_hosts() {
    let closed = [
        "",
        "/",
        "/user",
        "/notifications",
        "/gists",
        "/feeds",
        "/installation/repositories",
        "/repos",
        "/Repos/o/r",
        "/REPOS/o/r",
        "/repositories",
        "/reposx/o",
        "/rate_limit",
        "/repos%2Fo/r",
        "/user/repos/",
        "/%75ser",
    ];
    for path in closed.into_iter().filter(|path| !path.ends_with("s/")) {
        check(&format!("https://api.github.com{path}"), Err(Error::PathNotAllowed));
    }
    check("https://uploads.github.com/user", Ok("https://uploads.github.com/user"));

    let open = policy(&["api.github.com"], &["/"], &["api.github.com"]);
    check_under(&open, "https://api.github.com/user", Ok("https://api.github.com/user"));
    check_under(&open, "https://api.github.com", Ok("https://api.github.com/"));
    check_under(&open, "https://api.github.com/?q", Ok("https://api.github.com/?q"));
    check_under(&open, "https://api.github.com/../x", Err(Error::Segment));

    let some = policy(&["api.github.com"], &["/rate_limit", "/orgs/o/"], &["API.github.com"]);
    for (path, is_open) in [
        ("/rate_limit", true),
        ("/rate_limit/x", true),
        ("/rate_limits", false),
        ("/orgs/o", false),
        ("/orgs/o/repos", true),
        ("/orgs/other/repos", false),
    ] {
        let url = format!("https://api.github.com{path}");
        check_under(&some, &url, if is_open { Ok(&url) } else { Err(Error::PathNotAllowed) });
    }
}

#[test]
fn the_token_owner_is_requested_from_the_first_token_host() {
    let ghe = "ghe.example:8443";
    for (hosts, paths, tokens, expected) in [
        (vec!["api.github.com"], "/repos/", vec!["API.github.com"], "https://api.github.com/user"),
        (
            vec!["api.github.com"],
            "/orgs/o/repos/",
            vec!["api.github.com"],
            "https://api.github.com/user",
        ),
        (
            vec!["api.ghe.example"],
            "/api/v3/repos/",
            vec!["api.ghe.example"],
            "https://api.ghe.example/api/v3/user",
        ),
        (vec![ghe], "/api/v3/orgs/o/repos/", vec![ghe], "https://ghe.example:8443/api/v3/user"),
        (vec!["api.o.ghe.com"], "/", vec!["api.o.ghe.com"], "https://api.o.ghe.com/user"),
        (vec![ghe, "b"], "/api/v3/repos/", vec![ghe, "b"], "https://ghe.example:8443/api/v3/user"),
        (
            vec![ghe],
            "/github/api/v3/repos/o/",
            vec![ghe],
            "https://ghe.example:8443/github/api/v3/user",
        ),
        (vec![ghe], "/", vec![ghe], "https://ghe.example:8443/api/v3/user"),
        (vec!["raw.githubusercontent.com"], "/repos/", vec!["api.github.com"], ""),
        (vec!["api.github.com"], "/repos/", vec![], ""),
    ] {
        let target = Target::token_owner(&policy(&hosts, &[paths], &tokens));
        assert_eq!(target.as_ref().map_or("", Target::as_str), expected);
        assert!(target.is_none_or(|target| target.gets_token()));
    }
}

#[test]
fn ports_and_addresses_that_are_listed() {
    let hosts = ["ghe.example:8443", "127.0.0.1", "[2001:DB8:0::1]:444", "[::ffff:1.2.3.4]"];
    let policy = policy(&hosts, &["/api/v3/repos/"], &["ghe.example:8443"]);
    for (raw, expected) in [
        ("https://GHE.example:8443/api/v3/repos/o", Ok("https://ghe.example:8443/api/v3/repos/o")),
        ("https://ghe.example:8443/api/v3/user", Err(Error::PathNotAllowed)),
        ("https://ghe.example/api/v3/repos/o", Err(Error::HostNotAllowed)),
        ("https://ghe.example:8444/api/v3/repos/o", Err(Error::Port)),
        ("https://127.0.0.1/x", Ok("https://127.0.0.1/x")),
        ("https://127.1/x", Err(Error::HostNotAllowed)),
        ("https://[2001:db8::0:1]:444/x", Ok("https://[2001:db8::1]:444/x")),
        ("https://[2001:db8::1]/x", Err(Error::HostNotAllowed)),
        ("https://[::ffff:1.2.3.4]/x", Ok("https://[::ffff:102:304]/x")),
        ("https://[::ffff:102:304]:443/x", Ok("https://[::ffff:102:304]/x")),
    ] {
        check_under(&policy, raw, expected);
    }
}

#[test]
fn allowlist_entries() {
    let authority = |text: &str| text.parse().map(|authority: Authority| authority.to_string());
    assert_eq!(authority("API.github.com:443").as_deref(), Ok("api.github.com"));
    assert_eq!(authority("ghe.example:8443").as_deref(), Ok("ghe.example:8443"));
    for malformed in [
        "",
        "*",
        "*.github.com",
        "https://api.github.com",
        "api.github.com/",
        "a b",
        "a:0",
        "a:x",
        "127.1",
        "0x7f.1",
        "1.2.3",
        "::1",
        "[::1",
        "user@a",
        "a..b",
        "xn--a",
        "ä.example",
    ] {
        assert!(authority(malformed).is_err(), "{malformed:?}");
    }
    for (text, well_formed) in [
        ("/", true),
        ("/repos/", true),
        ("/rate_limit", true),
        ("/api/v3/repos/", true),
        ("", false),
        ("repos/", false),
        ("//", false),
        ("/a//b", false),
        ("/../", false),
        ("/a/./b", false),
        ("/%72epos/", false),
        ("/a?b", false),
        ("/a b", false),
        ("/*", true),
    ] {
        assert_eq!(text.parse::<PathPrefix>().is_ok(), well_formed, "{text:?}");
    }
}

#[test]
fn the_case_of_a_repository_does_not_matter() {
    for (prefix, path) in [
        ("/repos/Octo/", "/repos/octo/App"),
        ("/repos/octo/", "/repos/OCTO/app/releases"),
        ("/repos/Octo/App", "/repos/octo/app/releases"),
        ("/api/v3/repos/Octo/", "/api/v3/repos/octo/app"),
    ] {
        let policy = policy(&["api.github.com"], &[prefix], &["api.github.com"]);
        let of = |path: &str| Target::parse(&format!("https://api.github.com{path}"), &policy);
        assert!(of(path).is_ok(), "{prefix} {path}");
        assert!(matches!(of("/repos/other/app"), Err(Error::PathNotAllowed)), "{prefix}");
    }
}

#[test]
fn a_policy_returns_its_hosts_and_paths() {
    let policy = policy(&["api.github.com", "ghe.example:8443"], &["/repos/"], &["api.github.com"]);
    let ports: Vec<_> = policy.hosts.iter().map(|host| (host.host(), host.port())).collect();
    assert_eq!(ports, [("api.github.com", 443), ("ghe.example", 8443)]);
    let paths: Vec<_> = policy.api_paths.iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["/repos/"]);
}
