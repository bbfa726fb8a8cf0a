//! The facts on the page, and the escaping of text from outside.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{browse, facts, facts_become};
use crate::support::app::{Answer, TestApp, encode};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const SAMPLE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn rates_are_of_the_samples_between() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = facts_become(&app, |facts| facts["documents"]["surveyed_at"].is_string()).await;
    for _ in 0..10 {
        let _ = app.version(LATEST).await;
    }
    app.advance(SAMPLE);
    let facts = facts_become(&app, |facts| facts["traffic"]["since_start"]["requests"] == 10).await;
    let now = &facts["traffic"]["now"];
    assert_eq!((&now["seconds"], &now["requests_per_second"]), (&json!(5.0), &json!(2.0)));
    assert_eq!((&now["hit_ratio"], &now["calls_per_minute"]), (&json!(0.9), &json!(12.0)));
    assert_eq!(facts["traffic"]["five_minutes"], *now);
    assert_eq!(facts["uptime_seconds"], 5);
    let page = browse(&app, "/").await.text();
    assert!(page.contains("<p class=\"value\">2.00 "), "{page}");
    assert!(page.contains("<p class=\"value\">90.0 % "), "{page}");
}

#[tokio::test]
async fn calls_show_their_cost_and_their_token() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(60));
    app.revalidate(LATEST).await;
    let _failure = app.github.fail_all(Failure::ServerError502);
    app.advance(Duration::from_secs(1));
    let _ = app.refresh(LATEST).await;
    let calls = facts(&app).await["calls"].clone();
    let shown = |place: usize| {
        let call = &calls[place];
        json!([call["status"], call["cost"], call["validator"], call["priority"], call["token"]])
    };
    let last = calls.as_array().expect("calls").len() - 1;
    assert_eq!(shown(last), json!([200, "charged", "none", "foreground", 0]));
    assert_eq!(shown(last - 1), json!([304, "free", "etag", "background", 0]));
    assert_eq!(calls[0]["status"], 502);
    assert_eq!(calls[0]["document"], format!("api.github.com{LATEST_PATH}"));
    assert!(calls[0]["request_id"].is_string(), "{calls:#}");
    let page = browse(&app, "/").await.text();
    for word in ["charged", "free", "502", "background</td>", "client</td>"] {
        assert!(page.contains(word), "{word}");
    }
}

#[tokio::test]
async fn tokens_have_places_and_quotas_and_no_values() {
    let app = TestApp::builder().identifying().start().await;
    app.github
        .user("alice")
        .token("ghp_first")
        .token("ghp_second")
        .expires("2026-07-02 09:51:24 UTC");
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let facts = facts_become(&app, |facts| facts["tokens"][1]["account"] == 0).await;
    let first = &facts["tokens"][0];
    assert_eq!((&first["state"], &first["token"]), (&json!("ready"), &json!(0)));
    assert!(first["remaining"].is_u64() && first["reset_at"].is_string(), "{first:#}");
    let page = browse(&app, "/").await.text();
    assert!(!page.contains("ghp_") && !facts.to_string().contains("ghp_"));
}

#[tokio::test]
async fn a_token_that_cools_down_is_shown_so() {
    let app = TestApp::builder().set("GITHUB_PATS", "ghp_first").start().await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::PrimaryLimit);
    let _ = app.version(LATEST).await;
    let token = facts(&app).await["tokens"][0].clone();
    assert_eq!(token["state"], "cooling-down", "{token:#}");
    assert!(token["cools_down_until"].is_string(), "{token:#}");
    assert!(browse(&app, "/").await.text().contains("cooling down"));
}

