//! The `svm explain` command: the page `/explain` of the running service, as text for a person.

use std::fmt::Write;

use serde_json::Value;

use super::own_service::OwnService;

/// Has the service explain a URL. Returns its JSON, or its sentences in lines.
///
/// # Errors
///
/// A sentence, if the service does not answer, or refuses the URL.
pub fn explain(service: OwnService, url: &str, as_json: bool) -> Result<String, String> {
    let answer = service.get(&format!("/explain?url={}", encode(url))).map_err(|error| {
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
    match rule {
        "upstream host is not allowlisted" => " (ALLOWED_UPSTREAM_HOSTS)",
        "upstream path is not allowlisted" => " (ALLOWED_API_PATHS)",
        _ => "",
    }
}

fn sentences(body: &Value) -> String {
    let sentences = body["sentences"].as_array().into_iter().flatten().filter_map(Value::as_str);
    sentences.fold(String::new(), |text, sentence| text + sentence + "\n")
}

/// Encodes a value of a query.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
        let _ = match is_plain {
            true => write!(encoded, "{}", char::from(byte)),
            false => write!(encoded, "%{byte:02X}"),
        };
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_value() {
        for (url, want) in [
            ("https://api.github.com/repos/o/r", "https://api.github.com/repos/o/r"),
            ("https://h/p?a=1&b=2#c", "https://h/p%3Fa%3D1%26b%3D2%23c"),
            ("/é %", "/%C3%A9%20%25"),
        ] {
            assert_eq!(encode(url), want);
        }
    }
}
