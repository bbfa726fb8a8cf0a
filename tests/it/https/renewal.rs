//! A certificate that changes while the service runs.

use crate::support::app::Log;

use super::*;

const FAILED: &str = "svm_tls_renewals_total{result=\"failed\"}";
const DONE: &str = "svm_tls_renewals_total{result=\"done\"}";

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_clients() {
    let (log, _listening) = Log::listen("svm::http::https");
    let scene = Scene::start().await;
    let old = scene.connect(Version::Http2).await;
    let first = shown(&old);
    let leaf = scene.certificates.leaf(&[NAME]);
    // Before the key is written, the two files do not fit, and svm keeps its certificate.
    leaf.write_certificate();
    scene.app.exceeds(FAILED, 0.0).await;
    assert_eq!(shown(&scene.connect(Version::Http1).await), first);
    leaf.write_key();
    scene.app.reaches(DONE, 1.0).await;
    assert_eq!(&shown(&scene.connect(Version::Http1).await), leaf.der());
    assert_eq!(Http2::new(old).await.answer(request("/ping")).await.status(), 200);
    let log = log.text();
    assert_eq!(log.matches("holds another key than that of the first certificate").count(), 1);
    assert_eq!(log.matches("the certificate has changed").count(), 1);
}
