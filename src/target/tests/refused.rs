//! URLs that are refused before the allowlist is read, and the reasons.

use super::{PREFIX, check};
use crate::target::{Error, Policy, Target};

#[test]
fn anything_but_an_absolute_https_url() {
    for raw in [
        "",
        " ",
        "https",
        "https:",
        "https:/",
        "https://",
        "https:///repos/o/r",
        "https://?q",
        "https:api.github.com/repos/o/r",
        "https:/api.github.com/repos/o/r",
        "//api.github.com/x",
        "/repos/o/r",
        "repos/o/r",
        "http://api.github.com/repos/o/r",
        "ftp://api.github.com/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "httpſ://api.github.com/",
        "https:\\\\x",
        "ht\ttps://api.github.com/repos/o/r",
        "\u{feff}https://api.github.com/repos/o/r",
    ] {
        check(raw, Err(Error::NotHttps));
    }
}

#[test]
fn hostile_authorities() {
    for (authority, error) in [
        ("user@api.github.com", Error::UserInfo),
        ("@api.github.com", Error::UserInfo),
        (":@api.github.com", Error::UserInfo),
        ("api.github.com@evil.example", Error::UserInfo),
        ("api.github.com:443@evil.example", Error::UserInfo),
        ("api.github.com.", Error::Host),
        (".api.github.com", Error::Host),
        ("api..github.com", Error::Host),
        ("api_github.com", Error::Host),
        ("-api.github.com", Error::Host),
        ("api-.github.com", Error::Host),
        ("api%2egithub.com", Error::Host),
        ("api.github.com%2f", Error::Host),
        ("api.github.com&evil.example", Error::Host),
        ("[::1", Error::Host),
        ("::1", Error::NotHttps),
        ("[::1]x", Error::Host),
        ("[::1%251]", Error::Host),
        ("[v1.x]", Error::Host),
        ("x[::1]", Error::Host),
        ("api.github.com:80", Error::Port),
        ("api.github.com:8443", Error::Port),
        ("api.github.com:0443", Error::Port),
        ("api.github.com:0", Error::Port),
        ("api.github.com:65979", Error::Port),
        ("api.github.com:443:443", Error::Port),
        ("api.github.com:+443", Error::Port),
        ("api.github.com:4a3", Error::Port),
        ("evil.example", Error::HostNotAllowed),
        ("evil.example:8443", Error::HostNotAllowed),
        ("github.com", Error::HostNotAllowed),
        ("api.github.com.evil.example", Error::HostNotAllowed),
        ("xapi.github.com", Error::HostNotAllowed),
        ("127.0.0.1", Error::HostNotAllowed),
        ("127.1", Error::HostNotAllowed),
        ("0x7f000001", Error::HostNotAllowed),
        ("2130706433", Error::HostNotAllowed),
        ("169.254.169.254", Error::HostNotAllowed),
        ("[::1]", Error::HostNotAllowed),
        ("[::ffff:169.254.169.254]", Error::HostNotAllowed),
        ("localhost", Error::HostNotAllowed),
        ("api.gıthub.com", Error::Character),
        ("\u{ff41}pi.github.com", Error::Character),
        ("api.github.com\u{3002}", Error::Character),
        ("api.github.com\\@evil.example", Error::Character),
        ("evil.example\\.api.github.com", Error::Character),
        ("evil.example#.api.github.com", Error::Fragment),
    ] {
        check(&format!("https://{authority}/repos/o/r"), Err(error));
    }
    let long_label = "a".repeat(64);
    check(&format!("https://{long_label}.com/"), Err(Error::Host));
    let long_host = "a.".repeat(126) + "aa";
    check(&format!("https://{long_host}/"), Err(Error::Host));
    check(&format!("https://{}/", &long_host[1..][1..]), Err(Error::HostNotAllowed));
}

#[test]
fn hostile_bytes() {
    for byte in 0..=u8::MAX {
        let raw = format!("{PREFIX}a{}b", char::from(byte));
        let accepted = (0x21..=0x7E).contains(&byte) && !b"\\\"<>^`{|}#%".contains(&byte);
        assert_eq!(Target::parse(&raw, &Policy::default()).is_ok(), accepted, "{raw:?}");
    }
    for byte in 0..=u8::MAX {
        let verdict = match byte {
            0..0x20 | 0x7F | b'\\' => Some(Error::Encoded),
            0x80.. => Some(Error::Utf8),
            _ => None,
        };
        for (before, after) in [("x", "y"), ("x?q=", "y")] {
            let raw = format!("{PREFIX}{before}%{byte:02x}{after}");
            assert_eq!(Target::parse(&raw, &Policy::default()).err(), verdict, "{raw:?}");
        }
    }
    for (rest, error) in [
        ("%", Error::Percent),
        ("a%2", Error::Percent),
        ("a%zz", Error::Percent),
        ("a?q=%", Error::Percent),
        ("a?q=%2", Error::Percent),
        ("a?q=%u0041", Error::Percent),
        ("a%250Ab", Error::Encoded),
        ("a%25255Cb", Error::Encoded),
        ("a#b", Error::Fragment),
        ("a?sha=a#b", Error::Fragment),
        ("a b", Error::Character),
        ("a\r\nHost: x", Error::Character),
        ("é", Error::Character),
    ] {
        check(&format!("{PREFIX}{rest}"), Err(error));
    }
    let long = |length| format!("{PREFIX}{}", "a".repeat(length - PREFIX.len()));
    check(&long(2_048), Ok(&long(2_048)));
    check(&format!(" {} ", long(2_048)), Ok(&long(2_048)));
    check(&long(2_049), Err(Error::TooLong));
    let grows = format!("{}?'", long(2_046));
    check(&grows, Err(Error::TooLong));
}

#[test]
fn hostile_paths() {
    for path in [
        "//repos/o/r",
        "/repos//o",
        "/repos/o/r/",
        "/repos/./o",
        "/repos/../user",
        "/repos/o/..",
        "/.",
        "/..",
        "/%2e%2e/user",
        "/repos/%2E%2e/user",
        "/repos/.%2e/user",
        "/repos/..%2fuser",
        "/repos/o%2f..%2f..%2fuser",
        "/repos/o%2F%2Fr",
        "/repos/o/r%2F",
        "/%2Frepos/o",
        "/%2f",
        "/repos/%252e%252e/user",
        "/repos/..%252fuser",
        "/repos/%25252e%2525252e/user",
        "/repos/o/%2525%32%65%2525%32%65",
        "/repos/%2%45%2%45",
    ] {
        let error = if path.contains("%2%4") { Error::Percent } else { Error::Segment };
        check(&format!("https://api.github.com{path}"), Err(error));
    }
    check(&format!("{PREFIX}...%2f.a%2f..b"), Ok(&format!("{PREFIX}...%2F.a%2F..b")));
    check(&format!("{PREFIX}100%25"), Ok(&format!("{PREFIX}100%25")));
}

#[test]
fn hostile_queries() {
    for query in ["a;b", "a=1;b=2", "a=1&b;token=x"] {
        check(&format!("{PREFIX}x?{query}"), Err(Error::Semicolon));
    }
    for query in [
        "access_token=x",
        "a=1&access_token=x",
        "ACCESS_TOKEN=x",
        "access%5Ftoken=x",
        "token",
        "%74oken=x",
        "%2574oken=x",
        "Token=",
        "client_secret=x",
        "client_id=a&client%5fsecret=b",
        "token[]=x",
        "[token]=x",
        "token%5B%5D=x",
        "token[a][b]=x",
    ] {
        check(&format!("{PREFIX}x?{query}"), Err(Error::Credential));
    }
}
