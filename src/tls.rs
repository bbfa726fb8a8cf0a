//! The TLS configuration of clients: trusted certificate authorities, cryptography, versions. The
//! configuration of the server has a module of its own.

mod own;
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::config::redacted::redacted_path;
use crate::small_file;

pub(crate) use own::client_of_own_service;
pub(crate) use server::HTTP_2;
pub use server::ServerTls;

/// The reason why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{variable} {} cannot be read", redacted_path(.path))]
    Unreadable {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file holds no certificate in PEM form that can be used.
    #[error("{variable} {} holds no PEM certificate", redacted_path(.path))]
    NoCertificate {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key in PEM form.
    #[error("{variable} {} holds no PEM private key without a password", redacted_path(.path))]
    NoKey {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The private key is not that of the certificate.
    #[error(
        "TLS_KEY_FILE {} holds another key than that of the first certificate in TLS_CERT_FILE {}",
        redacted_path(.key_file),
        redacted_path(.cert_file)
    )]
    OtherKey {
        /// The file of the certificate.
        cert_file: PathBuf,
        /// The file of the key.
        key_file: PathBuf,
    },
    /// The certificate, or its key, is of a kind that cannot be used.
    #[error("TLS_CERT_FILE {} cannot be used", redacted_path(.cert_file))]
    Unusable {
        /// The file of the certificate.
        cert_file: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
    /// The system has no certificate authorities, and the variable is unset.
    #[error(
        "there are no CA certificates to verify {server} with: install the system's package ca-certificates, or name a PEM file in {variable} (SSL_CERT_FILE and SSL_CERT_DIR, where they are set, name the system's)"
    )]
    NoAuthorities {
        /// The server that cannot be verified.
        server: &'static str,
        /// The variable that names a file.
        variable: &'static str,
    },
    /// The cryptography does not fit.
    #[error("TLS to {server} cannot be set up")]
    Setup {
        /// The server.
        server: &'static str,
        /// The cause.
        source: rustls::Error,
    },
}

/// The authorities that may vouch for a server.
pub(crate) struct Trust<'a> {
    /// The server's name in error texts.
    pub(crate) server: &'static str,
    /// The variable that names the file.
    pub(crate) variable: &'static str,
    /// The file of authorities, if one is named.
    pub(crate) ca_file: Option<&'a Path>,
    /// True if the authorities of the system are trusted beside those of a file.
    pub(crate) with_system: bool,
}

impl Trust<'_> {
    /// Returns the configuration of a client of TLS 1.2 and 1.3. Clones share the sessions that can
    /// be resumed.
    pub(crate) fn client_config(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|source| Error::Setup { server: self.server, source })?;
        let certificates = self.certificates()?;
        let builder = if self.ca_file.is_some() && !self.with_system {
            let mut authorities = RootCertStore::empty();
            for certificate in certificates {
                authorities.add(certificate).map_err(|_| self.no_valid_authority())?;
            }
            builder.with_root_certificates(authorities)
        } else {
            // The verifier ignores invalid certificates of the system; it fails for an invalid one
            // of the file, or if there is none at all.
            let verifier = Verifier::new_with_extra_roots(certificates, provider)
                .map_err(|_| self.no_valid_authority())?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        };
        Ok(builder.with_no_client_auth())
    }

    /// Returns the certificates of the file; none if no file is named.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let Some(path) = self.ca_file else { return Ok(Vec::new()) };
        let pem = contents(self.variable, path)?;
        certificates(&pem).ok_or_else(|| self.no_valid_authority())
    }

    fn no_valid_authority(&self) -> Error {
        let Self { server, variable, .. } = *self;
        match self.ca_file {
            Some(path) => Error::NoCertificate { variable, path: path.to_owned() },
            None => Error::NoAuthorities { server, variable },
        }
    }
}

/// Returns the contents of a file that a variable names.
fn contents(variable: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Unreadable { variable, path: path.to_owned(), source };
    small_file::read(path).map_err(unreadable)
}

/// Returns the certificates of a text, if it holds some and all can be read.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.ok().filter(|certificates| !certificates.is_empty())
}

/// Returns the provider that the process has installed, else that of `ring`.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().map(Arc::clone);
    installed.unwrap_or_else(|| Arc::new(ring::default_provider()))
}
