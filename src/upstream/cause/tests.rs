//! The causes of errors of a real client and of the system.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::*;
use crate::look_ups::LookUps;
use crate::upstream::resolver::Resolver;

/// Returns the cause of a request whose look-ups have this result.
async fn cause_of(
    names: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
) -> Cause {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let resolver = Resolver::new(&[], LookUps::asking(1, move |_, _| names()));
    let client = reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .connect_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    Cause::of(&client.get("https://api.github.com/").send().await.unwrap_err())
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let fails = || Err(io::Error::other("failed to lookup address information"));
    assert_eq!(cause_of(fails).await, Cause::NameUnresolved);
    // The name servers cannot be reached, for various causes; that says nothing about the upstream.
    for kind in [
        ErrorKind::ConnectionRefused,
        ErrorKind::TimedOut,
        ErrorKind::NetworkUnreachable,
        ErrorKind::PermissionDenied,
        ErrorKind::NotFound,
    ] {
        assert_eq!(cause_of(move || Err(kind.into())).await, Cause::NameUnresolved, "{kind:?}");
    }
}

#[tokio::test]
async fn a_look_up_that_finds_nothing_to_dial() {
    assert_eq!(cause_of(|| Ok(Vec::new())).await, Cause::NoPublicAddress);
    let private = || Ok(vec![([10, 0, 0, 1], 443).into()]);
    assert_eq!(cause_of(private).await, Cause::NoPublicAddress);
    let exhausted = || Err(io::Error::from_raw_os_error(NO_DESCRIPTOR[0]));
    assert_eq!(cause_of(exhausted).await, Cause::NoDescriptor);
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_millis(50));
    let error = client.build().unwrap().get(url).send().await.unwrap_err();
    assert_eq!(Cause::of(&error), Cause::ConnectTimeout);
}

#[test]
fn the_errors_of_the_system() {
    for (kind, cause) in [
        (ErrorKind::ConnectionRefused, Cause::ConnectionRefused),
        (ErrorKind::TimedOut, Cause::ConnectTimeout),
        (ErrorKind::NetworkUnreachable, Cause::NetworkUnreachable),
        (ErrorKind::HostUnreachable, Cause::NetworkUnreachable),
        (ErrorKind::NetworkDown, Cause::NetworkUnreachable),
        (ErrorKind::PermissionDenied, Cause::ConnectionForbidden),
        (ErrorKind::AddrNotAvailable, Cause::NoDescriptor),
        (ErrorKind::ConnectionReset, Cause::ConnectionReset),
        (ErrorKind::BrokenPipe, Cause::ConnectionReset),
        (ErrorKind::UnexpectedEof, Cause::ConnectionClosed),
    ] {
        assert_eq!(of_io(&kind.into()), Some(cause), "{kind:?}");
        // rustls and other libraries wrap such an error.
        let wrapped = io::Error::other(io::Error::from(kind));
        assert_eq!(of_io(&wrapped), Some(cause), "{kind:?}");
    }
    for number in NO_DESCRIPTOR {
        let error = io::Error::from_raw_os_error(number);
        assert_eq!(of_io(&error), Some(Cause::NoDescriptor), "{error}");
    }
}

#[test]
fn the_faults_of_certificates() {
    for (fault, cause) in [
        (Certificate::Expired, Cause::CertificateExpired),
        (Certificate::NotValidYet, Cause::CertificateNotYetValid),
        (Certificate::NotValidForName, Cause::CertificateWrongName),
        (Certificate::UnknownIssuer, Cause::CertificateUnknownAuthority),
        (Certificate::Revoked, Cause::CertificateRevoked),
        (Certificate::BadSignature, Cause::CertificateInvalid),
    ] {
        let error = rustls::Error::InvalidCertificate(fault);
        let wrapped = io::Error::new(ErrorKind::InvalidData, error);
        assert_eq!(of_io(&wrapped), Some(cause));
    }
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
    assert_eq!(of_tls(&alert), Cause::Tls);
}

#[test]
fn each_cause_has_words_of_its_own() {
    let tokens: HashSet<_> = Cause::ALL.map(Cause::as_str).into();
    let sentences: HashSet<_> = Cause::ALL.map(Cause::sentence).into();
    assert_eq!((tokens.len(), sentences.len()), (Cause::ALL.len(), Cause::ALL.len()));
}
