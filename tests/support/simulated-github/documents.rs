//! The documents to serve: those of the source repository, those of a folder, and copies of both at
//! given URLs.
//!
//! They are in the order of their names, so that a folder always gives the same URLs.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::Url;

use crate::cassette;

/// The folder below the root of the source repository.
const BUILT_IN: &str = "testdata/github";
const NO_DOCUMENTS: [&str; 3] = ["index.json", "error_bodies.json", "etag_vectors.json"];

/// A document and its URL.
#[derive(Clone)]
pub(crate) struct Document {
    /// The host of its URL.
    pub(crate) host: String,
    /// The path and the query of its URL.
    pub(crate) target: String,
    /// The file of the document.
    pub(crate) file: String,
    /// The body.
    pub(crate) compact: Vec<u8>,
}

/// Loads all documents. An error is a sentence that names the file.
pub(crate) fn load(folder: Option<&Path>, urls: Option<&Path>) -> Result<Vec<Document>, String> {
    let mut documents = built_in()?;
    if let Some(folder) = folder {
        let more = of_folder(folder)?;
        if more.is_empty() {
            return Err(format!("{}: no JSON document in it", folder.display()));
        }
        documents.extend(more);
    }
    if let Some(urls) = urls {
        let copies = of_urls(urls, &documents)?;
        documents.extend(copies);
    }
    Ok(documents)
}

/// Loads our own documents, whose paths are their URLs.
fn built_in() -> Result<Vec<Document>, String> {
    // The program is part of two packages, one of them in a subfolder.
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder = roots.map(|root| root.join(BUILT_IN)).find(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| format!("there is no {BUILT_IN}"))?;
    files(&folder)?
        .iter()
        .map(|file| {
            let path = below(file, &folder).with_extension("");
            let target = format!("/{}", path.display()).replace('@', "?");
            let compact = read_json(file)?.to_string().into_bytes();
            Ok(document(&target, below(file, &folder), compact))
        })
        .collect()
}

/// Loads the documents of any folder, whose names become repositories.
fn of_folder(folder: &Path) -> Result<Vec<Document>, String> {
    let mut seen = HashMap::new();
    let mut documents = Vec::new();
    for file in files(folder)? {
        let value = read_json(&file)?;
        let bodies = cassette::bodies(&value);
        let recorded = bodies.is_some();
        let bodies = bodies.unwrap_or_else(|| vec![value.to_string().into_bytes()]);
        for (index, compact) in bodies.into_iter().enumerate() {
            let stem = stem(&file);
            let name = if recorded { format!("{stem}-{}", index + 1) } else { stem };
            let target = format!("/repos/fixtures/{}/releases/latest", unique(name, &mut seen));
            documents.push(document(&target, below(&file, folder), compact));
        }
    }
    Ok(documents)
}

/// Returns one of `documents` in turn for each URL that a file names; a repeated URL keeps the
/// first one.
fn of_urls(file: &Path, documents: &[Document]) -> Result<Vec<Document>, String> {
    let lines = read(file)?;
    let lines = lines.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let mut urls = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let url =
            parts(line).ok_or_else(|| format!("{}: not an https URL: {line}", file.display()))?;
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    let served = urls.into_iter().zip(documents.iter().cycle());
    Ok(served
        .map(|((host, target), document)| Document { host, target, ..document.clone() })
        .collect())
}

/// Returns the host, and the path with the query, as the service will request them: with the pairs
/// of the query sorted by name.
fn parts(text: &str) -> Option<(String, String)> {
    let text = if text.contains("://") { text.to_owned() } else { decoded(text)? };
    let url = Url::parse(&text).ok().filter(|url| url.scheme() == "https")?;
    let mut pairs: Vec<&str> =
        url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_by_key(|pair| pair.split('=').next());
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    Some((url.host_str()?.to_owned(), format!("{}{query}", url.path())))
}

/// Decodes one layer of percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

fn document(target: &str, file: &Path, compact: Vec<u8>) -> Document {
    let (host, target) = ("api.github.com".to_owned(), target.to_owned());
    Document { host, target, file: file.display().to_string(), compact }
}

fn below<'a>(file: &'a Path, folder: &Path) -> &'a Path {
    file.strip_prefix(folder).unwrap_or(file)
}

/// Returns the name of a file without its extensions.
fn stem(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".json").unwrap_or(&name);
    stem.strip_suffix(".body").unwrap_or(stem).to_owned()
}

fn unique(name: String, seen: &mut HashMap<String, u32>) -> String {
    let count = seen.entry(name.clone()).or_default();
    *count += 1;
    if *count == 1 { name } else { format!("{name}-{count}") }
}

/// Returns the JSON documents below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if is_document(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_document(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".json")
        && !name.ends_with(".mapping.json")
        && !NO_DOCUMENTS.contains(&name.as_ref())
}

fn read_json(file: &Path) -> Result<Value, String> {
    serde_json::from_str(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Returns each URL with the file and the length of its document.
pub(crate) fn table(documents: &[Document]) -> String {
    let mut table = documents.iter().fold(String::new(), |mut table, document| {
        let Document { host, target, file, compact } = document;
        let _ = writeln!(table, "https://{host}{target} <- {file} ({} bytes)", compact.len());
        table
    });
    table.push('\n');
    table
}
