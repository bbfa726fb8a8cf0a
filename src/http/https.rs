//! The TLS side of client connections: the handshake and the renewal of the certificate.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tasks;
use crate::telemetry::chain;
use crate::tls::{HTTP_2, ServerTls};

use super::metrics::{TlsCounters, TlsOutcome};
use super::socket::ClientSocket;
use super::stream::Framing;

/// The interval at which svm reads the files of the certificate.
const RENEWAL: Duration = Duration::from_secs(2);

/// The decrypted stream of a client, boxed because its state is large.
type Tls = Box<TlsStream<ClientSocket>>;

/// The certificate of the server, and the counters of handshakes.
pub struct Https {
    certificate: Arc<ServerTls>,
    counters: TlsCounters,
}

impl Https {
    /// Creates the TLS side of a server with this certificate.
    pub fn new(certificate: ServerTls, counters: TlsCounters) -> Self {
        Self { certificate: Arc::new(certificate), counters }
    }

    /// Performs the handshake, which also chooses the version of HTTP. Returns `None` if the client
    /// speaks another protocol, distrusts the certificate, or does not finish within `limit`.
    pub(super) async fn accept(
        &self,
        socket: ClientSocket,
        limit: Duration,
    ) -> Option<(Tls, Framing)> {
        let acceptor = TlsAcceptor::from(self.certificate.config());
        let shaken = timeout(limit, acceptor.accept(socket)).await;
        match shaken {
            Ok(Ok(stream)) => {
                self.counters.handshake(TlsOutcome::Done);
                let framing = framing(&stream);
                return Some((Box::new(stream), framing));
            }
            // Logged at `debug` only, since the cause is mostly one client: it distrusts the
            // certificate, or speaks plain HTTP.
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a client did not finish its TLS handshake in time"),
        }
        self.counters.handshake(TlsOutcome::Failed);
        None
    }

    /// Reads the files of the certificate every two seconds, until the caller drops the future.
    pub async fn renew(&self) {
        let mut logged = None;
        loop {
            sleep(RENEWAL).await;
            let fault = self.read_again().await.err();
            if let Some(fault) = fault.as_ref().filter(|fault| logged.as_ref() != Some(*fault)) {
                tracing::warn!(
                    error = fault,
                    "the certificate cannot be read again; svm goes on with the one that it has"
                );
            }
            logged = fault;
        }
    }

    /// Reads the files again, and counts a change or a failure.
    ///
    /// # Errors
    ///
    /// A sentence that names the file and the cause.
    async fn read_again(&self) -> Result<(), String> {
        let certificate = Arc::clone(&self.certificate);
        let read = tasks::blocking(move || certificate.read_again()).await;
        let read = read.map_err(|error| chain(&error)).and_then(|it| it.map_err(|it| chain(&it)));
        match read {
            Ok(false) => {}
            Ok(true) => {
                self.counters.renewal(TlsOutcome::Done);
                tracing::info!("the certificate has changed; new connections get the new one");
            }
            Err(_) => self.counters.renewal(TlsOutcome::Failed),
        }
        read.map(drop)
    }
}

fn framing(stream: &TlsStream<ClientSocket>) -> Framing {
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() == Some(HTTP_2) { Framing::Http2 } else { Framing::Http1 }
}
