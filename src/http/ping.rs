//! The pages `/ping` and `/livez`: the process answers. They report nothing else; `/healthz` does.

use http::StatusCode;
use salvo::{Request, Response};

use super::page::{Arrival, LogFields, Page};
use super::render;

pub(super) struct Ping;

impl Page for Ping {
    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let body = r#"{"status":"ok","message":"Service is up and running"}"#;
        render::json(req, res, StatusCode::OK, body.to_owned());
        LogFields::default()
    }
}

/// The same page under the name that orchestrators use. It also answers 200 during the shutdown,
/// when a restart would not help.
pub(super) struct Livez;

impl Page for Livez {
    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        render::json(req, res, StatusCode::OK, r#"{"status":"live"}"#.to_owned());
        LogFields::default()
    }
}
