//! The documents and .env.example against the code: they list everything that exists, and nothing
//! else.
//!
//! Tables are compared row by row with the code; a failed test prints the correct table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use reqwest::Method;
use svm::config::{SECTIONS, VARIABLES, Variable};
use svm::entry::Reason;

use super::sources::sources;
use super::{ROOT, assert_none, files, read};
use crate::support::app::{Answer, TestApp, encode};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

#[test]
fn the_table_lists_every_variable() {
    let row = |variable: &Variable| {
        let Variable { name, required, default, accepts, meaning } = variable;
        let default = match (required, *default) {
            (true, _) => "required".to_owned(),
            (false, "") => "none".to_owned(),
            (false, default) => format!("`{default}`"),
        };
        format!("| `{name}` | {default} | {meaning} | {accepts} |")
    };
    for section in SECTIONS {
        let heading = format!("## {}", section.title);
        assert_rows("docs/configuration.md", &heading, section.variables().iter().map(row));
    }
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 160, "{lines} lines");
}

/// Checks the links from one document to another, and to a heading in it.
#[test]
fn links_lead_to_documents_and_headings() {
    let documents = ["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"];
    let packages = ["deploy", "deploy/chart", "deploy/release", "tests/simulated-github"];
    let packages = packages.map(|folder| format!("{folder}/README.md"));
    let documents = documents.map(str::to_owned).into_iter();
    let others = files("docs").into_iter().map(|file| file.path);
    let faults = documents.chain(packages).chain(others).flat_map(|path| broken_links(&path));
    assert_none(faults);
}

fn broken_links(path: &str) -> Vec<String> {
    let text = read(path);
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let links = links.filter(|link| !link.contains("://") && !link.contains(' '));
    let folder = Path::new(path).parent().expect("a folder");
    let is_broken = |link: &&str| {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let file = if file.is_empty() { Path::new(path).into() } else { folder.join(file) };
        let file = Path::new(ROOT).join(file);
        if heading.is_empty() {
            // The link may lead to a picture, which is not text.
            return !file.exists();
        }
        let Ok(text) = fs::read_to_string(file) else { return true };
        let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
        !headings.any(|anchor| anchor == heading)
    };
    links.filter(is_broken).map(|link| format!("{path}: {link}")).collect()
}

/// Returns the anchor of a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').collect()
}

#[test]
fn the_sample_env_lists_every_variable() {
    let sample = read(".env.example");
    let assignments = sample.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix('#').unwrap_or(line).split_once('=')?;
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        is_name.then(|| (name.to_owned(), (line.starts_with('#'), value.to_owned())))
    });
    let listed: Vec<_> = assignments.collect();
    let first: Vec<_> = listed.iter().take(2).map(|(name, _)| name.as_str()).collect();
    assert_eq!(first, ["GITHUB_PATS", "API_USAGE_THRESHOLD"], "what is required comes first");

    let listed: BTreeMap<_, _> = listed.into_iter().filter(|(_, (off, _))| *off).collect();
    let defaults = VARIABLES.iter().filter(|variable| !variable.required);
    let defaults = defaults
        .map(|Variable { name, default, .. }| ((*name).to_owned(), (true, (*default).to_owned())));
    assert_eq!(listed, defaults.collect());
}

#[tokio::test]
async fn the_table_lists_every_metric() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    app.github.user("alice").token("ghp_first").expires("2026-07-02 09:51:24 UTC");
    let _ = app.version(LATEST).await;
    // A family without label values is not shown: some families need a limit.
    app.github.fail(LATEST_PATH).with(Failure::Throttled429);
    let _ = app.refresh(LATEST).await;

    let families = families(&app.get("/metrics").await.text());
    let shown: BTreeSet<_> = families.keys().cloned().collect();
    assert_eq!(shown, registered(), "the left ones are shown, the right ones are in the sources");
    assert_rows("docs/observability.md", "## Metrics", families.values().cloned());
}

#[tokio::test]
async fn the_table_lists_every_header() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let mut answers = vec![app.version(LATEST).await, app.get("/version").await];
    answers.push(app.compressed(LATEST).await);
    app.github.publish("octo/app", "v2");
    let pages = "https://api.github.com/repos/octo/app/releases?per_page=1";
    answers.push(app.version(pages).await);
    answers.extend([app.get(LATEST_PATH).await, app.get("/rate_limit").await]);
    answers.push(app.get("/repos/octo/app/tarball/v1").await);
    app.github.deprecated("/repos/octo/app/old", b"{}", ["true", "true"]);
    answers.push(app.get("/repos/octo/app/old").await);
    answers.push(app.get("/status.json").await);
    app.github.fail(LATEST_PATH).with(Failure::Throttled429);
    answers.push(app.refresh(LATEST).await);
    answers.push(Answer::of(app.request(Method::POST, "/ping")).await);
    let names = answers.iter().flat_map(|answer| answer.headers.keys());
    // Any server has these two.
    let names = names.filter(|name| !["content-length", "date"].contains(&name.as_str()));
    let sent: BTreeSet<_> = names.map(|name| name.as_str().to_owned()).collect();

    let rows = rows("docs/http-api.md", "## Answer headers");
    let listed = rows.iter().map(|row| first_cell(row).to_ascii_lowercase());
    assert_eq!(listed.collect::<BTreeSet<_>>(), sent, "the left ones are listed");
}

