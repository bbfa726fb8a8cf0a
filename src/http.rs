//! The HTTP interface: `/version`, the mirror of GitHub's paths, the pages about the service, and
//! the webhook.
//!
//! Handlers only translate: they turn a request into a query of the cache, and the answer of the
//! cache into a response. They decide nothing about caching and never talk to the store or the
//! upstream. Only `render` sets header fields of responses.

mod access_log;
mod client;
pub mod client_ip;
mod client_rate;
mod coding;
mod conditional;
mod connections;
mod date;
mod documents;
mod explain;
mod health;
mod host;
mod http2;
mod https;
mod in_flight;
mod lingering;
mod listener;
mod marked;
mod metrics;
pub(crate) mod mirror;
mod openapi;
mod page;
mod patience;
mod protocols;
pub mod query;
mod query_cache;
mod question;
mod refused_url;
mod render;
mod request_body;
mod request_fields;
mod request_ids;
mod route;
mod router;
pub mod selection;
mod server;
mod socket;
mod status;
mod stream;
mod two_hit_cache;
mod values;
mod version;
mod webhook;

pub use access_log::AccessLog;
pub use connections::{ConnectionLimits, Connections};
pub use health::Health;
pub use https::Https;
pub use listener::bind;
pub use metrics::{ConnectionCounters, MetricsSources, TlsCounters};
pub use mirror::MirrorConfig;
pub use router::{Parts, service};
pub use server::{Server, Stop};
pub use status::{StatusParts, StatusRecords};
