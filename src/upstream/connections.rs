//! The connections to upstream hosts: a pool for each host, and new connections beside it.
//!
//! An idle connection may be dead without notice. A request that meets a dead connection is sent
//! again on a new one, which cannot be dead, so this does not use up the exchange's retry. All
//! requests are `GET`, so a repetition is safe. The pool of a host can be dropped as a whole; its
//! connections then close as soon as they are idle.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use parking_lot::Mutex;
use reqwest::{Client, Request, Response};

use crate::config;
use crate::target;

use super::client::{ClientBuilder, ClientError};
use super::dial::Dial;
use super::framing;

/// The bytes that may follow a head, in addition to twice the size of the largest body.
const OVERHEAD_BYTES: u64 = 1024 * 1024;

/// The pools by authority, and the builder of others.
pub(super) struct ConnectionPools {
    builder: ClientBuilder,
    pools: HashMap<Box<str>, Mutex<Arc<Client>>>,
    unpooled: Client,
    patience: Duration,
    /// The most bytes after a head.
    body_bytes: u64,
}

impl ConnectionPools {
    /// Creates a pool for each host that may become a target, without dialling.
    pub(super) fn new(
        config: &config::Upstream,
        targets: &target::Policy,
    ) -> Result<Self, ClientError> {
        let builder = ClientBuilder::new(config)?;
        let unpooled = builder.unpooled()?;
        let pool = |host: &target::Authority| {
            Ok((host.to_string().into(), Mutex::new(Arc::new(builder.pooled()?))))
        };
        let pools = targets.hosts.iter().map(pool).collect::<Result<_, ClientError>>()?;
        // Half of the time: a new connection has the other half, and a slow answer is rarely
        // requested twice.
        let patience = config.timeout / 2;
        // Chunk headers and TLS records add to the bytes of a body.
        let body_bytes = config.max_response_bytes.saturating_mul(2).saturating_add(OVERHEAD_BYTES);
        Ok(Self { builder, pools, unpooled, patience, body_bytes })
    }

    /// Sends a request and reads the head of its answer. Calls `on_second` if an idle connection
    /// did not answer the request, before it sends the request again.
    pub(super) async fn send(
        &self,
        authority: &str,
        request: &Request,
        on_second: impl FnOnce(),
    ) -> reqwest::Result<Response> {
        let response = self.send_twice_if_dead(authority, request, on_second).await?;
        self.answered(authority, &response);
        Ok(response)
    }

    /// Bounds the bytes that may follow this head on its connection. If the framing is irregular,
    /// the connection ends after the body.
    fn answered(&self, authority: &str, response: &Response) {
        let intake = self.builder.intakes().of(response.extensions());
        if let Some(intake) = &intake {
            intake.allow(self.body_bytes);
        }
        if framing::is_irregular(response.version(), response.status(), response.headers()) {
            tracing::debug!(authority, "answer with irregular framing; closing its connections");
            if let Some(intake) = intake {
                intake.end();
            }
            self.drop_idle(authority);
        }
    }

    async fn send_twice_if_dead(
        &self,
        authority: &str,
        request: &Request,
        on_second: impl FnOnce(),
    ) -> reqwest::Result<Response> {
        let Some(pool) = self.pools.get(authority) else {
            return self.unpooled.execute(copy(request)).await;
        };
        let client = Arc::clone(&pool.lock());
        let dial = Arc::new(Dial::default());
        let mut sending = pin!(Arc::clone(&dial).watch(client.execute(copy(request))));
        let response = match tokio::time::timeout(self.patience, &mut sending).await {
            Ok(response) => response,
            Err(_) if dial.has_begun() => return sending.await,
            Err(_) => {
                // The other idle connections are as old: each could be dead too, and cost the same
                // time.
                self.replace(pool, &client);
                on_second();
                let fresh = pin!(self.unpooled.execute(copy(request)));
                return first_answer(sending, fresh).await;
            }
        };
        match response {
            Err(error) if !dial.has_connected() && !error.is_connect() => {
                tracing::debug!(authority, "idle connection was dead; dialling a new one");
                on_second();
                self.unpooled.execute(copy(request)).await
            }
            response => response,
        }
    }

    /// Closes the idle connections of a host at once, and the others as soon as they are idle.
    pub(super) fn drop_idle(&self, authority: &str) {
        if let Some(pool) = self.pools.get(authority) {
            let client = Arc::clone(&pool.lock());
            self.replace(pool, &client);
        }
    }

    /// Replaces the pool, unless it was replaced since `used` was current.
    fn replace(&self, pool: &Mutex<Arc<Client>>, used: &Arc<Client>) {
        let mut current = pool.lock();
        if !Arc::ptr_eq(&current, used) {
            return;
        }
        match self.builder.pooled() {
            Ok(client) => *current = Arc::new(client),
            Err(error) => tracing::error!(%error, "a connection pool cannot be replaced"),
        }
    }
}

/// Copies a request; one without a body can always be copied.
fn copy(request: &Request) -> Request {
    let mut copy = Request::new(request.method().clone(), request.url().clone());
    request.headers().clone_into(copy.headers_mut());
    copy
}

/// Returns the first answer; an error only if both fail.
async fn first_answer<F>(
    one: F,
    other: impl Future<Output = F::Output> + Unpin,
) -> reqwest::Result<Response>
where
    F: Future<Output = reqwest::Result<Response>> + Unpin,
{
    match select(one, other).await {
        Either::Left((Err(_), other)) => other.await,
        Either::Right((Err(_), one)) => one.await,
        Either::Left((answer, _)) | Either::Right((answer, _)) => answer,
    }
}