#[test]
fn the_table_lists_every_detail() {
    let rows = rows("docs/http-api.md", "### Details");
    let listed: BTreeSet<_> = rows.iter().map(|row| first_cell(row)).collect();
    let others = [
        "l2",
        "negative",
        "stale-if-error",
        "stale-while-revalidate",
        "unconfirmed",
        "invalid-parameter",
        "client-rate",
    ];
    let known = Reason::ALL.iter().map(|reason| reason.as_str()).chain(others);
    assert_eq!(listed, known.collect(), "the left ones are listed");
}

#[test]
fn the_code_map_is_complete() {
    let name = |path: &str| path.strip_prefix("src/")?.split(['/', '.']).next().map(str::to_owned);
    let mut there: BTreeSet<_> = sources().iter().filter_map(|file| name(&file.path)).collect();
    there.remove("lib");
    let rows = rows("docs/ARCHITECTURE.md", "## Code map");
    let listed: BTreeSet<_> = rows.iter().map(|row| first_cell(row).to_owned()).collect();
    assert_eq!(listed, there, "the left ones are listed");
}

#[tokio::test]
async fn the_answers_that_the_readme_shows_are_real() {
    let app = TestApp::start().await;
    app.github.document_bytes(LATEST_PATH, b"{}".to_vec());
    let path = format!("/version?url={}", encode(LATEST));
    let _ = app.get(&path).await;
    let hit = app.get(&path).await;
    let shown = section("README.md", "## Quick start");
    for name in hit.headers.keys() {
        assert!(shown.contains(&format!("\n{name}: ")), "no {name} in the answer shown");
    }
}

/// A client that sets these headers would choose where the links of other clients lead.
#[test]
fn the_recipes_for_nginx_pass_no_links_of_a_client() {
    let (operations, clients) = (recipes("docs/operations.md"), recipes("docs/clients.md"));
    let ways = [&operations, &clients].into_iter().flat_map(|text| text.split("location ").skip(1));
    let ways: Vec<_> = ways.filter(|way| way.contains("proxy_pass http://")).collect();
    assert_eq!(ways.len(), 2, "the ways to svm");
    for way in ways {
        for field in [
            "Host $http_host;",
            "X-Forwarded-Proto $scheme;",
            "X-Forwarded-Host \"\";",
            "X-Forwarded-Prefix \"\";",
        ] {
            assert!(way.contains(&format!(" proxy_set_header {field}\n")), "no {field} in {way}");
        }
    }
    assert!(
        operations.contains("proxy_cache svm;\nproxy_cache_key $scheme$http_host$request_uri;\n")
    );
}

/// Returns the examples for nginx in a document.
fn recipes(path: &str) -> String {
    let text = read(path);
    let blocks = text.split("\n```nginx\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.map(|block| format!("{block}\n")).collect()
}

/// Asserts that the rows of a table in a document are these, in this order.
#[track_caller]
fn assert_rows(path: &str, heading: &str, want: impl Iterator<Item = String>) {
    let want: Vec<_> = want.collect();
    assert!(rows(path, heading) == want, "{path} must list\n\n{}\n", want.join("\n"));
}

/// Returns the rows below a heading of a document that begin with code.
fn rows(path: &str, heading: &str) -> Vec<String> {
    let section = section(path, heading);
    section.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
}

fn first_cell(row: &str) -> &str {
    row.split('`').nth(1).unwrap_or_default()
}

/// Returns the text below a heading, up to the next one.
#[track_caller]
fn section(path: &str, heading: &str) -> String {
    let text = read(path);
    let text = format!("\n{text}");
    let body = text.split_once(&format!("\n{heading}\n"));
    let (_, body) = body.unwrap_or_else(|| panic!("{path} has no {heading}"));
    body.split("\n#").next().unwrap_or_default().to_owned()
}

/// Returns the table rows of our metrics in Prometheus' text format, by name.
fn families(text: &str) -> BTreeMap<String, String> {
    let described = text.lines().filter_map(|line| {
        let (name, help) = line.strip_prefix("# HELP ")?.split_once(' ')?;
        name.starts_with("svm_").then_some((name, help))
    });
    let row = |(name, help): (&str, &str)| {
        let kind = text.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")));
        let kind = kind.unwrap_or_default();
        let sample = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let labels = sample.and_then(|labels| labels.split('}').next()).unwrap_or_default();
        let labels: Vec<_> = labels.split(',').filter_map(|label| label.split_once('=')).collect();
        let labels: Vec<_> = labels.iter().map(|(label, _)| format!("`{label}`")).collect();
        let row = format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "));
        (name.to_owned(), row)
    };
    described.map(row).collect()
}

/// Returns the names of metrics in the sources.
pub(super) fn registered() -> BTreeSet<String> {
    let files = sources().into_iter().filter(|file| file.path.contains("/metrics"));
    let names = files.flat_map(|file| {
        let literals = file.text.split('"').filter(|literal| literal.starts_with("svm_"));
        literals.map(str::to_owned).collect::<Vec<_>>()
    });
    names.collect()
}
