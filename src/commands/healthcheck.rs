//! The `svm healthcheck` command: one request to the running service, for containers without
//! another client.

use super::own_service::OwnService;

/// Requests the page `path` of the service. Returns the body of its answer.
///
/// # Errors
///
/// A sentence, if the service does not answer or is not ready.
pub fn healthcheck(service: OwnService, path: &str) -> Result<String, String> {
    let answer = service.get(path)?;
    if answer.has_status(200) {
        return Ok(answer.body);
    }
    Err(format!("{} answers {}: {}", service.address, answer.status, answer.body))
}
