//! The open client connections: their limits, and the choice of connections to close for new
//! clients.
//!
//! When `MAX_CONNECTIONS` are open, a new client replaces the connection that has been idle
//! longest. If none is idle, the client gets one of a few spare connections. A spare connection
//! answers one request, for `/healthz` or another small page, and refuses documents and other large
//! pages. So a full service can still report that it is full.
//!
//! An incomplete head costs memory before it is a request. So all incomplete heads together have a
//! bound. Beyond the bound, svm closes the connections that have been idle longest.

mod open;
mod table;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Stopwatch};
use crate::telemetry::outage::Outage;

use super::client::Client;
use super::client_ip::Proxies;
use super::metrics::{ConnectionCounters, Shed};

pub(super) use open::{Connection, OpenConnection};
use table::{ConnectionKind, Table};

/// The number of spare connections, beyond the limit.
const SPARE: usize = 16;
/// The most connections that wait for their clients to close.
const MOST_LINGERING: usize = 256;
/// The bytes that all incomplete heads together may hold beyond the standard buffer of each
/// connection.
const LARGEST_HEADS: usize = 32 << 20;
/// The longest wait before the next attempt to admit a client that found no room.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The limits on open connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// The number of connections of all clients together, without a few spare ones.
    pub connections: usize,
    /// The number of connections of one client; `None` sets no limit.
    pub per_client: Option<usize>,
    /// The proxies, which carry the requests of many clients and so have no limit per client.
    pub proxies: Proxies,
}

/// All open connections; clones share them.
#[derive(Clone)]
pub struct Connections(Arc<ConnectionsState>);

struct ConnectionsState {
    limits: ConnectionLimits,
    table: Mutex<Table>,
    /// The bytes that all incomplete heads hold, as far as they count.
    held: AtomicUsize,
    /// Wakes the acceptor, which waits for room.
    closed: Notify,
    age: Stopwatch,
    clock: Clock,
    counters: ConnectionCounters,
    outage: Mutex<Outage<Shed>>,
}

/// The answer to a client that has connected.
enum Admission {
    Admitted(OpenConnection),
    /// The client has as many connections as it may have, and each has a request.
    Refused,
    /// Every connection has a request, the spare ones included.
    Full,
}

impl Connections {
    /// Starts without connections.
    pub fn new(limits: ConnectionLimits, clock: Clock, counters: ConnectionCounters) -> Self {
        Self(Arc::new(ConnectionsState {
            limits,
            table: Mutex::default(),
            held: AtomicUsize::new(0),
            closed: Notify::new(),
            age: Stopwatch::start(),
            clock,
            counters,
            outage: Mutex::default(),
        }))
    }

    /// Waits for room, and admits the client. Returns `None` if the client may have no more
    /// connections.
    pub(super) async fn admit(
        &self,
        peer: IpAddr,
        close: &CancellationToken,
        abort: &CancellationToken,
    ) -> Option<OpenConnection> {
        loop {
            let closed = self.0.closed.notified();
            match self.try_admit(peer, close, abort) {
                Admission::Admitted(open) => return Some(open),
                Admission::Refused => return None,
                // A connection that becomes idle sends no notification, so try again after a while.
                Admission::Full if timeout(LOOK_AGAIN, closed).await.is_ok() => {}
                // A client could keep its closing connection for seconds.
                Admission::Full => self.0.table.lock().abort_closing(self.now(), SPARE),
            }
        }
    }

    fn try_admit(
        &self,
        peer: IpAddr,
        close: &CancellationToken,
        abort: &CancellationToken,
    ) -> Admission {
        let mut table = self.0.table.lock();
        let client = self.limited(peer);
        if let (Some(client), Some(limit)) = (client, self.0.limits.per_client)
            && table.of_client(client) >= limit
        {
            self.shed(Shed::ClientLimit);
            if !table.close_idle_of(client, self.now()) {
                return Admission::Refused;
            }
        }
        if let (Some(client), Some(limit)) = (client, self.0.limits.per_client) {
            table.abort_closing_of(client, limit);
        }
        let Some(kind) = self.find_room(&mut table) else { return Admission::Full };
        let connection =
            table.add(client, kind, self.now(), close.child_token(), abort.child_token());
        self.0.counters.open.inc();
        Admission::Admitted(OpenConnection::new(self.clone(), connection))
    }

    /// Makes room if necessary. Returns the kind of connection that there is room for; `None` if
    /// there is none.
    fn find_room(&self, table: &mut Table) -> Option<ConnectionKind> {
        if table.regular() + table.closing() < self.0.limits.connections {
            return Some(ConnectionKind::Regular);
        }
        if table.closing() >= SPARE {
            return None;
        }
        if table.regular() < self.0.limits.connections {
            return Some(ConnectionKind::Regular);
        }
        if table.close_longest_idle(ConnectionKind::Regular, self.now()) {
            self.shed(Shed::MaxConnections);
            return Some(ConnectionKind::Regular);
        }
        let is_spare =
            table.spare() < SPARE || table.close_longest_idle(ConnectionKind::Spare, self.now());
        is_spare.then_some(ConnectionKind::Spare)
    }

