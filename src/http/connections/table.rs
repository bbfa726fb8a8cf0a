//! The table of open connections, and the choice of connections to close.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio_util::sync::CancellationToken;

use super::super::client::Client;
use super::open::Connection;

/// The number of idle connections that one pass through the table collects. One pass for each new
/// client would cost too much when thousands of clients connect.
const FOUND_AT_ONCE: usize = 64;

/// The time without a byte after which no answer is under way to the client of a connection.
const QUIET: Duration = Duration::from_secs(2);
/// The longest time for the rest of an answer while new clients wait for room.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

/// The kind of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionKind {
    /// A connection within the limit.
    Regular,
    /// A connection beyond the limit.
    Spare,
    /// A connection that has got its signal to close.
    Closing,
}

/// All open connections.
#[derive(Default)]
pub(super) struct Table {
    open: HashMap<u64, TrackedConnection, RandomState>,
    /// The connections of each client to which the limit per client applies.
    clients: HashMap<Client, Vec<Arc<Connection>>, RandomState>,
    next: u64,
    spare: usize,
    closing: Vec<ClosingConnection>,
    /// Collected idle connections, the longest idle one at the end.
    found: Vec<Found>,
}

struct TrackedConnection {
    connection: Arc<Connection>,
    kind: ConnectionKind,
}

/// A connection that has got its signal to close.
struct ClosingConnection {
    connection: Arc<Connection>,
    /// The time of the signal.
    since: u64,
    /// True if no answer can have been under way then.
    was_quiet: bool,
    /// The number of its HTTP/2 requests until then.
    begun: usize,
    /// True if its last answer is written, and svm only waits for its client to close.
    lingers: bool,
}

struct Found {
    connection: Arc<Connection>,
    idle_since: u64,
}

impl Table {
    pub(super) fn add(
        &mut self,
        client: Option<Client>,
        kind: ConnectionKind,
        now: u64,
        close: CancellationToken,
        abort: CancellationToken,
    ) -> Arc<Connection> {
        let is_spare = kind == ConnectionKind::Spare;
        let id = self.next;
        self.next += 1;
        let connection = Arc::new(Connection::new(id, client, is_spare, now, close, abort));
        self.spare += usize::from(is_spare);
        self.open.insert(id, TrackedConnection { connection: Arc::clone(&connection), kind });
        if let Some(client) = client {
            self.clients.entry(client).or_default().push(Arc::clone(&connection));
        }
        connection
    }

    pub(super) fn remove(&mut self, connection: &Connection) {
        let Some(entry) = self.open.remove(&connection.id()) else { return };
        match entry.kind {
            ConnectionKind::Regular => {}
            ConnectionKind::Spare => self.spare -= 1,
            ConnectionKind::Closing => {
                self.closing.retain(|other| other.connection.id() != connection.id());
            }
        }
        self.forget_of_client(connection);
    }

    fn forget_of_client(&mut self, connection: &Connection) {
        let Some(client) = connection.client() else { return };
        let Some(theirs) = self.clients.get_mut(&client) else { return };
        theirs.retain(|other| other.id() != connection.id());
        if theirs.is_empty() {
            self.clients.remove(&client);
        }
    }

    /// Returns the number of connections within the limit.
    pub(super) fn regular(&self) -> usize {
        self.open.len() - self.spare - self.closing()
    }

    /// Returns the number of connections beyond the limit.
    pub(super) fn spare(&self) -> usize {
        self.spare
    }

    /// Returns the number of closing connections without a request. Those with a request, which may
    /// take long, count as connections within the limit.
    pub(super) fn closing(&self) -> usize {
        self.closing_without_request().count()
    }

    /// Ends closing connections without a request: at once if no answer was under way at the signal
    /// or has been requested since, otherwise after [`QUIET`], or after [`LONGEST_ANSWER`] in any
    /// case. The body of an HTTP/2 answer belongs to no request any more. If there are `most` and
    /// none of them has to end, ends the older half: their clients could keep out all others.
    pub(super) fn abort_closing(&self, now: u64, most: usize) {
        let mut is_any = false;
        for ClosingConnection { connection, since, was_quiet, begun, .. } in &self.closing {
            let Some(idle_since) = connection.idle_since() else { continue };
            let is_silent = *was_quiet && connection.streams_begun() == *begun;
            let has_passed = |limit: Duration, since| elapsed(since, now) >= limit;
            if is_silent || has_passed(QUIET, idle_since) || has_passed(LONGEST_ANSWER, *since) {
                connection.abort();
                is_any = true;
            }
        }
        if is_any || self.closing() < most {
            return;
        }
        let of_kind = |lingers| {
            let closing = self.closing.iter().filter(move |closing| closing.lingers == lingers);
            closing.map(|closing| &closing.connection).filter(|it| it.idle_since().is_some())
        };
        // Those that wait for their clients go first, since they have no answer to lose.
        of_kind(true).chain(of_kind(false)).take(most.div_ceil(2)).for_each(|it| it.abort());
    }

    /// Ends the oldest connections that wait for their clients to close, beyond the last `most`.
    pub(super) fn abort_lingering(&self, most: usize) {
        let lingering = || self.closing.iter().filter(|closing| closing.lingers);
        let surplus = lingering().count().saturating_sub(most);
        lingering().take(surplus).for_each(|closing| closing.connection.abort());
    }