#[tokio::test]
async fn documents_in_use_are_listed_by_what_stands_out() {
    let app = TestApp::start().await;
    for name in ["octo/app", "octo/other"] {
        app.github.release(name).serve();
    }
    let other = LATEST.replace("app", "other");
    let _ = (app.version(LATEST).await, app.version(LATEST).await, app.version(&other).await);
    app.advance(SAMPLE);
    let facts = facts_become(&app, |facts| facts["documents"]["in_use"] == 2).await;
    let documents = &facts["documents"];
    let first = &documents["most_used"][0];
    assert_eq!((&first["url"], &first["recent_uses"]), (&json!(LATEST), &json!(2)));
    assert_eq!(first["document"], format!("api.github.com{LATEST_PATH}"));
    assert_eq!((&first["validator"], &first["checked_at"]), (&json!("etag"), &first["fetched_at"]));
    assert_eq!(documents["oldest_check"].as_array().map(Vec::len), Some(2));
    assert_eq!((&documents["stale"], &documents["longest_stale"]), (&json!(0), &json!([])));
    let page = browse(&app, "/").await.text();
    assert!(page.contains(&format!("href=\"?explain={}\"", encode(LATEST))), "{page}");

    let _failure = app.github.fail_all(Failure::ServerError502);
    app.advance(Duration::from_secs(86_400 + 60));
    let facts = facts_become(&app, |facts| facts["documents"]["stale"] == 2).await;
    let stale = &facts["documents"]["longest_stale"];
    assert_eq!(stale.as_array().map(Vec::len), Some(2));
    assert!(stale[0]["used_at"].is_string(), "{stale:#}");
}

#[tokio::test]
async fn the_store_and_health_are_shown() {
    let app = TestApp::start().await;
    let facts = facts(&app).await;
    assert_eq!(facts["health"]["status"], "healthy");
    assert_eq!(facts["store"]["kind"], "embedded_store");
    assert_eq!(
        (&facts["store"]["is_shared"], &facts["sweeps"]["adopted"]),
        (&json!(false), &json!(0))
    );
    let page = browse(&app, "/").await.text();
    for word in ["healthy", "embedded store", "of this process alone", "github tokens"] {
        assert!(page.contains(word), "{word}");
    }
}

#[tokio::test]
async fn the_form_explains_a_url_without_a_call() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let calls = app.github.total_calls();
    let page = browse(&app, &format!("/?explain={}", encode(LATEST))).await.text();
    assert!(page.contains("A request now is answered from the cache, without a call."), "{page}");
    assert!(page.contains(&format!("value=\"{LATEST}\"")), "the form keeps the URL");
    assert!(!page.contains("http-equiv=\"refresh\""), "a reload would be a new question");
    assert!(browse(&app, "/").await.text().contains("http-equiv=\"refresh\""));
    let refused = browse(&app, "/?explain=https%3A%2F%2Fevil.example%2F").await.text();
    assert!(refused.contains("upstream host is not allowlisted"), "{refused}");
    assert_eq!(app.github.total_calls(), calls);
}

#[tokio::test]
async fn a_look_at_the_page_is_no_use_of_a_document() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(SAMPLE);
    let before = facts_become(&app, |facts| facts["documents"]["in_use"] == 1).await;
    let answers = app.metric("svm_answers_total{cache=\"HIT\"}").await;
    for _ in 0..3 {
        let _ =
            (browse(&app, "/").await, browse(&app, &format!("/?explain={}", encode(LATEST))).await);
    }
    app.advance(SAMPLE);
    let surveyed = before["documents"]["surveyed_at"].clone();
    let after =
        facts_become(&app, move |facts| facts["documents"]["surveyed_at"] != surveyed).await;
    assert_eq!(after["documents"]["most_used"], before["documents"]["most_used"]);
    assert_eq!(app.metric("svm_answers_total{cache=\"HIT\"}").await, answers);
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn no_text_from_outside_is_markup() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'&";
    let app = TestApp::start().await;
    // The path and the user agent of a client.
    let path = "/repos/octo/%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%26/releases/tags/%3Cb%3E";
    let request = app.request(Method::GET, path).header("user-agent", HOSTILE);
    let _ = Answer::of(request).await;
    app.github.release("octo/app").tag("v1<b>&\"'").serve();
    let _ = app.version(LATEST).await;
    app.advance(SAMPLE);
    let _ = facts_become(&app, |facts| facts["documents"]["in_use"] == 1).await;
    for query in [
        String::new(),
        format!("?explain={}", encode(HOSTILE)),
        format!("?explain={}", encode("https://api.github.com/repos/o/<img src=x onerror=y>")),
        format!("?explain={}", encode("\"><script>x</script>")),
    ] {
        let page = browse(&app, &format!("/{query}")).await.text();
        assert_eq!(page.matches("<script").count(), 1, "its own script alone: {page}");
        for markup in ["<img", "<b>", "onerror=y>", "\"'&/"] {
            assert!(!page.contains(markup), "{markup} in {page}");
        }
    }
    let page = browse(&app, &format!("/?explain={}", encode(HOSTILE))).await.text();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"), "{page}");
}
