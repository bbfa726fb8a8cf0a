//! The page `/openapi.json`, against the router and the documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::support::app::{Answer, TestApp, encode};

/// The methods that a path may have.
const METHODS: [&str; 8] = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];

async fn start() -> TestApp {
    let app = TestApp::builder().set("WEBHOOK_SECRETS", "a-secret-of-some-length").start().await;
    app.github.release("octo/cat").serve();
    app.github.document("/repositories/1", "{}");
    app.github.document("/repositories/1/releases", "[]");
    app.github.document("/repos/octo/cat", "{}");
    app
}

async fn document(app: &TestApp) -> Value {
    app.get("/openapi.json").await.json()
}

/// Returns the object that a value refers to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.map_or(value, |pointer| document.pointer(pointer).expect("the reference leads on"))
}

/// Returns the path with the examples of its required parameters.
fn example(document: &Value, path: &str, operation: &Value) -> String {
    let (mut path, mut query) = (path.to_owned(), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolved(document, parameter);
        let name = parameter["name"].as_str().expect("a name");
        let value = &parameter["example"];
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
            Some("query") if parameter["required"] == true => {
                query.push(format!("{name}={}", encode(&value)));
            }
            _ => {}
        }
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

#[tokio::test]
async fn each_operation_is_answered_by_its_page() {
    let app = start().await;
    let document = document(&app).await;
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            let name = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = Answer::of(app.request(name, &example(&document, path, operation))).await;
            let status = answer.status.as_u16();
            assert!(![404, 405].contains(&status), "{method} {path}: {status} {}", answer.text());
            let documented = operation["responses"].as_object().unwrap();
            let class = format!("{}XX", status / 100);
            let is_documented =
                documented.contains_key(&status.to_string()) || documented.contains_key(&class);
            assert!(is_documented, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_method_without_an_operation_is_refused() {
    let app = start().await;
    let document = document(&app).await;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let operation = item.get("get").or_else(|| item.get("post")).expect("an operation");
        for method in ["put", "delete"] {
            assert!(item.get(method).is_none(), "{method} {path}");
            let name = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = Answer::of(app.request(name, &example(&document, path, operation))).await;
            let status = answer.status.as_u16();
            // The mirror answers as GitHub does for documents; its other pages are missing.
            let is_mirrored = item["get"]["tags"][0] == "mirror";
            let refused: &[u16] = if is_mirrored { &[403, 404] } else { &[405] };
            assert!(refused.contains(&status), "{method} {path}: {status}");
        }
    }
}

/// The router's table is read from the text of its source file.
#[tokio::test]
async fn each_route_is_in_the_document() {
    let app = start().await;
    let document = document(&app).await;
    let paths = document["paths"].as_object().expect("paths");
    let read = |path: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a source")
    };
    let router = read("src/http/router.rs");
    let routes = router.split("exactly(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let routes: Vec<_> = routes.chain(["/webhooks/github", "/status.json"]).collect();
    assert!(routes.len() >= 9, "{routes:?}");
    for route in routes {
        assert!(paths.contains_key(route), "{route}");
    }
    // The mirror's own table.
    for path in ["/", "/rate_limit", "/meta", "/repos/{owner}/{repo}", "/repositories/{id}"] {
        assert!(paths.contains_key(path), "{path}");
    }
    let missing = app.get("/nowhere").await.text();
    let service = paths.iter().filter(|(_, item)| item["get"]["tags"][0] == "service");
    for (path, _) in service {
        assert!(missing.contains(path.as_str()), "{path} is not in {missing}");
    }
}

#[tokio::test]
async fn the_headers_are_those_of_the_table() {
    let app = start().await;
    let document = document(&app).await;
    let headers = document["components"]["headers"].as_object().expect("headers");
    let described: BTreeSet<_> = headers.keys().map(String::as_str).collect();
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/http-api.md"));
    let text = text.expect("the document of the interface");
    let (_, table) = text.split_once("\n## Answer headers\n").expect("the table");
    let table = table.split("\n## ").next().expect("its end");
    let listed = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    // OpenAPI describes this header by its media types.
    let listed: BTreeSet<_> = listed.filter(|name| *name != "Content-Type").collect();
    assert_eq!(described, listed, "the left ones are described");
}

#[tokio::test]
async fn the_document_is_small_and_names_its_version() {
    let app = start().await;
    let answer = app.get("/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let document: Value = answer.json();
    assert_eq!(document["openapi"], "3.1.1");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(answer.text(), document.to_string(), "it is minified");
    let ids = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let ids = ids.flat_map(|item| item.as_object().unwrap().values());
    let ids: Vec<_> = ids.filter_map(|operation| operation["operationId"].as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    // Each reference leads to an object.
    for part in answer.text().split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().expect("its end");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