    /// Ends the oldest closing connections of a client that have no request, beyond the last
    /// `most`.
    pub(super) fn abort_closing_of(&self, client: Client, most: usize) {
        let theirs =
            || self.closing_without_request().filter(|theirs| theirs.client() == Some(client));
        let surplus = theirs().count().saturating_sub(most);
        theirs().take(surplus).for_each(Connection::abort);
    }

    /// Returns the closing connections without a request, in the order of their signals.
    fn closing_without_request(&self) -> impl Iterator<Item = &Connection> {
        let connections = self.closing.iter().map(|closing| &*closing.connection);
        connections.filter(|connection| connection.idle_since().is_some())
    }

    /// Returns the number of a client's connections, without closing ones.
    pub(super) fn of_client(&self, client: Client) -> usize {
        self.clients.get(&client).map_or(0, Vec::len)
    }

    /// Makes a spare connection a regular one.
    pub(super) fn make_regular(&mut self, connection: &Connection) {
        if let Some(entry) = self.open.get_mut(&connection.id())
            && entry.kind == ConnectionKind::Spare
        {
            entry.kind = ConnectionKind::Regular;
            self.spare -= 1;
            connection.mark_regular();
        }
    }

    /// Closes a connection. From now on it is not within any limit.
    pub(super) fn close(&mut self, connection: &Connection, now: u64) {
        if self.make_closing(connection, false, now) {
            connection.close();
        }
    }

    /// Makes a connection one that waits for its client to close. From now on it is not within any
    /// limit.
    pub(super) fn linger(&mut self, connection: &Connection, now: u64) {
        if !self.make_closing(connection, true, now) {
            let mut closing = self.closing.iter_mut();
            let this = closing.find(|closing| closing.connection.id() == connection.id());
            this.into_iter().for_each(|closing| closing.lingers = true);
        }
    }

    /// Makes a connection a closing one. Returns false if it was one.
    fn make_closing(&mut self, connection: &Connection, lingers: bool, now: u64) -> bool {
        let Some(entry) = self.open.get_mut(&connection.id()) else { return false };
        match entry.kind {
            ConnectionKind::Closing => return false,
            ConnectionKind::Spare => self.spare -= 1,
            ConnectionKind::Regular => {}
        }
        entry.kind = ConnectionKind::Closing;
        self.closing.push(ClosingConnection {
            connection: Arc::clone(&entry.connection),
            since: now,
            was_quiet: connection.idle_since().is_some_and(|since| elapsed(since, now) >= QUIET),
            begun: connection.streams_begun(),
            lingers,
        });
        self.forget_of_client(connection);
        true
    }

    /// Closes the client's connection that has been idle longest. Returns false if none is idle.
    pub(super) fn close_idle_of(&mut self, client: Client, now: u64) -> bool {
        let theirs = self.clients.get(&client).into_iter().flatten();
        let idle = theirs.filter_map(|connection| Some((connection.idle_since()?, connection)));
        let longest = idle.min_by_key(|(since, _)| *since).map(|(_, found)| Arc::clone(found));
        longest.as_ref().map(|connection| self.close(connection, now)).is_some()
    }

    /// Closes the connection of a kind that has been idle longest. Returns false if none is idle.
    pub(super) fn close_longest_idle(&mut self, kind: ConnectionKind, now: u64) -> bool {
        let longest = match kind {
            ConnectionKind::Regular => self.longest_idle(),
            _ => self.idle(kind).min_by_key(|found| found.idle_since).map(|found| found.connection),
        };
        longest.as_ref().map(|connection| self.close(connection, now)).is_some()
    }

    fn longest_idle(&mut self) -> Option<Arc<Connection>> {
        if let Some(connection) = self.next_idle() {
            return Some(connection);
        }
        self.find();
        self.next_idle()
    }

    /// Returns the next collected connection that has had no request since it was collected.
    fn next_idle(&mut self) -> Option<Arc<Connection>> {
        while let Some(Found { connection, idle_since }) = self.found.pop() {
            let entry = self.open.get(&connection.id());
            let is_regular = entry.is_some_and(|entry| entry.kind == ConnectionKind::Regular);
            if is_regular && connection.idle_since() == Some(idle_since) {
                return Some(connection);
            }
        }
        None
    }

    fn find(&mut self) {
        let mut idle: Vec<_> = self.idle(ConnectionKind::Regular).collect();
        if idle.len() > FOUND_AT_ONCE {
            idle.select_nth_unstable_by_key(FOUND_AT_ONCE, |found| found.idle_since);
            idle.truncate(FOUND_AT_ONCE);
        }
        idle.sort_unstable_by_key(|found| Reverse(found.idle_since));
        self.found = idle;
    }

    fn idle(&self, kind: ConnectionKind) -> impl Iterator<Item = Found> {
        self.open.values().filter(move |entry| entry.kind == kind).filter_map(|entry| {
            let idle_since = entry.connection.idle_since()?;
            Some(Found { connection: Arc::clone(&entry.connection), idle_since })
        })
    }

    /// Returns the connections with an incomplete head and without a request, the longest idle one
    /// first.
    pub(super) fn oldest_heads(&self) -> Vec<Arc<Connection>> {
        let mut heads: Vec<_> = [ConnectionKind::Regular, ConnectionKind::Spare]
            .into_iter()
            .flat_map(|kind| self.idle(kind))
            .filter(|found| found.connection.held() > 0)
            .collect();
        heads.sort_unstable_by_key(|found| found.idle_since);
        heads.into_iter().map(|found| found.connection).collect()
    }
}

/// Returns the time between two moments in microseconds.
fn elapsed(since: u64, now: u64) -> Duration {
    Duration::from_micros(now.saturating_sub(since))
}
