//! The certificate files of a server: an authority, and one leaf with its key.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;

/// The authority's certificate, in the folder of the files.
pub const CA_FILE: &str = "ca.pem";
/// The leaf certificate.
pub const CERT_FILE: &str = "server.pem";
/// The key of the leaf.
pub const KEY_FILE: &str = "server.key";

/// An authority, and the folder of its files.
#[derive(Debug)]
pub struct Certificates {
    /// The authority's certificate, in PEM.
    pub ca_file: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Certificates {
    /// Writes the certificates of a server with these names into a folder.
    pub fn new(folder: &Path, names: &[&str]) -> Self {
        // Fails only if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        let issuer = issuer.expect("an authority");
        let certificates =
            Self { ca_file: folder.join(CA_FILE), issuer, folder: folder.to_owned() };
        std::fs::write(&certificates.ca_file, certificates.issuer.pem()).expect("a folder");
        let leaf = certificates.leaf(names);
        leaf.write_certificate();
        leaf.write_key();
        certificates
    }

    /// Returns another leaf of the same authority, which is not written yet.
    pub fn leaf(&self, names: &[&str]) -> Leaf {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = CertificateParams::new(names).expect("names of hosts");
        let leaf = leaf.signed_by(&key, &self.issuer).expect("a certificate");
        Leaf { certificate: leaf, key, folder: self.folder.clone() }
    }

    /// Returns the path of the leaf as text.
    pub fn cert_file(&self) -> String {
        self.folder.join(CERT_FILE).display().to_string()
    }

    /// Returns the path of the key as text.
    pub fn key_file(&self) -> String {
        self.folder.join(KEY_FILE).display().to_string()
    }
}

/// A certificate and its key.
pub struct Leaf {
    certificate: rcgen::Certificate,
    key: KeyPair,
    folder: PathBuf,
}

impl Leaf {
    /// Writes the certificate over the previous one.
    pub fn write_certificate(&self) {
        let path = self.folder.join(CERT_FILE);
        std::fs::write(path, self.certificate.pem()).expect("a folder that can be written");
    }

    /// Writes the key over the previous one.
    pub fn write_key(&self) {
        let path = self.folder.join(KEY_FILE);
        std::fs::write(path, self.key.serialize_pem()).expect("a folder that can be written");
    }

    /// Returns the certificate as a server shows it.
    pub fn der(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }
}
