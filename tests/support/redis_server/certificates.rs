//! The certificates of a server that speaks TLS: an authority, and one leaf for the loopback
//! interface.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// The paths of the certificates.
#[derive(Debug)]
pub(super) struct Certificates {
    /// The authority's certificate, in PEM.
    pub(super) ca_file: PathBuf,
}

impl Certificates {
    /// The server's settings, relative to the folder of the certificates.
    pub(super) const SETTINGS: [&str; 8] = [
        "--tls-cert-file",
        "server.pem",
        "--tls-key-file",
        "server.key",
        "--tls-ca-cert-file",
        "ca.pem",
        "--tls-auth-clients",
        "no",
    ];

    /// Writes them into a folder.
    pub(super) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        let issuer = issuer.expect("an authority");

        let key = KeyPair::generate().expect("a key");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let leaf = CertificateParams::new(names).expect("names of hosts");
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");

        let texts = [
            ("ca.pem", issuer.pem()),
            ("server.pem", leaf.pem()),
            ("server.key", key.serialize_pem()),
        ];
        for (name, text) in texts {
            std::fs::write(folder.join(name), text).expect("a folder that can be written");
        }
        Self { ca_file: folder.join("ca.pem") }
    }
}
