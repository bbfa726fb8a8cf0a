//! The causes of failed exchanges, as values for counters and log lines: without URL, address or
//! token.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::io;

use rustls::CertificateError as Certificate;

use super::resolver::NoPublicAddress;

use crate::words::words;

/// The error numbers for too many open files, in the process and in the system (Linux and the BSDs
/// agree).
const NO_DESCRIPTOR: [i32; 2] = [24, 23];

words! {
    /// The cause of a failed exchange.
    pub enum Cause {
        /// The name servers give no address, or do not answer.
        NameUnresolved = "name-unresolved",
        /// The name has no address that svm may dial.
        NoPublicAddress = "no-public-address",
        /// No process listens at the address.
        ConnectionRefused = "connection-refused",
        /// Connecting took too long.
        ConnectTimeout = "connect-timeout",
        /// There is no route.
        NetworkUnreachable = "network-unreachable",
        /// A rule of this system forbids the connection.
        ConnectionForbidden = "connection-forbidden",
        /// This system has no descriptor or port left.
        NoDescriptor = "no-descriptor",
        /// The connection was reset or lost.
        ConnectionReset = "connection-reset",
        /// The connection ended before the answer.
        ConnectionClosed = "connection-closed",
        /// The certificate has expired.
        CertificateExpired = "certificate-expired",
        /// The certificate is not valid yet.
        CertificateNotYetValid = "certificate-not-yet-valid",
        /// The certificate is for another host.
        CertificateWrongName = "certificate-wrong-name",
        /// The certificate's authority is not trusted.
        CertificateUnknownAuthority = "certificate-unknown-authority",
        /// The certificate was revoked.
        CertificateRevoked = "certificate-revoked",
        /// The certificate has another fault.
        CertificateInvalid = "certificate-invalid",
        /// TLS failed for another cause.
        Tls = "tls",
        /// The answer is not HTTP.
        NotHttp = "not-http",
        /// No answer within `UPSTREAM_TIMEOUT`.
        Timeout = "timeout",
        /// The answer stopped before its end.
        CutShort = "cut-short",
        /// A status of 500 or above.
        ServerError = "server-error",
        /// None of these.
        Other = "other",
    }
}

impl Cause {
    /// Returns the cause of a request without an answer.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut chain = std::iter::successors(error.source(), |error| (*error).source());
        let found = chain.find_map(known);
        match found {
            Some(cause @ (Self::NoPublicAddress | Self::NoDescriptor)) => cause,
            // A look-up may fail with an error of the connection to a name server.
            _ if error.is_dns() => Self::NameUnresolved,
            // The connection was established, and then nothing arrived for too long.
            Some(Self::ConnectTimeout) if !error.is_connect() => Self::ConnectionReset,
            Some(cause) => cause,
            None if error.is_connect() && error.is_timeout() => Self::ConnectTimeout,
            None if error.is_timeout() => Self::Timeout,
            None => Self::Other,
        }
    }

    /// Describes the cause for an operator.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NameUnresolved => "the name does not resolve (DNS)",
            Self::NoPublicAddress => "the name has no public address",
            Self::ConnectionRefused => "the connection is refused",
            Self::ConnectTimeout => "connecting takes too long",
            Self::NetworkUnreachable => "the network is unreachable",
            Self::ConnectionForbidden => "this system forbids the connection",
            Self::NoDescriptor => "this system has no file descriptor or port left",
            Self::ConnectionReset => "the connection is reset or lost",
            Self::ConnectionClosed => "the connection is closed before the answer",
            Self::CertificateExpired => "the certificate has expired",
            Self::CertificateNotYetValid => "the certificate is not valid yet",
            Self::CertificateWrongName => "the certificate is for another name",
            Self::CertificateUnknownAuthority => "the certificate is from an unknown authority",
            Self::CertificateRevoked => "the certificate was revoked",
            Self::CertificateInvalid => "the certificate is not valid",
            Self::Tls => "the TLS handshake fails",
            Self::NotHttp => "the answer is not HTTP",
            Self::Timeout => "no answer within UPSTREAM_TIMEOUT",
            Self::CutShort => "the answer stops before its end",
            Self::ServerError => "the answer is a server error (5xx)",
            Self::Other => "the request fails",
        }
    }

    /// Returns true if the cause affects all documents of the host.
    pub(super) const fn is_of_host(self) -> bool {
        !matches!(
            self,
            Self::ConnectionReset
                | Self::ConnectionClosed
                | Self::NotHttp
                | Self::Timeout
                | Self::CutShort
                | Self::ServerError
                | Self::Other
        )
    }
}

/// Returns the cause that one error of a chain names.
fn known(error: &(dyn Error + 'static)) -> Option<Cause> {
    if error.is::<NoPublicAddress>() {
        return Some(Cause::NoPublicAddress);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_http(error);
    }
    of_io(error.downcast_ref()?)
}

fn of_io(error: &io::Error) -> Option<Cause> {
    // An error inside an `io::Error` is not among its sources; only that error's own source is.
    if let Some(inner) = error.get_ref()
        && let Some(cause) = known(inner)
    {
        return Some(cause);
    }
    if error.raw_os_error().is_some_and(|number| NO_DESCRIPTOR.contains(&number)) {
        return Some(Cause::NoDescriptor);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Cause::ConnectionRefused),
        io::ErrorKind::TimedOut => Some(Cause::ConnectTimeout),
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkDown => Some(Cause::NetworkUnreachable),
        io::ErrorKind::PermissionDenied => Some(Cause::ConnectionForbidden),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Some(Cause::NoDescriptor),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Some(Cause::ConnectionReset),
        io::ErrorKind::UnexpectedEof => Some(Cause::ConnectionClosed),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> Cause {
    let rustls::Error::InvalidCertificate(fault) = error else { return Cause::Tls };
    match fault {
        Certificate::Expired | Certificate::ExpiredContext { .. } => Cause::CertificateExpired,
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            Cause::CertificateNotYetValid
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            Cause::CertificateWrongName
        }
        Certificate::UnknownIssuer => Cause::CertificateUnknownAuthority,
        Certificate::Revoked => Cause::CertificateRevoked,
        _ => Cause::CertificateInvalid,
    }
}

fn of_http(error: &hyper::Error) -> Option<Cause> {
    match error {
        _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            Some(Cause::ConnectionClosed)
        }
        _ if error.is_parse() => Some(Cause::NotHttp),
        _ => None,
    }
}
