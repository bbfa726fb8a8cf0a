//! The page `/openapi.json`: the description of the interface by OpenAPI 3.1.
//!
//! The file `openapi.json` in this folder is written by hand. A test compares the file with the
//! router, and `just openapi-check` compares it with the answers of a running service.

use bytes::Bytes;
use http::StatusCode;
use salvo::{Request, Response};
use serde_json::Value;

use crate::build_info::VERSION;

use super::page::{Arrival, LogFields, Page};
use super::render;

const DOCUMENT: &str = include_str!("openapi.json");

/// The page, with its answer.
pub(super) struct OpenApi(Bytes);

impl OpenApi {
    /// Creates the page: adds the version of svm, and a HEAD operation for each GET, to the file.
    pub(super) fn new() -> Self {
        let mut document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        document["info"]["version"] = VERSION.into();
        let paths =
            document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
        for path in paths {
            if let Some(get) = path.get("get") {
                path["head"] = head_of(get);
            }
        }
        Self(document.to_string().into())
    }
}

/// Returns the HEAD operation for a GET operation: the same without bodies of responses.
fn head_of(get: &Value) -> Value {
    let mut head = get.clone();
    let id = head["operationId"].as_str().map(|id| format!("{id}Head"));
    head["operationId"] = id.into();
    let responses = head["responses"].as_object_mut();
    for response in responses.into_iter().flat_map(|responses| responses.values_mut()) {
        // A response by reference keeps its body. Readers know that a HEAD has none.
        if let Some(response) = response.as_object_mut() {
            response.remove("content");
        }
    }
    head
}

impl Page for OpenApi {
    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        render::json(req, res, StatusCode::OK, self.0.clone());
        LogFields::default()
    }
}
