//! The `svm explain` command: the page `/explain` of the running service, as text for a person.

use serde_json::Value;

use crate::target::{self, percent};

use super::own_service::OwnService;

/// Has the service explain a URL. Returns its JSON, or its sentences in lines.
///
/// # Errors
///
/// A sentence, if the service does not answer, or refuses the URL.
pub fn explain(service: OwnService, url: &str, as_json: bool) -> Result<String, String> {
    let answer =
        service.get(&format!("/explain?url={}", percent::encode(url))).map_err(|error| {
            format!("{error}; svm explain asks the service that runs, at HOST and PORT")
        })?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    if answer.has_status(200) {
        return Ok(if as_json { answer.body + "\n" } else { sentences(&body) });
    }
    match body["detail"].as_str().filter(|_| answer.has_status(400)) {
        Some(rule) => Err(format!("the URL is refused: {rule}{}", variable(rule))),
        None => Err(format!("{} answers {}: {}", service.address, answer.status, answer.body)),
    }
}

/// Returns the variable behind a rule of the allowlist.
fn variable(rule: &str) -> &'static str {
    let variables = [
        (target::Error::HostNotAllowed, " (ALLOWED_UPSTREAM_HOSTS)"),
        (target::Error::PathNotAllowed, " (ALLOWED_API_PATHS)"),
    ];
    let named = variables.iter().find(|(error, _)| format!("{error}") == rule);
    named.map_or("", |(_, variable)| variable)
}

fn sentences(body: &Value) -> String {
    let sentences = body["sentences"].as_array().into_iter().flatten().filter_map(Value::as_str);
    sentences.fold(String::new(), |text, sentence| text + sentence + "\n")
}
