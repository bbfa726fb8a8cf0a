//! The silence of a client that speaks HTTP/2. The HTTP library ends no connection for it.
//!
//! A client is silent when it has sent no request for a while and nothing is on its way to it. A
//! client that reads nothing more of an answer, and one that goes on with frames that are no
//! request, end the same way, the latter after some time more.

use std::time::Duration;

use tokio::time::sleep;

use crate::http::connections::{Connection, Connections};

/// The rounds without a request after which a connection ends, whatever else is on it. A client
/// that reads slowly has this many times the patience for the rest of an answer.
const MOST_ROUNDS: u32 = 20;

/// Waits until the client has been silent for `patience`. Looks once in that time.
pub(super) async fn falls_silent(
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
        let is_still = idle.is_some_and(|idle| idle >= patience);
        if !is_asking && (is_still || rounds >= MOST_ROUNDS) {
            return;
        }
    }
}
