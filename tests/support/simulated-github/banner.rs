//! What a stranger reads first.

use std::fmt::Write;

use crate::documents::Document;
use crate::support::github::GitHub;

/// A repository that was renamed.
pub(crate) const OLD_NAME: &str = "octo/kitten";
/// What it is called now.
pub(crate) const NEW_NAME: &str = "octo/cat";
/// A file that is always refused: on a host without tokens, so that nothing else rests because of it.
pub(crate) const LIMITED: (&str, &str) =
    ("raw.githubusercontent.com", "/octo/limited/main/version.json");

const CAT: &str = "https://api.github.com/repos/octo/cat/releases/latest";
const X_CACHE: &str = " | grep -i '^x-cache:'";

/// What this is, what it has, and what to type.
pub(crate) fn banner(github: &GitHub, port: &str) -> String {
    let service = format!("http://localhost:{port}");
    let curl = |url: &str, more: &str, filter: &str| {
        format!("  curl -si '{service}/version?url={url}{more}'{filter}\n")
    };
    let limited = format!("https://{}{}", LIMITED.0, LIMITED.1);
    [
        format!("This is a SIMULATED GitHub on {}: no account, no network, invented data.\n\n", github.addr()),
        "Its repositories (owner octo): tiny, cat, zoo, fleet, armada have releases of 2 to 120 KB;\n".to_owned(),
        "cat also has releases, tags, git/refs/tags and commits?sha=main; kitten is cat's old name.\n".to_owned(),
        "rust-lang/rust has an invented release too.\n\n".to_owned(),
        format!("Against the service on {service}, paste line by line:\n\n"),
        "  # MISS, then HIT (HIT at once with the store of an earlier run)\n".to_owned(),
        curl(CAT, "", X_CACHE),
        curl(CAT, "", X_CACHE),
        "  # REVALIDATED: asked again on demand, unchanged, free of quota\n".to_owned(),
        curl(CAT, "&refresh=true", X_CACHE),
        "  # the whole answer, through a rename\n".to_owned(),
        curl("https://api.github.com/repos/octo/kitten/releases/latest", "", " | head -c 1000"),
        "  # 404: no such repository\n".to_owned(),
        curl("https://api.github.com/repos/octo/nothing/releases/latest", "", ""),
        "  # 429: a host that has had enough of us\n".to_owned(),
        curl(&limited, "", ""),
        "\n".to_owned(),
    ]
    .concat()
}

/// Every URL, where its document comes from, and how long it is.
pub(crate) fn table(documents: &[Document]) -> String {
    let mut table = documents.iter().fold(String::new(), |mut table, document| {
        let Document { host, target, file, compact } = document;
        let _ = writeln!(table, "https://{host}{target} <- {file} ({} bytes)", compact.len());
        table
    });
    table.push('\n');
    table
}