    /// Returns the client to which the limit per client applies, or `None` if this peer has no
    /// limit.
    fn limited(&self, peer: IpAddr) -> Option<Client> {
        let ConnectionLimits { per_client, proxies, .. } = &self.0.limits;
        (per_client.is_some() && !proxies.are_trusted_at(peer)).then(|| Client::at(peer))
    }

    /// Closes the connection that has been idle longest, because the system has no descriptor left.
    pub(super) fn yield_descriptor(&self) {
        let mut table = self.0.table.lock();
        if table.closing() > 0 {
            // These return their descriptors soon, so another one need not close.
            table.abort_closing(self.now(), 1);
        } else if table.close_longest_idle(ConnectionKind::Regular, self.now()) {
            self.0.counters.shed(Shed::NoDescriptor);
        }
        self.log(Shed::NoDescriptor);
    }

    /// Returns the time for which a connection has been idle, or `None` while it has a request.
    pub(super) fn idle_time(&self, connection: &Connection) -> Option<Duration> {
        let since = connection.idle_since()?;
        Some(Duration::from_micros(self.now().saturating_sub(since)))
    }

    /// Waits until a connection is closed, but no longer than `limit`.
    pub(super) async fn wait_for_close(&self, limit: Duration) {
        let _ = timeout(limit, self.0.closed.notified()).await;
    }

    /// Moves a spare connection within the limit if there is room. Returns true if it did.
    fn promote(&self, connection: &Connection) -> bool {
        let mut table = self.0.table.lock();
        let is_room = table.regular() < self.0.limits.connections
            || table.close_longest_idle(ConnectionKind::Regular, self.now());
        if is_room {
            table.make_regular(connection);
        }
        is_room
    }

    /// Records that svm closes a connection whose client may still send bytes. Returns false if an
    /// answer is not written, so that there is nothing to wait for.
    pub(super) fn begin_lingering(&self, connection: &Connection) -> bool {
        let is_answered = connection.idle_since().is_some();
        if is_answered {
            self.account(connection, 0);
            let mut table = self.0.table.lock();
            table.abort_lingering(MOST_LINGERING - 1);
            table.linger(connection, self.now());
        }
        is_answered
    }

    /// Records that svm refuses a request because every connection within the limit has a request.
    pub(super) fn refuse(&self) {
        self.shed(Shed::Overload);
    }

    fn remove(&self, connection: &Connection) {
        self.account(connection, 0);
        self.0.table.lock().remove(connection);
        self.0.counters.open.dec();
        self.0.closed.notify_one();
    }

    /// Records the bytes that the head of this connection holds. If all heads together exceed their
    /// bound, closes the connections that have been idle longest.
    fn hold(&self, connection: &Connection, bytes: usize) {
        if self.account(connection, bytes) <= LARGEST_HEADS {
            return;
        }
        self.shed(Shed::Heads);
        let oldest = self.0.table.lock().oldest_heads();
        for head in &oldest {
            if self.0.held.load(Ordering::Relaxed) <= LARGEST_HEADS / 4 * 3 {
                return;
            }
            self.0.table.lock().close(head, self.now());
            self.account(head, 0);
        }
        // The other bytes belong to connections that have a request, so close this one.
        if self.0.held.load(Ordering::Relaxed) > LARGEST_HEADS {
            self.0.table.lock().close(connection, self.now());
        }
    }

    /// Records the bytes that one connection holds. Returns the bytes of all connections.
    fn account(&self, connection: &Connection, bytes: usize) -> usize {
        let change = bytes.wrapping_sub(connection.swap_held(bytes));
        self.0.held.fetch_add(change, Ordering::Relaxed).wrapping_add(change)
    }

    /// Returns the microseconds since the creation of `Connections`.
    fn now(&self) -> u64 {
        self.0.age.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
    }

    /// Counts and logs a closed connection or a refused request.
    fn shed(&self, why: Shed) {
        self.0.counters.shed(why);
        self.log(why);
    }

    /// Logs each reason once an hour.
    fn log(&self, why: Shed) {
        let logged = self.0.outage.lock().failed(why, self.0.clock.now());
        if let Some(failure) = logged {
            tracing::warn!(count = failure.failures, reason = why.as_str(), "{}", sentence(why));
        }
    }
}

fn sentence(why: Shed) -> &'static str {
    match why {
        Shed::MaxConnections => {
            "MAX_CONNECTIONS is reached; the connections that have been idle longest are closed"
        }
        Shed::ClientLimit => {
            "a client has MAX_CONNECTIONS_PER_CLIENT; its connections are closed, the one that has been idle longest first"
        }
        Shed::Overload => {
            "MAX_CONNECTIONS is reached, each with a request; further requests are answered with 503"
        }
        Shed::Heads => "clients hold back too many request heads; the oldest are given up",
        Shed::NoDescriptor => {
            "no client can be accepted, since no file descriptor is left; raise the limit (ulimit -n) or lower MAX_CONNECTIONS"
        }
    }
}

#[cfg(test)]
mod tests;
