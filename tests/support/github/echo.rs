//! An upstream, or a proxy in front of one, that echoes the `Authorization` of a request.

use serde_json::json;

use super::answer::Answer;
use super::received::Received;

const JSON: &str = "application/json; charset=utf-8";

/// The place of the token in the answer, and its spelling.
#[derive(Clone, Debug, PartialEq)]
pub enum Echo {
    /// In a document.
    Document(Spelling),
    /// In an HTML page with this status.
    Page(u16),
    /// In the message of an error with this status.
    Error(u16, Spelling),
    /// In this header of a document.
    Header(&'static str),
    /// In the path of a redirect to the same host.
    Redirect(Spelling),
}

/// The spelling of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spelling {
    /// Unchanged.
    Plain,
    /// As part of `user:token` in base64.
    Base64,
    /// Each byte as `%41`.
    Percent,
    /// Each byte as `\u0041`.
    Unicode,
}

impl Spelling {
    fn spell(self, token: &str) -> String {
        match self {
            Self::Plain => token.to_owned(),
            Self::Base64 => base64(format!("user:{token}").as_bytes()),
            Self::Percent => token.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            Self::Unicode => token.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
        }
    }
}

impl Echo {
    /// Returns the answer to this request. Without a token, nothing is repeated.
    pub fn answer(&self, request: &Received) -> Answer {
        let authorization = request.header("authorization").unwrap_or_default();
        let token = authorization.rsplit(' ').next().unwrap_or_default();
        match self {
            Self::Document(spelling) => {
                let body = format!(r#"{{"tag_name":"v9","you":"{}"}}"#, spelling.spell(token));
                Answer::compressed(200, JSON, body.as_bytes(), request)
            }
            Self::Page(status) => {
                Answer::new(*status, "text/html", format!("<pre>{authorization}</pre>"))
            }
            Self::Error(status, spelling) => {
                let body = format!(r#"{{"message":"{}"}}"#, spelling.spell(token));
                Answer::compressed(*status, JSON, body.as_bytes(), request)
            }
            Self::Header(name) => {
                let answer = Answer::json(200, &json!({"tag_name": "v9"}), request);
                answer.header(name, format!("\"{token}\""))
            }
            Self::Redirect(spelling) => {
                let location =
                    format!("https://{}/repos/{}/x", request.host, spelling.spell(token));
                Answer::new(302, JSON, "{}").header("location", location)
            }
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    let digits: Vec<u8> =
        (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"+/").collect();
    let group = |three: &[u8]| {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        let digit = move |place: usize| bits >> (18 - 6 * place) & 63;
        (0..=three.len()).map(digit).collect::<Vec<_>>()
    };
    bytes.chunks(3).flat_map(group).map(|digit| char::from(digits[digit])).collect()
}
