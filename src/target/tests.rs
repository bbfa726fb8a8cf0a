//! Accepted URLs, their canonical spellings, and redirects.

mod allowlist;
mod hostile;
mod laws;
mod refused;

use super::canonical::canonicalise;
use super::grammar::UrlParts;
use super::{Error, Key, Policy, Target};

const PREFIX: &str = "https://api.github.com/repos/o/r/";

#[track_caller]
fn check(raw: &str, expected: Result<&str, Error>) {
    check_under(&Policy::default(), raw, expected);
}

#[track_caller]
fn check_under(policy: &Policy, raw: &str, expected: Result<&str, Error>) {
    let target = Target::parse(raw, policy);
    assert_eq!(target.as_ref().map(Target::as_str).map_err(|&error| error), expected, "{raw:?}");
}

fn policy(hosts: &[&str], api_paths: &[&str], token_hosts: &[&str]) -> Policy {
    let authorities = |list: &[&str]| list.iter().map(|item| item.parse().unwrap()).collect();
    let api_paths = api_paths.iter().map(|path| path.parse().unwrap()).collect();
    Policy { hosts: authorities(hosts), api_paths, token_hosts: authorities(token_hosts) }
}

#[test]
fn urls_of_real_clients_are_accepted() {
    for path in [
        "repos/saltyorg/Saltbox/commits?sha=master",
        "repos/saltyorg/autoplow/releases/latest",
        "repos/ncw/rclone/git/refs/tags",
        "repos/trapexit/mergerfs/releases/tags/2.40.2",
        "repos/pannal/Sub-Zero.bundle/releases/latest",
        "repos/pimlie/ubuntu-mainline-kernel.sh/contents/ubuntu-mainline-kernel.sh",
        "repositories/638123443/releases/latest",
    ] {
        let url = format!("https://api.github.com/{path}");
        check(&url, Ok(&url.replace("Saltbox", "saltbox").replace("Sub-Zero", "sub-zero")));
    }
    check(
        "https://raw.githubusercontent.com/o/r/main/data.json",
        Ok("https://raw.githubusercontent.com/o/r/main/data.json"),
    );
}

#[test]
fn one_spelling() {
    for (raw, canonical) in [
        ("HTTPS://API.GitHub.com/repos/O/R", "https://api.github.com/repos/o/r"),
        (
            "https://api.github.com/repos/O/R/Contents/A?B=C",
            "https://api.github.com/repos/o/r/Contents/A?B=C",
        ),
        ("https://api.github.com/repositories/A/B", "https://api.github.com/repositories/A/B"),
        ("https://raw.githubusercontent.com/O/R/A", "https://raw.githubusercontent.com/O/R/A"),
        ("https://api.github.com:443/repos/o/r", "https://api.github.com/repos/o/r"),
        ("https://api.github.com:/repos/o/r", "https://api.github.com/repos/o/r"),
        (" \thttps://api.github.com/repos/o/r\t ", "https://api.github.com/repos/o/r"),
        ("https://api.github.com/repos/o/r?", "https://api.github.com/repos/o/r"),
        ("https://api.github.com/repos/o/r?&&", "https://api.github.com/repos/o/r"),
        ("https://api.github.com/%72epos/%6f/r%7E%5f%2D", "https://api.github.com/repos/o/r~_-"),
    ] {
        check(raw, Ok(canonical));
    }
    for (raw, canonical) in [
        ("a%2fb", "a%2Fb"),
        ("a%c3%a9", "a%C3%A9"),
        ("a%23b%2b+", "a%23b%2B+"),
        ("a%252fb", "a%252fb"),
        ("v1%2E2", "v1.2"),
        ("a:b@c!$&'()*,=[]", "a:b@c!$&'()*,=[]"),
        ("x?b=2&a=1", "x?a=1&b=2"),
        ("x?a=2&a=1&A=3", "x?A=3&a=2&a=1"),
        ("x?b&a&=&c=", "x?=&a&b&c="),
        ("x?a=1&", "x?a=1"),
        ("x?%62=2&%61=%7e%3d", "x?a=~%3D&b=2"),
        ("x?q='%27", "x?q=%27%27"),
        ("x?q=a?b/c//../:@", "x?q=a?b/c//../:@"),
        ("x?sha=feature%2fx+y%2520", "x?sha=feature%2Fx+y%2520"),
        ("x?tokens=1&atoken=2&q=token", "x?atoken=2&q=token&tokens=1"),
    ] {
        check(&format!("{PREFIX}{raw}"), Ok(&format!("{PREFIX}{canonical}")));
    }
}

