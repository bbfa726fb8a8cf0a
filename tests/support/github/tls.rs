//! The certificates: an authority of the simulation, and one leaf for all its hosts.
//!
//! The leaf is signed by the authority, since clients refuse a self-signed certificate that is
//! marked as an authority.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority with the configuration of its one server.
pub struct Authority {
    /// The authority's certificate.
    pub ca_pem: String,
    /// The server of all hosts.
    pub server: Arc<ServerConfig>,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A defect of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It belongs to another host.
    WrongName,
}

impl Authority {
    /// Creates an authority with this common name, and a leaf for `hosts`.
    pub fn new(name: &str, hosts: &[String]) -> Self {
        // Fails only if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let issuer = issuer(name);
        let leaf = CertificateParams::new(hosts).expect("host names");
        Self { ca_pem: issuer.pem(), server: server(&leaf, &issuer), issuer }
    }

    /// Returns the configuration of a server of this host whose certificate has a defect.
    pub fn defective(&self, defect: Defect, host: &str) -> Arc<ServerConfig> {
        let name = if defect == Defect::WrongName { "elsewhere.example" } else { host };
        let mut leaf = CertificateParams::new([name.to_owned()]).expect("a host name");
        match defect {
            Defect::Expired => leaf.not_after = date_time_ymd(2020, 1, 1),
            Defect::NotYetValid => leaf.not_before = date_time_ymd(2990, 1, 1),
            Defect::WrongName => {}
        }
        server(&leaf, &self.issuer)
    }
}

fn server(
    leaf: &CertificateParams,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("a key");
    let leaf = leaf.signed_by(&key, issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a key that fits its certificate");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}
