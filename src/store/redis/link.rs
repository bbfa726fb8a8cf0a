//! A connection that is replaced after a fault.
//!
//! With the client's own connection manager, every command waits until there is a connection again.
//! Here, a read fails at once if there is no connection, and only calls with enough time connect.
//! If a call breaks off or is not answered in time, the link drops the connection; the next call
//! looks the name up again. If an error shows that another server may help, the connection serves
//! until it is replaced. A new connection is not replaced for that: a server may refuse for a long
//! time.
//!
//! The name may lead to another server by now, so a link that connects again begins a round
//! ([`Rounds`]), and the other link follows. Otherwise svm might write to one server and read from
//! another for ever.
//!
//! The subtle thing is a call whose caller gives up. The client discards the late reply, so no
//! other command gets it. But the connection may be dead, so a dropped call counts as not answered.
//! A dropped [`Link::read`] does not count, since its callers have little patience.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::RedisResult;
use ::redis::aio::MultiplexedConnection;
use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::client::{Connected, RedisClient};
use super::fault::ServerFault;
use super::guarded::ReceiveBounds;
use crate::clock::Stopwatch;

/// The time limit to find the server, connect and log in.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// The time limit for a read whose caller does not give up earlier.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// The age up to which a connection is new: it leads to the server that the name leads to.
const NEW: Duration = Duration::from_secs(1);

/// The rounds in which the links of a store connect. Each link connects once in each round.
#[derive(Default)]
pub(super) struct Rounds(AtomicU64);

/// At most one connection, shared by all callers.
pub(super) struct Link {
    client: Arc<RedisClient>,
    rounds: Arc<Rounds>,
    allowance: ReceiveBounds,
    state: Mutex<LinkState>,
    /// Held by the caller that connects.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct LinkState {
    current: Option<CurrentConnection>,
    /// True if the current connection must be replaced once it is no longer new. It serves until
    /// then.
    doubtful: bool,
    /// Counts the connections, so that the failure of an old one does not drop the current one.
    generation: u64,
    closed: bool,
}

#[derive(Clone)]
struct CurrentConnection {
    connection: MultiplexedConnection,
    /// The task of the connection. A running call keeps it alive even if the connection has been
    /// replaced.
    work: Arc<AbortOnDropHandle<()>>,
    generation: u64,
    round: u64,
    age: Stopwatch,
}

impl Rounds {
    fn current(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Link {
    /// Creates a link without a connection.
    pub(super) fn new(
        client: Arc<RedisClient>,
        rounds: Arc<Rounds>,
        allowance: ReceiveBounds,
    ) -> Self {
        let (state, connecting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { client, rounds, allowance, state, connecting }
    }

    /// Runs a command on the connection, for at most `limit`. Connects first if necessary.
    pub(super) async fn call<T, F>(
        &self,
        limit: Duration,
        command: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, ServerFault>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let CurrentConnection { connection, work: _work, generation, .. } =
            self.connected().await?;
        let mut call = Call { link: self, generation, answered: false };
        let answer = timeout(limit, command(connection)).await;
        let answer = answer.map_err(|_| ServerFault::TooSlow(limit)).and_then(|it| Ok(it?));
        call.answered = !answer.as_ref().is_err_and(ServerFault::is_broken);
        self.note(&answer, generation);
        answer
    }

    /// Runs a command on the connection. Fails at once if there is none.
    pub(super) async fn read<T, F>(
        &self,
        command: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, ServerFault>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let current = self.state.lock().serving()?;
        let CurrentConnection { connection, work: _work, generation, .. } =
            current.ok_or(ServerFault::NotConnected)?;
        let answer = timeout(READ_LIMIT, command(connection)).await;
        let answer = answer.map_err(|_| ServerFault::TooSlow(READ_LIMIT)).and_then(|it| Ok(it?));
        if answer.as_ref().is_err_and(ServerFault::is_broken) {
            self.give_up(generation);
        }
        self.note(&answer, generation);
        answer
    }

    /// Closes the link permanently.
    pub(super) fn close(&self) {
        *self.state.lock() = LinkState { closed: true, ..LinkState::default() };
    }

    /// Returns the connection, and replaces it first if it is missing, doubtful or from an earlier
    /// round. One that cannot be replaced goes on to serve.
    async fn connected(&self) -> Result<CurrentConnection, ServerFault> {
        if let Some(current) = self.trusted()? {
            return Ok(current);
        }
        let connecting = async {
            let _turn = self.connecting.lock().await;
            if let Some(current) = self.trusted()? {
                return Ok(current);
            }
            let (joined, before) = (self.round_to_join(), self.rounds.current());
            let connected = self.client.connect(self.allowance).await?;
            let round = joined.unwrap_or_else(|| match self.rounds.current() {
                now if now == before => self.rounds.begin(),
                // The other link has begun one meanwhile, maybe to another server: follow it soon.
                _ => before,
            });
            self.state.lock().replace(connected, round)
        };
        let connected = timeout(CONNECT_LIMIT, connecting).await;
        let connected = connected.unwrap_or(Err(ServerFault::TooSlow(CONNECT_LIMIT)));
        connected.or_else(|fault| self.state.lock().serving()?.ok_or(fault))
    }

    fn trusted(&self) -> Result<Option<CurrentConnection>, ServerFault> {
        self.state.lock().trusted(self.rounds.current())
    }

    /// Returns the current round if the link only follows the other one; else it begins a round.
    fn round_to_join(&self) -> Option<u64> {
        let state = self.state.lock();
        let follows = state.current.is_some() && !state.doubtful;
        follows.then(|| self.rounds.current())
    }

    /// Marks the connection as doubtful if the answer shows that another server may help.
    fn note<T>(&self, answer: &Result<T, ServerFault>, generation: u64) {
        let mut state = self.state.lock();
        if answer.as_ref().is_err_and(ServerFault::is_elsewhere) && state.is_current(generation) {
            state.doubtful = true;
        }
    }

    fn give_up(&self, generation: u64) {
        let mut state = self.state.lock();
        if state.is_current(generation) {
            state.current = None;
        }
    }
}

impl LinkState {
    fn serving(&self) -> Result<Option<CurrentConnection>, ServerFault> {
        if self.closed { Err(ServerFault::Closed) } else { Ok(self.current.clone()) }
    }

    fn trusted(&self, round: u64) -> Result<Option<CurrentConnection>, ServerFault> {
        let is_trusted = |current: &CurrentConnection| {
            !self.doubtful && current.round == round || current.age.elapsed() < NEW
        };
        Ok(self.serving()?.filter(is_trusted))
    }

    fn is_current(&self, generation: u64) -> bool {
        self.current.as_ref().is_some_and(|current| current.generation == generation)
    }

    fn replace(
        &mut self,
        (connection, work): Connected,
        round: u64,
    ) -> Result<CurrentConnection, ServerFault> {
        if self.closed {
            return Err(ServerFault::Closed);
        }
        self.generation += 1;
        self.doubtful = false;
        let (work, age) = (Arc::new(work), Stopwatch::start());
        let generation = self.generation;
        let current = CurrentConnection { connection, work, generation, round, age };
        self.current = Some(current.clone());
        Ok(current)
    }
}

/// A running call. If it is dropped without an answer, the link drops the connection too.
struct Call<'a> {
    link: &'a Link,
    generation: u64,
    answered: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.link.give_up(self.generation);
        }
    }
}
