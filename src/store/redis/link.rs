//! A connection that is replaced when it has to be.
//!
//! The client's own manager makes every command wait until it has connected again; here a read
//! fails at once where there is no connection, and only those connect who have the time. A
//! connection is thrown away when a call on it was not answered in time; the name is then looked up
//! again. Where an error says that another server may help, it serves until there is another one,
//! and that is made once it is not new any more: a server may refuse for a long time.
//!
//! The subtle thing is a call whose caller gives up: the client discards the reply when it comes,
//! so that none is ever taken for that of another command. But who gives up on a dead connection
//! must not leave it to the next one either: a call that was dropped counts as one that was not
//! answered. Only a [`Link::read`] may be dropped without that, since its callers have little
//! patience.

use std::sync::Arc;
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

/// The time to find the server, to connect and to log in.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// Callers of a read give up long before; this is for one that does not.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// A connection that is younger already leads where the name leads.
const NEW: Duration = Duration::from_secs(1);

/// At most one connection, shared by all who call.
pub(super) struct Link {
    client: Arc<RedisClient>,
    allowance: ReceiveBounds,
    state: Mutex<LinkState>,
    /// Held by the caller that connects.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct LinkState {
    current: Option<CurrentConnection>,
    /// The current connection serves until there is another one, and that is to be made when this
    /// one is not new.
    doubtful: bool,
    /// Counts the connections, so that an old one's failure does not cost the new one.
    generation: u64,
    closed: bool,
}

#[derive(Clone)]
struct CurrentConnection {
    connection: MultiplexedConnection,
    /// Goes on for as long as a call is under way, though another connection may have taken its
    /// place.
    work: Arc<AbortOnDropHandle<()>>,
    generation: u64,
    age: Stopwatch,
}

impl Link {
    /// A link without a connection.
    pub(super) fn new(client: Arc<RedisClient>, allowance: ReceiveBounds) -> Self {
        let (state, connecting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { client, allowance, state, connecting }
    }

    /// Runs a command on the connection, which it makes if there is none; at most `limit` after
    /// that.
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

    /// Runs a command on the connection if there is one.
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

    /// Has a [`Link::call`] connect anew, the next one or one in a second; until it has, the
    /// connection serves.
    pub(super) fn doubt(&self) {
        self.state.lock().doubtful = true;
    }

    /// Closes the connection; there will be no other.
    pub(super) fn close(&self) {
        *self.state.lock() = LinkState { closed: true, ..LinkState::default() };
    }

    async fn connected(&self) -> Result<CurrentConnection, ServerFault> {
        if let Some(current) = self.state.lock().trusted()? {
            return Ok(current);
        }
        let connecting = async {
            let _turn = self.connecting.lock().await;
            if let Some(current) = self.state.lock().trusted()? {
                return Ok(current);
            }
            let connected = self.client.connect(self.allowance).await?;
            self.state.lock().replace(connected)
        };
        timeout(CONNECT_LIMIT, connecting).await.unwrap_or(Err(ServerFault::TooSlow(CONNECT_LIMIT)))
    }

    /// Has the connection that was told to look elsewhere replaced.
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

    fn trusted(&self) -> Result<Option<CurrentConnection>, ServerFault> {
        Ok(self.serving()?.filter(|current| !self.doubtful || current.age.elapsed() < NEW))
    }

    fn is_current(&self, generation: u64) -> bool {
        self.current.as_ref().is_some_and(|current| current.generation == generation)
    }

    fn replace(&mut self, (connection, work): Connected) -> Result<CurrentConnection, ServerFault> {
        if self.closed {
            return Err(ServerFault::Closed);
        }
        self.generation += 1;
        self.doubtful = false;
        let (work, age) = (Arc::new(work), Stopwatch::start());
        let current = CurrentConnection { connection, work, generation: self.generation, age };
        self.current = Some(current.clone());
        Ok(current)
    }
}

/// A call under way; dropped without an answer, it takes the connection along.
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