#[test]
fn parts() {
    let policy = policy(&["api.github.com", "ghe.example:8443"], &["/"], &["api.github.com"]);
    let target = Target::parse("https://Api.github.com/repos/o/r?b=1", &policy).unwrap();
    assert_eq!((target.host(), target.port()), ("api.github.com", 443));
    assert_eq!((target.authority(), target.path()), ("api.github.com", "/repos/o/r"));
    assert!(target.gets_token());
    assert_eq!(format!("{target:?}"), r#"Target("https://api.github.com/repos/o/r?b=1")"#);
    assert_eq!(
        Target::parse("https://api.github.com/repos/o/r", &policy).unwrap().key().to_string(),
        "v1:3974a6ce95ea502d5ce2b85746e0d07c7a39abf671fe63a170c398cb6ef0090c",
    );

    let target = Target::parse("https://ghe.example:8443?b=1", &policy).unwrap();
    assert_eq!((target.host(), target.port()), ("ghe.example", 8_443));
    assert_eq!((target.authority(), target.path()), ("ghe.example:8443", "/"));
    assert!(!target.gets_token());
}

#[test]
fn redirects() {
    let policy = policy(
        &["api.github.com", "codeload.github.com", "ghe.example:8443"],
        &["/repos/", "/repositories/"],
        &["api.github.com"],
    );
    let api = Target::parse("https://api.github.com/repos/o/r?x=1", &policy).unwrap();
    let enterprise = Target::parse("https://ghe.example:8443/repos/o/r", &policy).unwrap();
    for (from, location, expected) in [
        (
            &api,
            "https://api.github.com/repositories/1",
            Ok("https://api.github.com/repositories/1"),
        ),
        (&api, "/repositories/1?y=2", Ok("https://api.github.com/repositories/1?y=2")),
        (&api, "https://codeload.github.com/o/r", Ok("https://codeload.github.com/o/r")),
        (&enterprise, "/x", Ok("https://ghe.example:8443/x")),
        (&api, "/user", Err(Error::PathNotAllowed)),
        (&api, "/repos/../user", Err(Error::Segment)),
        (&api, "/\\evil.example/x", Err(Error::Character)),
        (&api, "//codeload.github.com/o/r", Err(Error::NotHttps)),
        (&api, "http://api.github.com/repos/o/r", Err(Error::NotHttps)),
        (&api, "repos/o/r", Err(Error::NotHttps)),
        (&api, "?page=2", Err(Error::NotHttps)),
        (&api, "", Err(Error::NotHttps)),
        (&api, "https://169.254.169.254/latest", Err(Error::HostNotAllowed)),
        (&api, "https://evil.example/", Err(Error::HostNotAllowed)),
        (&api, "https://user@api.github.com/repos/o/r", Err(Error::UserInfo)),
        (&api, "/repos/o/r#readme", Err(Error::Fragment)),
        (&api, "/repos/o/r?token=x", Err(Error::Credential)),
    ] {
        let target = from.redirect(location, &policy);
        assert_eq!(target.as_ref().map(Target::as_str).map_err(|&error| error), expected);
    }
}

#[test]
fn urls_that_the_url_crate_reads_differently_are_refused() {
    // The rules for paths and hosts refuse all of these earlier.
    for (host, port, path) in [
        ("api.github.com", 443, "/repos/../user"),
        ("api.github.com", 443, "/repos/\\evil"),
        ("api.github.com", 443, "/repos/\"o\""),
        ("127.1", 443, "/repos/o/r"),
        ("API.github.com\u{3002}", 443, "/repos/o/r"),
        ("api.github.com@evil.example", 443, "/repos/o/r"),
        ("api.github.com", 443, "/repos/o#r"),
        ("api.github.com/repos", 443, "/o/r"),
        ("api.github.com:80", 443, "/repos/o/r"),
    ] {
        let parts = UrlParts { host: host.into(), port, path, query: "" };
        let read = canonicalise(&parts).err();
        assert_eq!(read, Some(Error::Ambiguous), "{host} {path}");
    }
}

#[test]
fn a_key_shows_itself_alike_to_all() {
    let key = Target::parse("https://api.github.com/repos/o/r", &Policy::default()).unwrap().key();
    assert_eq!(format!("{key:?}"), key.to_string());
    assert_eq!(Key::from([7; 32]).as_bytes(), &[7; 32]);
}

#[test]
fn targets_are_equal_if_url_and_token_are() {
    let parse = |url: &str, token_hosts: &[&str]| {
        Target::parse(url, &policy(&["api.github.com"], &["/"], token_hosts)).unwrap()
    };
    let with_token = |url| parse(url, &["api.github.com"]);
    let (one, other) = ("https://api.github.com/repos/o/r", "https://api.github.com/repos/o/s");
    assert_eq!(with_token(one), with_token(one));
    assert_ne!(with_token(one), with_token(other));
    assert_ne!(with_token(one), parse(one, &[]));
}
