//! One client connection: its state, its idle time, and its signals to close.
//!
//! Only the task of the connection writes the state bits, so no step needs a lock. Requests of
//! HTTP/2 have tasks of their own, so they change no bits and are counted. Another task may see a
//! connection as idle at the moment a request arrives. Closing that connection does no harm: a
//! server may close any idle connection, and the HTTP library still answers a request that it has
//! begun to read.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

use super::super::client::Client;
use super::Connections;

/// The service is answering a request.
const HANDLING: u8 = 1;
/// The connection is writing an answer.
const WRITING: u8 = 2;
/// Bytes of a head have arrived.
const BEGUN: u8 = 4;
/// The last request had a body.
const BODY: u8 = 8;

/// The size in bytes of the buffer that the HTTP library gives each connection.
const BUFFER: usize = 8 << 10;
/// The number of bytes beyond the buffer from which a head counts toward the bound.
const SMALLEST_HEAD: usize = 4 << 10;

/// The state of a connection.
pub(in crate::http) struct Connection {
    id: u64,
    client: Option<Client>,
    state: AtomicU8,
    /// The start of the idle time, in microseconds since the creation of `Connections`.
    idle_since: AtomicU64,
    held: AtomicUsize,
    /// The number of HTTP/2 requests that the service is answering.
    streams: AtomicUsize,
    /// The number of all HTTP/2 requests so far.
    begun: AtomicUsize,
    is_spare: AtomicBool,
    close: CancellationToken,
    abort: CancellationToken,
}

impl Connection {
    pub(super) fn new(
        id: u64,
        client: Option<Client>,
        is_spare: bool,
        now: u64,
        close: CancellationToken,
        abort: CancellationToken,
    ) -> Self {
        Self {
            id,
            client,
            state: AtomicU8::new(0),
            idle_since: AtomicU64::new(now),
            held: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            is_spare: AtomicBool::new(is_spare),
            close,
            abort,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn client(&self) -> Option<Client> {
        self.client
    }

    /// Returns the start of the idle time, or `None` while there is a request.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let has_request = self.is(HANDLING | WRITING) || self.has_streams();
        (!has_request).then(|| self.idle_since.load(Ordering::Relaxed))
    }

    /// Returns the bytes that an incomplete head holds, as far as they count toward the bound.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(super) fn swap_held(&self, bytes: usize) -> usize {
        self.held.swap(bytes, Ordering::Relaxed)
    }

    pub(super) fn mark_regular(&self) {
        self.is_spare.store(false, Ordering::Relaxed);
    }

    /// Returns true while the connection is writing an answer.
    pub(in crate::http) fn is_writing(&self) -> bool {
        self.is(WRITING)
    }

    /// Returns true if a head has begun and there is no request under way.
    pub(in crate::http) fn is_within_head(&self) -> bool {
        self.is(BEGUN) && !self.is(HANDLING | WRITING)
    }

    /// Closes the connection: at once if its client has begun a head, otherwise in the way in which
    /// the HTTP library closes an idle connection.
    pub(super) fn close(&self) {
        let signal = if self.is(BEGUN) { &self.abort } else { &self.close };
        signal.cancel();
    }

    /// Ends the connection at once.
    pub(super) fn abort(&self) {
        self.abort.cancel();
    }

    /// Returns the signal that the connection must answer no further request.
    pub(in crate::http) fn close_signal(&self) -> &CancellationToken {
        &self.close
    }

    /// Returns the signal that the connection must end at once.
    pub(in crate::http) fn abort_signal(&self) -> &CancellationToken {
        &self.abort
    }

    /// Records that the head of an HTTP/1.1 request is complete, and whether a body follows.
    pub(in crate::http) fn begin_request(&self, has_body: bool) {
        self.set(if has_body { HANDLING | BODY } else { HANDLING });
    }

    /// Records that the answer to an HTTP/1.1 request is ready to be written.
    pub(in crate::http) fn end_request(&self) {
        self.set(WRITING | self.state.load(Ordering::Relaxed) & BODY);
    }

    /// Returns true if the last HTTP/1.1 request had a body, of which the client may still send a
    /// part.
    pub(in crate::http) fn had_body(&self) -> bool {
        self.is(BODY)
    }

    /// Records that the head of an HTTP/2 request is complete.
    pub(in crate::http) fn begin_stream(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that the answer to an HTTP/2 request is ready to be written, or that its client has
    /// cancelled the request.
    pub(in crate::http) fn end_stream(&self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns true while the service is answering an HTTP/2 request.
    pub(in crate::http) fn has_streams(&self) -> bool {
        self.streams.load(Ordering::Relaxed) > 0
    }

    /// Returns the number of HTTP/2 requests so far.
    pub(in crate::http) fn streams_begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Makes a spare connection a regular one if there is room. Returns true if the connection is
    /// regular, so that its client may request documents.
    pub(in crate::http) fn ensure_regular(&self, connections: &Connections) -> bool {
        !self.is_spare.load(Ordering::Relaxed) || connections.promote(self)
    }

    fn is(&self, bits: u8) -> bool {
        self.state.load(Ordering::Relaxed) & bits != 0
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }

    fn add(&self, bits: u8) {
        self.set(self.state.load(Ordering::Relaxed) | bits);
    }
}

/// An entry in the table of open connections. Dropping it removes the connection from the table.
pub(in crate::http) struct OpenConnection {
    connections: Connections,
    connection: Arc<Connection>,
    /// The bytes that arrived since the last answer, and those of the last read before that.
    received: usize,
    last_read: usize,
    /// The bytes that the head holds, as far as they count toward the bound.
    held: usize,
}

impl OpenConnection {
    pub(super) fn new(connections: Connections, connection: Arc<Connection>) -> Self {
        Self { connections, connection, received: 0, last_read: 0, held: 0 }
    }

    /// Returns the state, which the service of the connection shares.
    pub(in crate::http) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns the set of all connections.
    pub(in crate::http) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Records bytes that have arrived.
    pub(in crate::http) fn note_read(&mut self, bytes: usize) {
        self.received += bytes;
        self.last_read = bytes;
        if !self.connection.is(HANDLING) {
            self.connection.add(BEGUN);
        }
    }

    /// Records that the connection waits for more bytes. `room` is the free space of the buffer for
    /// them, `beside` the memory that the head takes beside that buffer. While there is a request,
    /// the bytes are its body, which has a bound of its own.
    pub(in crate::http) fn note_wait(&mut self, room: usize, beside: usize) {
        let head = if self.connection.is(HANDLING) { 0 } else { self.received + room + beside };
        let beyond = head.saturating_sub(BUFFER);
        let held = if beyond < SMALLEST_HEAD { 0 } else { beyond };
        if held != self.held {
            self.held = held;
            self.connections.hold(&self.connection, held);
        }
    }

    /// Records that the connection has bytes to write.
    pub(in crate::http) fn note_write(&mut self) {
        self.connection.add(WRITING);
    }

    /// Records that the connection has written all bytes.
    pub(in crate::http) fn note_flush(&mut self) {
        if self.connection.is(WRITING) {
            self.connection.idle_since.store(self.connections.now(), Ordering::Relaxed);
            self.connection.set(self.connection.state.load(Ordering::Relaxed) & !WRITING);
            self.received = self.last_read;
        }
    }
}

impl Deref for OpenConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.remove(&self.connection);
    }
}
