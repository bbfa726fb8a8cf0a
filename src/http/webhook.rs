//! The page `/webhooks/github`, which receives repository events of GitHub.
//!
//! The page parses no body before it has verified the signature. A delivery changes no document by
//! itself: it causes checks, as a request of a client does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Extensions, HeaderName, Method, StatusCode, Version};
use prometheus::IntCounter;
use salvo::http::ReqBody;
use salvo::{Request, Response};
use tokio::sync::Semaphore;

use crate::cache::{Cache, Delivery};
use crate::clock::Timestamp;
use crate::secret::{Secret, Signature};
use crate::tasks;

use super::metrics::webhook_counters;
use super::page::{Arrival, LogFields, Page};
use super::render;
use super::request_body::{self, BodyError};

/// The path of the page.
pub(super) const PATH: &str = "/webhooks/github";

const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
/// The size of the largest body that GitHub sends, in bytes.
const LONGEST_BODY: usize = 25 << 20;
/// The most bodies that svm receives at the same time. The number has a bound because any client
/// can send a body.
const MOST_BODIES: usize = 4;
/// The size in bytes up to which svm reads a body on the current thread. A larger body takes up to
/// a tenth of a second.
const LARGEST_AT_ONCE: usize = 64 << 10;
/// The time for a body to arrive.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// The page of webhook deliveries.
pub(super) struct Webhook {
    cache: Cache,
    secrets: Arc<[Secret]>,
    slots: Semaphore,
    deliveries: [IntCounter; Delivery::ALL.len()],
}

/// A delivery, or the status and the message of its refusal.
#[derive(Clone)]
struct Received(Result<(Signature, Bytes), (StatusCode, &'static str)>);

impl Webhook {
    pub(super) fn new(
        cache: Cache,
        secrets: Vec<Secret>,
        registry: &crate::metrics::Registry,
    ) -> Self {
        let deliveries = webhook_counters(registry);
        Self { cache, secrets: secrets.into(), slots: Semaphore::new(MOST_BODIES), deliveries }
    }

    async fn signed_body(
        &self,
        req: &Request,
        body: &mut ReqBody,
    ) -> Result<(Signature, Bytes), (StatusCode, &'static str)> {
        const TOO_LARGE: (StatusCode, &str) =
            (StatusCode::PAYLOAD_TOO_LARGE, "a delivery has at most 25 MiB");
        let header = req.headers().get(SIGNATURE);
        let signature = header.and_then(|value| Signature::parse(value.as_bytes()));
        let signature =
            signature.ok_or((StatusCode::UNAUTHORIZED, "X-Hub-Signature-256 is required"))?;
        let length = req.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > LONGEST_BODY) {
            return Err(TOO_LARGE);
        }
        // Without its length, svm cannot tell the body from the next request (`marked.rs`).
        let invalid = match length.is_none() && req.version() < Version::HTTP_2 {
            true => "the signature is invalid, and the body has no readable Content-Length",
            false => "the signature is invalid",
        };
        let busy = (StatusCode::SERVICE_UNAVAILABLE, "too many deliveries arrive at once");
        let _slot = self.slots.try_acquire().map_err(|_| busy)?;
        let mut bytes = Vec::new();
        let take = |some: &[u8]| bytes.extend_from_slice(some);
        let received = request_body::read(body, LONGEST_BODY, BODY_LIMIT, take).await;
        received.map_err(|error| match error {
            BodyError::TooLarge => TOO_LARGE,
            BodyError::Late => (StatusCode::REQUEST_TIMEOUT, "the delivery came too slowly"),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "the delivery is incomplete"),
        })?;
        let body = Bytes::from(bytes);
        let (secrets, signed) = (Arc::clone(&self.secrets), body.clone());
        match aside(body.len(), move || signature.is_of(&signed, &secrets)).await {
            Some(true) => Ok((signature, body)),
            Some(false) => Err((StatusCode::UNAUTHORIZED, invalid)),
            None => Err(busy),
        }
    }

    async fn deliver(&self, signature: Signature, body: &Bytes, now: Timestamp) -> Delivery {
        let (cache, event) = (self.cache.clone(), body.clone());
        let deliver = move || cache.pushes().deliver(signature, &event, now);
        aside(body.len(), deliver).await.unwrap_or(Delivery::Refused)
    }
}

/// Calls `read` for a body of this length: for a long body, on a blocking thread, so that no other
/// request waits. Returns `None` if the thread fails.
async fn aside<T: Send + 'static>(
    length: usize,
    read: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match length <= LARGEST_AT_ONCE {
        true => Some(read()),
        false => tasks::blocking(read).await.ok(),
    }
}

impl Page for Webhook {
    // The page answers every method itself.
    const READS_ONLY: bool = false;
    const IS_SHED: bool = true;
    const RECEIVES: bool = true;

    async fn receive(&self, req: &Request, body: &mut ReqBody) -> Extensions {
        let mut received = Extensions::new();
        if req.method() == Method::POST {
            received.insert(Received(self.signed_body(req, body).await));
        }
        received
    }

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> LogFields {
        let Some(Received(received)) = req.extensions().get::<Received>() else {
            render::only_post(req, res);
            return LogFields::default();
        };
        let delivered = match received {
            Ok((signature, body)) => match self.deliver(*signature, body, arrival.at).await {
                Delivery::Refused => Err((StatusCode::BAD_REQUEST, "the body is not a JSON event")),
                delivery => Ok(delivery),
            },
            Err(refusal) => Err(*refusal),
        };
        self.deliveries[delivered.unwrap_or(Delivery::Refused) as usize].inc();
        match delivered {
            Ok(delivery) => {
                let body = format!(r#"{{"status":"{}"}}"#, delivery.as_str());
                render::json(req, res, StatusCode::ACCEPTED, body);
                LogFields::default()
            }
            Err((status, rule)) => {
                render::refused_delivery(req, res, status, rule);
                LogFields::of_refusal(rule, None)
            }
        }
    }
}
