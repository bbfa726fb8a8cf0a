//! `/ping`: the process answers. It says nothing of anything else; that is `/healthz`.

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
