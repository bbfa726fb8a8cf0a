//! A client of HTTPS that chooses the version of HTTP, and sees the server's certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::tasks;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// One request after the other.
    Http1,
    /// Concurrent requests.
    Http2,
}

/// Connects as a client that trusts this authority and expects this name.
pub(super) async fn connect(
    address: SocketAddr,
    name: &str,
    ca_file: &Path,
    version: Version,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut authorities = RootCertStore::empty();
    let pem = std::fs::read(ca_file).expect("the authority's file");
    authorities.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("an authority");
    let mut config =
        ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth();
    config.alpn_protocols = match version {
        Version::Http1 => vec![b"http/1.1".to_vec()],
        Version::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let socket = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

/// Returns the certificate that the server has shown.
pub(super) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let (_, session) = stream.get_ref();
    session.peer_certificates().expect("a handshake")[0].clone().into_owned()
}

/// A connection of HTTP/2, which carries concurrent requests.
#[derive(Clone)]
pub(super) struct Http2(http2::SendRequest<Empty<Bytes>>);

impl Http2 {
    /// Starts HTTP/2 on a connection that agreed on it.
    pub(super) async fn new(stream: TlsStream<TcpStream>) -> Self {
        Self::with_window(stream, 1 << 20).await
    }

    /// Starts HTTP/2 as a client that accepts only this many bytes of an answer.
    pub(super) async fn with_window(stream: TlsStream<TcpStream>, bytes: u32) -> Self {
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(bytes);
        let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
        drop(tasks::spawn(async move { drop(connection.await) }));
        Self(requests)
    }

    /// Sends a request, and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Response<hyper::body::Incoming>> {
        self.0.ready().await?;
        self.0.send_request(request).await
    }

    /// Sends a request, and reads its answer.
    pub(super) async fn answer(&mut self, request: Request<Empty<Bytes>>) -> Response<Bytes> {
        collected(self.send(request).await.expect("an answer")).await
    }

    /// Returns true if the server has ended the connection.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Sends one request of HTTP/1.1.
pub(super) async fn answer_of_http1(
    stream: TlsStream<TcpStream>,
    request: Request<Empty<Bytes>>,
) -> Response<Bytes> {
    let (mut requests, connection) =
        http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    drop(tasks::spawn(async move { drop(connection.await) }));
    collected(requests.send_request(request).await.expect("an answer")).await
}

async fn collected(response: Response<hyper::body::Incoming>) -> Response<Bytes> {
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.expect("a whole body").to_bytes())
}
