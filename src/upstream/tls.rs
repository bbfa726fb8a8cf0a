//! The TLS configuration of all connections to upstreams: the system's certificate authorities, and
//! those of `UPSTREAM_CA_FILE` besides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use super::intake::metered;
use crate::config::redacted::redacted_path;

/// Why the HTTPS client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// `UPSTREAM_CA_FILE` cannot be read.
    #[error("UPSTREAM_CA_FILE {} cannot be read", redacted_path(.path))]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `UPSTREAM_CA_FILE` holds no certificate in PEM form.
    #[error("UPSTREAM_CA_FILE {} holds no PEM certificate", redacted_path(.path))]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The system has no certificate authorities, and `UPSTREAM_CA_FILE` is unset.
    #[error(
        "there are no CA certificates to verify GitHub with: install the system's package ca-certificates, or name a PEM file in UPSTREAM_CA_FILE (SSL_CERT_FILE and SSL_CERT_DIR, where they are set, name the system's)"
    )]
    NoAuthorities,
    /// TLS cannot be set up.
    #[error("the HTTPS client cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTPS client cannot be set up")]
    Client(#[from] reqwest::Error),
}

/// TLS 1.2 and 1.3, for HTTP/1.1. Clones share the sessions that can be resumed.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(metered(provider()));
    let authorities = ca_file.map(certificates).transpose()?.unwrap_or_default();
    // The system's are not looked at more closely than that: the file's alone would do.
    let verifier =
        Verifier::new_with_extra_roots(authorities, Arc::clone(&provider)).map_err(|_| {
            ca_file.map_or(ClientError::NoAuthorities, |path| ClientError::NoCertificate {
                path: path.to_owned(),
            })
        })?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The process may have installed a provider already; whichever is there will do.
fn provider() -> CryptoProvider {
    let installed = CryptoProvider::get_default().map(|provider| CryptoProvider::clone(provider));
    installed.unwrap_or_else(ring::default_provider)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let pem = crate::small_file::read(path)
        .map_err(|source| ClientError::CaFile { path: path.to_owned(), source })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ClientError::NoCertificate { path: path.to_owned() }),
    }
}
