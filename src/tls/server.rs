//! The TLS configuration of the server: a certificate and its key, read again when their files
//! change.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::{Error, certificates, contents, provider};
use crate::config::ServerCertificate;

const CERT_FILE: &str = "TLS_CERT_FILE";
const KEY_FILE: &str = "TLS_KEY_FILE";

/// The name of HTTP/2 in the client's list of protocols (RFC 7301).
pub(crate) const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// The certificate that the server shows, with the key that proves it.
pub struct ServerTls {
    files: ServerCertificate,
    shown: RwLock<LoadedCertificate>,
}

/// One reading of the files.
struct LoadedCertificate {
    config: Arc<ServerConfig>,
    /// The digest of both files, which shows a change.
    digest: [u8; 32],
}

impl ServerTls {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    ///
    /// A file cannot be read or holds no certificate or key, or the two do not belong together.
    pub fn read(files: &ServerCertificate) -> Result<Self, Error> {
        let shown = RwLock::new(LoadedCertificate::of(files, &Pem::read(files)?)?);
        Ok(Self { files: files.clone(), shown })
    }

    /// Returns all faults of the files.
    pub fn check(files: &ServerCertificate) -> Vec<Error> {
        let read = [contents(CERT_FILE, &files.cert_file), contents(KEY_FILE, &files.key_file)];
        let unreadable: Vec<_> = read.into_iter().filter_map(Result::err).collect();
        if unreadable.is_empty() {
            Self::read(files).err().into_iter().collect()
        } else {
            unreadable
        }
    }

    /// Returns the configuration for the next client.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shown.read().config)
    }

    /// Reads the files again. Returns true if they have changed. Clients that are connected keep
    /// the certificate that they have seen.
    ///
    /// # Errors
    ///
    /// As for [`ServerTls::read`]; the current certificate then stays. The two files do not fit
    /// together while an operator replaces one after the other.
    pub fn read_again(&self) -> Result<bool, Error> {
        let files = Pem::read(&self.files)?;
        if files.digest() == self.shown.read().digest {
            return Ok(false);
        }
        let read = LoadedCertificate::of(&self.files, &files)?;
        *self.shown.write() = read;
        Ok(true)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl LoadedCertificate {
    fn of(files: &ServerCertificate, pem: &Pem) -> Result<Self, Error> {
        let ServerCertificate { cert_file, key_file } = files;
        let chain = certificates(&pem.certificate)
            .ok_or_else(|| Error::NoCertificate { variable: CERT_FILE, path: cert_file.clone() })?;
        let no_key = |_| Error::NoKey { variable: KEY_FILE, path: key_file.clone() };
        let key = PrivateKeyDer::from_pem_slice(&pem.key).map_err(no_key)?;
        let setup = |source| Error::Setup { server: "clients", source };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|source| refused(files, source))?;
        config.alpn_protocols = [HTTP_2, HTTP_1_1].map(<[u8]>::to_vec).into();
        Ok(Self { config: Arc::new(config), digest: pem.digest() })
    }
}

/// The contents of both files.
struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pem {
    fn read(files: &ServerCertificate) -> Result<Self, Error> {
        let certificate = contents(CERT_FILE, &files.cert_file)?;
        Ok(Self { certificate, key: contents(KEY_FILE, &files.key_file)? })
    }

    fn digest(&self) -> [u8; 32] {
        let [certificate, key] = [&self.certificate, &self.key].map(Sha256::digest);
        Sha256::new().chain_update(certificate).chain_update(key).finalize().into()
    }
}

fn refused(files: &ServerCertificate, source: rustls::Error) -> Error {
    let path = |path: &Path| path.to_owned();
    match source {
        rustls::Error::InconsistentKeys(_) => {
            Error::OtherKey { cert_file: path(&files.cert_file), key_file: path(&files.key_file) }
        }
        source => Error::Unusable { cert_file: path(&files.cert_file), source },
    }
}
