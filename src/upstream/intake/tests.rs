//! The intake of a connection, and connections of each cipher suite.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection,
    SupportedCipherSuite,
};

use super::{HEAD_BYTES, INTAKE, Intake, metered};

const MOST_OF_IT: usize = HEAD_BYTES as usize * 2 / 3;

#[test]
fn a_request_renews_what_may_come() {
    let intake = Intake::default();
    intake.charge(HEAD_BYTES as usize - 5).unwrap();
    assert!(intake.charge(0).is_err(), "an empty record has a header");
    intake.renew();
    intake.charge(HEAD_BYTES as usize - 5).unwrap();
    intake.allow(10);
    intake.charge(5).unwrap();
    assert!(intake.charge(0).is_err());
}

#[test]
fn nothing_is_taken_after_the_last_answer() {
    let intake = Intake::default();
    intake.end();
    intake.charge(100).unwrap();
    intake.renew();
    assert!(intake.charge(0).is_err());
}

#[test]
fn every_suite_charges_what_it_decrypts() {
    let suites = metered(ring::default_provider()).cipher_suites;
    let fits = |suite: &SupportedCipherSuite| !format!("{:?}", suite.suite()).contains("RSA");
    let suites: Vec<_> = suites.into_iter().filter(fits).collect();
    assert_eq!(suites.len(), 6, "three of each version");
    for suite in suites {
        let name = format!("{:?}", suite.suite());
        let intake = Arc::new(Intake::default());
        let mut ends = INTAKE.sync_scope(Arc::clone(&intake), || Ends::connect(suite));
        for _ in 0..3 {
            ends.request().unwrap();
            ends.answer(MOST_OF_IT).unwrap();
        }
        ends.request().unwrap();
        intake.allow(4 * HEAD_BYTES);
        ends.answer(3 * HEAD_BYTES as usize).unwrap();
        assert!(ends.answer(2 * HEAD_BYTES as usize).is_err(), "{name}");

        let intake = Arc::new(Intake::default());
        let mut ends = INTAKE.sync_scope(Arc::clone(&intake), || Ends::connect(suite));
        ends.request().unwrap();
        intake.end();
        ends.answer(MOST_OF_IT).unwrap();
        ends.request().unwrap();
        assert!(ends.answer(1).is_err(), "{name}");
    }
}

#[test]
fn a_connection_of_no_scope_ends_with_its_first_account() {
    let suite = metered(ring::default_provider()).cipher_suites[0];
    let mut ends = Ends::connect(suite);
    ends.request().unwrap();
    ends.answer(MOST_OF_IT).unwrap();
    ends.request().unwrap();
    assert!(ends.answer(MOST_OF_IT).is_err());
}

/// Both ends of a connection in memory.
struct Ends {
    client: ClientConnection,
    server: ServerConnection,
}

impl Ends {
    fn connect(suite: SupportedCipherSuite) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = certified.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let mut provider = ring::default_provider();
        let server = ServerConfig::builder_with_provider(Arc::new(provider.clone()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        provider.cipher_suites = vec![suite];
        let client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[suite.version()])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut ends = Self {
            client: ClientConnection::new(Arc::new(client), name).unwrap(),
            server: ServerConnection::new(Arc::new(server)).unwrap(),
        };
        while ends.client.is_handshaking() || ends.server.is_handshaking() {
            ends.exchange().unwrap();
        }
        ends.exchange().unwrap();
        ends
    }

    fn request(&mut self) -> Result<(), Error> {
        self.client.writer().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        self.exchange()
    }

    fn answer(&mut self, len: usize) -> Result<(), Error> {
        let bytes = vec![b'v'; len];
        for piece in bytes.chunks(16 * 1024) {
            self.server.writer().write_all(piece).unwrap();
            self.exchange()?;
        }
        Ok(())
    }

    /// Transfers the bytes that each end has written.
    fn exchange(&mut self) -> Result<(), Error> {
        while self.client.wants_write() {
            let mut bytes = Vec::new();
            self.client.write_tls(&mut bytes).unwrap();
            self.server.read_tls(&mut bytes.as_slice()).unwrap();
            self.server.process_new_packets()?;
        }
        while self.server.wants_write() {
            let mut bytes = Vec::new();
            self.server.write_tls(&mut bytes).unwrap();
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                self.client.read_tls(&mut rest).unwrap();
                self.client.process_new_packets()?;
                let _ = self.client.reader().read(&mut vec![0; 64 * 1024]);
                let _ = self.server.reader().read(&mut [0; 1024]);
            }
        }
        Ok(())
    }
}
