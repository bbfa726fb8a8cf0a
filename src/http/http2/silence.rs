//! The detection of silent HTTP/2 clients, whose connections the HTTP library would keep open.
//!
//! A client is silent if it has sent no request and svm has written nothing to it for a while. So a
//! client that stops reading an answer is silent too. A client that sends frames without requests,
//! such as pings, counts as silent after a longer time.

use std::time::Duration;

use tokio::time::sleep;

use crate::http::connections::{Connection, Connections};

/// The number of rounds without a request after which a client is silent even if svm still writes
/// to it. So a client that reads slowly has this many times the patience for the rest of an answer.
const MOST_ROUNDS: u32 = 20;

/// Waits until the client has been silent for `patience`. Checks the state once per `patience`.
pub(super) async fn until_silent(
    connection: &Connection,
    connections: &Connections,
    patience: Duration,
) {
    let (mut begun, mut rounds) = (connection.streams_begun(), 0);
    loop {
        sleep(patience).await;
        let idle = connections.idle_time(connection);
        let is_asking = idle.is_none() || connection.streams_begun() != begun;
        begun = connection.streams_begun();
        rounds = if is_asking { 0 } else { rounds + 1 };
        let is_idle = idle.is_some_and(|idle| idle >= patience);
        if !is_asking && (is_idle || rounds >= MOST_ROUNDS) {
            return;
        }
    }
}
