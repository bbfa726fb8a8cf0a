//! Bodies and heads that svm does not read to their end, over TLS.

use super::*;

/// Sends a whole request of HTTP/1.1 before it reads, and returns all that comes.
async fn answered(scene: &Scene, request: &[u8]) -> String {
    let mut stream = scene.connect(Version::Http1).await;
    stream.write_all(request).await.expect("a service that reads");
    stream.flush().await.expect("a service that reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an end without a reset");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn bodies_that_no_page_reads_cost_no_answer() {
    let scene = Scene::start().await;
    for length in [20_000, 100_000, 12 << 20] {
        let head = format!(
            "PUT /repos/octo/app HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        let answer = answered(&scene, &[head.as_bytes(), &vec![b'x'; length]].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{length} bytes: {answer}");
        assert!(answer.ends_with('}'), "{length} bytes: {answer}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered() {
    let scene = Scene::start().await;
    for length in [60_000, 12 << 20] {
        let filler = "x".repeat(length);
        let head = format!("GET /ping HTTP/1.1\r\nHost: {NAME}\r\nX-A: {filler}\r\n\r\n");
        let answer = answered(&scene, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{length} bytes: {answer}");
    }
}
