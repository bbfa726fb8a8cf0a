//! HTTPS: both versions of HTTP over TLS, and a certificate that changes.

mod bodies;
mod client;
mod http2;
mod renewal;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{TestApp, TestAppBuilder, encode};
use crate::support::certificates::Certificates;
use crate::{LATEST, LATEST_PATH};

use self::client::{Http2, Version, answer_of_http1, connect, shown};

const NAME: &str = "svm.example";

/// A service that shows a certificate for [`NAME`].
struct Scene {
    app: TestApp,
    certificates: Certificates,
    _folder: TempDir,
}

impl Scene {
    async fn start() -> Self {
        Self::of(TestApp::builder(), NAME).await
    }

    async fn of(plan: TestAppBuilder, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let certificates = Certificates::new(folder.path(), &[name]);
        let plan = plan.set("TLS_CERT_FILE", &certificates.cert_file());
        let app = plan.set("TLS_KEY_FILE", &certificates.key_file()).start().await;
        app.github.release("octo/app").serve();
        Self { app, certificates, _folder: folder }
    }

    async fn connect(&self, version: Version) -> tokio_rustls::client::TlsStream<TcpStream> {
        let ca_file = &self.certificates.ca_file;
        connect(self.app.address(), NAME, ca_file, version).await.expect("a handshake")
    }
}

/// Returns a request with an absolute URL, which HTTP/2 needs and a client of HTTP/1.1 must not
/// send to an origin server.
fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("https://{NAME}{path}")).body(Empty::new()).expect("a request")
}

fn document(url: &str) -> String {
    format!("/version?url={}", encode(url))
}

#[tokio::test]
async fn both_versions_get_the_same_document() {
    let scene = Scene::start().await;
    let release = scene.app.version(LATEST).await;
    for path in [document(LATEST), LATEST_PATH.to_owned(), format!("/api/v3{LATEST_PATH}")] {
        let mut by_http2 = Http2::new(scene.connect(Version::Http2).await).await;
        let second = by_http2.answer(request(&path)).await;
        let mut first = Request::get(&path).body(Empty::new()).expect("a request");
        first.headers_mut().insert("host", NAME.parse().expect("a host"));
        let first = answer_of_http1(scene.connect(Version::Http1).await, first).await;
        assert_eq!([first.status(), second.status()], [200, 200], "{path}");
        assert_eq!((first.body(), second.body()), (&release.body, &release.body), "{path}");
        let names = ["etag", "cache-control", "vary", "content-type", "x-cache", "cache-status"];
        for name in names {
            assert_eq!(first.headers().get(name), second.headers().get(name), "{path}: {name}");
        }
    }
    assert_eq!(scene.app.github.counts(LATEST_PATH).requests, 1);
}

#[tokio::test]
async fn links_name_the_scheme_of_the_request() {
    let scene = Scene::start().await;
    let link = "<https://api.github.com/repositories/1/tags?page=2>; rel=\"next\"";
    scene.app.github.document_with_link("/repos/octo/app/tags", b"[]", link);
    let mut client = Http2::new(scene.connect(Version::Http2).await).await;
    let answer = client.answer(request("/repos/octo/app/tags")).await;
    assert_eq!(
        answer.headers()["link"],
        "<https://svm.example/repos/octo/app/tags?page=2>; rel=\"next\""
    );
}

#[tokio::test]
async fn plain_http_and_an_untrusting_client_get_no_answer() {
    let scene = Scene::start().await;
    let mut plain = TcpStream::connect(scene.app.address()).await.unwrap();
    plain.write_all(b"GET /ping HTTP/1.1\r\nHost: svm\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // A client that expects another name.
    let address = scene.app.address();
    let ca_file = &scene.certificates.ca_file;
    let refused = connect(address, "other.example", ca_file, Version::Http1).await;
    assert!(refused.unwrap_err().to_string().contains("certificate"));
    scene.app.reaches("svm_tls_handshakes_total{result=\"failed\"}", 2.0).await;
}

#[tokio::test]
async fn an_unfinished_handshake_is_given_up() {
    let patience = std::time::Duration::from_millis(200);
    let scene = Scene::of(TestApp::builder().connection_patience(patience), NAME).await;
    let mut silent = TcpStream::connect(scene.app.address()).await.unwrap();
    // The beginning of a TLS record.
    silent.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let mut rest = Vec::new();
    assert_eq!(silent.read_to_end(&mut rest).await.unwrap_or(0), 0);
    scene.app.reaches("svm_tls_handshakes_total{result=\"failed\"}", 1.0).await;
}

/// A client with the built-in address of GitHub, whose name leads to svm.
#[tokio::test]
async fn it_stands_in_for_github_by_name() {
    let plan = TestApp::builder().set("PUBLIC_URL", "https://api.github.com");
    let scene = Scene::of(plan, "api.github.com").await;
    let (address, ca_file) = (scene.app.address(), &scene.certificates.ca_file);
    for version in [Version::Http1, Version::Http2] {
        let stream = connect(address, "api.github.com", ca_file, version).await.unwrap();
        let answer = if version == Version::Http2 {
            let url = "https://api.github.com/repos/octo/app/releases/latest";
            let request = Request::get(url).body(Empty::new()).unwrap();
            Http2::new(stream).await.answer(request).await
        } else {
            let request = Request::get(LATEST_PATH).header("host", "api.github.com");
            answer_of_http1(stream, request.body(Empty::new()).unwrap()).await
        };
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.body(), &scene.app.version(LATEST).await.body, "byte for byte");
    }
}
