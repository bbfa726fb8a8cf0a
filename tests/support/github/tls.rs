//! The certificates: an authority of the simulation's own, and one leaf for all its hosts.
//!
//! The leaf is signed by the authority and not by itself, since a self-signed certificate marked as an authority is
//! refused as a server's.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority with the configuration of its one server.
pub struct Authority {
    /// The authority's certificate.
    pub ca_pem: String,
    /// The server of all hosts.
    pub server: Arc<ServerConfig>,
}

impl Authority {
    /// An authority of that common name, which vouches for `hosts`.
    pub fn new(name: &str, hosts: &[String]) -> Self {
        // Fails only when a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let issuer = issuer(name);
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(hosts).expect("host names");
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a key that fits its certificate");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { ca_pem: issuer.pem(), server: Arc::new(config) }
    }
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}
