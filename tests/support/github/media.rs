//! The representations that a client chooses by its `Accept`: those with a rendered text, the bare
//! hash of a commit, and the types that GitHub does not have.

use std::sync::Arc;

use serde_json::Value;

use super::answer::Answer;
use super::document::Document;
use super::errors;
use super::received::Received;

const TEXT: &str = "application/vnd.github.sha; charset=utf-8";

/// Returns the answer to a request for something other than JSON.
pub fn answer(document: &Document, request: &Received) -> Option<Answer> {
    let accept = request.header("accept").unwrap_or("*/*");
    if parameter(accept) == Some("sha") {
        let value: Value = serde_json::from_slice(&document.compact).ok()?;
        return Some(Answer::new(200, TEXT, value["sha"].as_str()?));
    }
    let is_json = accept.split(',').any(|range| {
        let range = range.split(';').next().unwrap_or_default().trim();
        let known = ["*/*", "application/*", "application/json", "text/html"];
        known.contains(&range) || range.starts_with("application/vnd.github")
    });
    (!is_json).then(|| errors::unsupported(accept, request))
}

/// Returns the document with its texts in the forms that `Accept` requests.
pub fn represented(document: Arc<Document>, request: &Received) -> Arc<Document> {
    let parameter = request.header("accept").and_then(parameter);
    let fields: &[&str] = match parameter {
        Some("full") => &["body", "body_html", "body_text"],
        Some("html") => &["body_html"],
        Some("text") => &["body_text"],
        _ => return document,
    };
    let Ok(mut value) = serde_json::from_slice(&document.compact) else { return document };
    match &mut value {
        Value::Array(elements) => elements.iter_mut().for_each(|it| render(it, fields)),
        element => render(element, fields),
    }
    let body = value.to_string().into_bytes();
    let mut rendered = Document::new(body, document.last_modified_secs);
    rendered.link.clone_from(&document.link);
    Arc::new(rendered)
}

/// Replaces the text of a release by these forms.
fn render(element: &mut Value, fields: &[&str]) {
    let Value::Object(members) = element else { return };
    let Some(Value::String(text)) = members.remove("body") else { return };
    for field in fields {
        let form = match *field {
            "body_html" => format!("<p>{text}</p>"),
            _ => text.clone(),
        };
        members.insert((*field).to_owned(), form.into());
    }
}

/// Returns the parameter of the first media type that is GitHub's own.
fn parameter(accept: &str) -> Option<&str> {
    accept.split(',').find_map(|range| {
        let name =
            range.split([';', '+']).next()?.trim().strip_prefix("application/vnd.github.")?;
        let name = name.rsplit('.').next()?;
        (!name.ends_with("-preview")).then_some(name)
    })
}
