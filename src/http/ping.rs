//! `/ping` and `/livez`: the process answers. They say nothing of anything else; that is
//! `/healthz`.

use http::StatusCode;
use salvo::{Request, Response};

use super::page::{Arrival, Page, Trail};
use super::render;

pub(super) struct Ping;

impl Page for Ping {
    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> Trail {
        let body = r#"{"status":"ok","message":"Service is up and running"}"#;
        render::json(req, res, StatusCode::OK, body.to_owned());
        Trail::default()
    }
}

/// The same under the name that orchestrators use. It also holds while the service ends: to be
/// restarted then would help nobody.
pub(super) struct Livez;

impl Page for Livez {
    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> Trail {
        render::json(req, res, StatusCode::OK, r#"{"status":"live"}"#.to_owned());
        Trail::default()
    }
}
