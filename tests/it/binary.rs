//! The binary, as an operator uses it: started, requested, signalled, killed.

mod check;
mod commands;
mod container;
mod crash;
mod descriptors;
mod dotenv;
mod environment;
mod explain;
mod log;
mod memory;
mod real_input;
mod secrets;
mod serving;
mod shutdown;
mod signals;
mod store;
mod store_file;
mod sweeps;
mod unwritten;

use tokio::net::TcpSocket;

use crate::support::certificates::Certificates;
use crate::support::github::{Failure, GitHub};
use crate::support::process::Setup;

/// Makes GitHub fail, so that a document can come only from the store.
fn fail(github: &GitHub) {
    let _ = github.fail_all(Failure::ServerError502);
}

/// Returns a setup with a port at which no process listens. The socket keeps the port reserved.
fn without_service() -> (TcpSocket, Setup) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let port = socket.local_addr().expect("a bound socket").port();
    (socket, Setup::bare().set("HOST", "127.0.0.1").set("PORT", &port.to_string()))
}

/// Makes the service use TLS with this certificate.
fn over_tls(setup: Setup, certificates: &Certificates) -> Setup {
    setup
        .set("TLS_CERT_FILE", &certificates.cert_file())
        .set("TLS_KEY_FILE", &certificates.key_file())
}
