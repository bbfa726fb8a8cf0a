//! Cipher suites that charge decrypted bytes to the [`Intake`] of the connection.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, OutboundOpaqueMessage, OutboundPlainMessage, Tls12AeadAlgorithm,
    Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite,
    Tls12CipherSuite, Tls13CipherSuite,
};

use super::Intake;

/// Replaces the suites of a provider. rustls requires suites that live for ever, so each call leaks
/// memory.
pub(crate) fn metered(mut provider: CryptoProvider) -> CryptoProvider {
    for suite in &mut provider.cipher_suites {
        *suite = match *suite {
            SupportedCipherSuite::Tls12(suite) => SupportedCipherSuite::Tls12(tls12(suite)),
            SupportedCipherSuite::Tls13(suite) => SupportedCipherSuite::Tls13(tls13(suite)),
        };
    }
    provider
}

fn tls12(suite: &'static Tls12CipherSuite) -> &'static Tls12CipherSuite {
    Box::leak(Box::new(Tls12CipherSuite {
        common: common(&suite.common),
        aead_alg: Box::leak(Box::new(Metered(suite.aead_alg))),
        ..*suite
    }))
}

fn tls13(suite: &'static Tls13CipherSuite) -> &'static Tls13CipherSuite {
    Box::leak(Box::new(Tls13CipherSuite {
        common: common(&suite.common),
        aead_alg: Box::leak(Box::new(Metered(suite.aead_alg))),
        ..*suite
    }))
}

fn common(common: &CipherSuiteCommon) -> CipherSuiteCommon {
    CipherSuiteCommon { ..*common }
}

/// An algorithm whose keys use the intake of their connection.
struct Metered<T>(T);

struct Encrypter(Box<dyn MessageEncrypter>, Arc<Intake>);
struct Decrypter(Box<dyn MessageDecrypter>, Arc<Intake>);

fn encrypter(inner: Box<dyn MessageEncrypter>) -> Box<dyn MessageEncrypter> {
    Box::new(Encrypter(inner, Intake::current()))
}

fn decrypter(inner: Box<dyn MessageDecrypter>) -> Box<dyn MessageDecrypter> {
    Box::new(Decrypter(inner, Intake::current()))
}

impl MessageEncrypter for Encrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        if message.typ == ContentType::ApplicationData {
            self.1.renew();
        }
        self.0.encrypt(message, sequence)
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        self.0.encrypted_payload_len(payload_len)
    }
}

impl MessageDecrypter for Decrypter {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        self.1.charge(message.payload.len())?;
        self.0.decrypt(message, sequence)
    }
}

impl Tls13AeadAlgorithm for Metered<&'static dyn Tls13AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        encrypter(self.0.encrypter(key, iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        decrypter(self.0.decrypter(key, iv))
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

impl Tls12AeadAlgorithm for Metered<&'static dyn Tls12AeadAlgorithm> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        encrypter(self.0.encrypter(key, iv, extra))
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        decrypter(self.0.decrypter(key, iv))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        self.0.key_block_shape()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv, explicit)
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}
