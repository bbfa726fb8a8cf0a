//! Which token a request uses, and what becomes of tokens that meet a limit or are refused.

use std::time::Duration;

use reqwest::StatusCode;

use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

fn document(app: &TestApp, name: &str) -> String {
    app.github.release(name).serve();
    format!("https://api.github.com/repos/{name}/releases/latest")
}

fn used(app: &TestApp) -> Vec<String> {
    let requests = app.github.requests();
    requests.iter().map(|request| request.token().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn documents_are_spread_over_the_tokens_and_revalidated_with_their_own() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b,c").start().await;
    let urls: Vec<_> = (0..6).map(|n| document(&app, &format!("octo/r{n}"))).collect();
    for url in &urls {
        let _ = app.version(url).await;
    }
    assert_eq!(used(&app), ["a", "b", "c", "a", "b", "c"]);
    for _ in 0..3 {
        for url in urls.iter().rev() {
            assert_eq!(app.refresh(url).await.header("x-cache"), "REVALIDATED");
        }
    }
    assert_eq!((app.github.charged(), app.github.free()), (6, 18));
    let quota = |kind: &str, by: &str| {
        format!(
            "svm_upstream_quota_total{{priority=\"foreground\",quota=\"{kind}\",validator=\"{by}\"}}"
        )
    };
    assert_eq!(app.metric(&quota("charged", "none")).await, 6.0);
    assert_eq!(app.metric(&quota("free", "etag")).await, 18.0);
}

#[tokio::test]
async fn where_the_own_token_rests_another_one_asks_with_the_etag_that_it_would_have_got() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    let url = document(&app, "octo/app");
    let _ = app.version(&url).await;
    app.github.fail_all(Failure::SecondaryLimit(Some(60))).for_token("a");
    assert_eq!(app.refresh(&url).await.header("x-cache"), "REVALIDATED");
    assert_eq!(used(&app), ["a", "a", "b"]);
    let sent = app.github.requests();
    let tags = [1, 2].map(|at| sent[at].header("if-none-match").unwrap_or_default());
    assert_ne!(tags[0], tags[1], "the stored ETag was made for the other token");
    app.advance(Duration::from_secs(60));
    app.github.recover();
    assert_eq!(app.refresh(&url).await.header("x-cache"), "REVALIDATED");
    assert_eq!(used(&app)[3], "a", "the document is still that one's");
}

#[tokio::test]
async fn a_limited_token_rests_and_no_client_sees_it() {
    for failure in [
        Failure::PrimaryLimit,
        Failure::SecondaryLimit(Some(60)),
        Failure::SecondaryLimit(None),
        Failure::Abuse,
        Failure::BadCredentials,
    ] {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
        app.github.fail_all(failure.clone()).for_token("a");
        for n in 0..6 {
            let url = document(&app, &format!("octo/r{n}"));
            assert_eq!(app.version(&url).await.status, StatusCode::OK, "{failure:?}");
        }
        let with_a = used(&app).iter().filter(|token| *token == "a").count();
        assert_eq!(with_a, 1, "{failure:?}: it is not asked again while it rests");
    }
}

#[tokio::test]
async fn an_answer_to_a_request_from_before_a_limit_does_not_end_the_rest() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    let early = document(&app, "octo/early");
    let gate = app.github.hold("/repos/octo/early/releases/latest");
    let asked = tasks::spawn(app.ask(&early));
    gate.arrived(1).await;
    app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60)));
    assert_eq!(app.version(LATEST).await.status, 403);
    gate.open();
    assert_eq!(asked.await.unwrap().status, 200);
    let resting = app.version(&document(&app, "octo/other")).await;
    assert_eq!((resting.status.as_u16(), resting.retry_after()), (503, 60));
}

#[tokio::test]
async fn trouble_with_a_second_token_does_not_hide_a_policy() {
    for trouble in [Failure::BadCredentials, Failure::SecondaryLimit(Some(60))] {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
        app.github.fail(LATEST_PATH).with(Failure::IpAllowList).for_token("a");
        app.github.fail(LATEST_PATH).with(trouble.clone()).for_token("b");
        let answer = app.version(LATEST).await;
        let told = answer.json()["message"]["message"].to_string();
        assert!(told.contains("IP allow list"), "{trouble:?}: {told}");
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (403, ""),
            "{trouble:?}"
        );
    }
}

#[tokio::test]
async fn a_server_in_trouble_does_not_rehabilitate_a_refused_token() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.fail_all(Failure::BadCredentials).times(1);
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(60));
    app.github.fail_all(Failure::Unicorn503);
    assert_eq!(app.version(LATEST).await.status, 503);
    assert_eq!(app.metric("svm_token_rejected{token=\"0\"}").await, 1.0);
}

#[tokio::test]
async fn a_rest_ends_as_the_answer_said() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    let url = document(&app, "octo/app");
    app.github.fail_all(Failure::SecondaryLimit(Some(90))).times(1);
    let limited = app.version(&url).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 90));
    app.advance(Duration::from_secs(30));
    let resting = app.version(&url).await;
    assert_eq!((resting.status.as_u16(), resting.retry_after()), (503, 60));
    app.advance(Duration::from_secs(60));
    assert_eq!(app.version(&url).await.status, 200);
}

#[tokio::test]
async fn a_spent_token_rests_until_its_window_ends() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.user("alice").token("a").limit(3);
    for n in 0..3 {
        let url = document(&app, &format!("octo/r{n}"));
        assert_eq!(app.version(&url).await.status, 200);
    }
    let limited = app.version(LATEST).await;
    assert_eq!(limited.status, 403);
    assert_eq!(limited.retry_after(), 3600);
    assert_eq!(limited.json()["error"], "Upstream API error");
    app.advance(Duration::from_secs(3600));
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn a_token_below_the_threshold_is_used_last() {
    let app = TestApp::builder()
        .set("GITHUB_PATS", "a,b")
        .set("API_USAGE_THRESHOLD", "4998")
        .start()
        .await;
    for n in 0..8 {
        let url = document(&app, &format!("octo/r{n}"));
        let _ = app.version(&url).await;
    }
    // Each shows 4999, 4998, 4997 in turn; when both are below, they take turns again.
    assert_eq!(used(&app), ["a", "b", "a", "b", "a", "b", "a", "b"]);
    app.github.user("third").token("b").used(0).limit(5000);
    assert_eq!(app.metric("svm_token_remaining{token=\"0\"}").await, 4996.0);
}

#[tokio::test]
async fn a_burst_does_not_run_a_token_below_the_threshold() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.user("alice").token("a").limit(104);
    app.github.user("bob").token("b");
    for n in 0..2 {
        let _ = app.version(&document(&app, &format!("octo/first{n}"))).await;
    }
    // Of the first account 103 are left, and no answer tells of the burst before all of it is under way.
    let urls: Vec<_> = (0..20).map(|n| document(&app, &format!("octo/r{n}"))).collect();
    let paths = urls.iter().map(|url| url.replace("https://api.github.com", ""));
    let gates: Vec<_> = paths.map(|path| app.github.hold(&path)).collect();
    let asked: Vec<_> = urls.iter().map(|url| tasks::spawn(app.ask(url))).collect();
    for gate in &gates {
        gate.arrived(1).await;
    }
    drop(gates);
    for asked in asked {
        assert_eq!(asked.await.unwrap().status, StatusCode::OK);
    }
    // Each of its requests saw at least 100.
    assert_eq!(app.github.user("alice").remaining(), 99);
}

#[tokio::test]
async fn a_policy_is_tried_with_one_other_token_and_costs_no_token_anything() {
    for failure in
        [Failure::IpAllowList, Failure::Saml, Failure::ClassicTokenBanned, Failure::TosBlocked403]
    {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b,c").start().await;
        app.github.release("octo/app").serve();
        app.github.fail(LATEST_PATH).with(failure.clone());
        let answer = app.version(LATEST).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (403, ""),
            "{failure:?}"
        );
        assert_eq!(used(&app), ["a", "b"], "{failure:?}");
        let url = document(&app, "octo/other");
        assert_eq!(app.version(&url).await.status, 200);
        assert_eq!(used(&app)[2], "c", "{failure:?}: nobody rests");
    }
}

#[tokio::test]
async fn a_policy_that_holds_for_one_account_alone_is_not_seen() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::ClassicTokenBanned).for_token("a");
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(used(&app), ["a", "b", "b"]);
}

#[tokio::test]
async fn a_refused_token_is_put_aside_and_told_of() {
    let app = TestApp::builder().set("GITHUB_PATS", "bad,good").start().await;
    app.github.revoke("bad");
    let url = document(&app, "octo/app");
    assert_eq!(app.version(&url).await.status, 200);
    assert_eq!(app.metric("svm_token_rejected{token=\"0\"}").await, 1.0);
    assert_eq!(app.metric("svm_token_rejected{token=\"1\"}").await, 0.0);
    app.advance(Duration::from_secs(60));
    app.github.user("alice").token("bad");
    for n in 0..2 {
        let _ = app.version(&document(&app, &format!("octo/r{n}"))).await;
    }
    assert_eq!(app.metric("svm_token_rejected{token=\"0\"}").await, 0.0, "it works again");
}

#[tokio::test]
async fn where_every_token_is_refused_the_answer_is_401_and_then_503() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.strict_tokens();
    assert_eq!(app.version(LATEST).await.status, 401);
    let answer = app.version(LATEST).await;
    assert_eq!((answer.status.as_u16(), answer.retry_after()), (503, 60));
    insta::assert_snapshot!(app.get("/healthz").await.text(), @r#"{"status":"degraded","dependencies":{"request_path":{"status":"up"},"embedded_store":{"status":"up"},"github_tokens":{"status":"down","error":"GitHub refuses every token"}}}"#);
}

#[tokio::test]
async fn a_throttled_endpoint_rests_the_host_and_not_the_tokens() {
    let app = TestApp::start().await;
    app.github.fail(LATEST_PATH).with(Failure::Throttled429).times(1);
    let throttled = app.version(LATEST).await;
    assert_eq!((throttled.status.as_u16(), throttled.retry_after()), (429, 60));
    let resting = app.version(LATEST).await;
    resting.assert_summary("503 MISS upstream=0 svm; detail=host-rests");
    assert_eq!(resting.retry_after(), 60);
    assert_eq!(app.metric("svm_token_resting{token=\"0\"}").await, 0.0);
    app.advance(Duration::from_secs(60));
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn a_limit_of_a_file_host_leaves_the_api_alone() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.fail("/octo/app/main/v.json").with(Failure::RawThrottled429).times(1);
    assert_eq!(app.version(raw).await.status, 429);
    assert_eq!(app.version(raw).await.status, 503);
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn no_token_leaves_the_hosts_that_may_see_it() {
    let app = TestApp::start().await;
    app.github.raw_document("/octo/app/main/v.json", "{}");
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    assert_eq!(app.version(raw).await.status, 200);
    app.github.redirect("/repos/octo/app/moved", 302, raw);
    assert_eq!(app.version("https://api.github.com/repos/octo/app/moved").await.status, 200);
    for request in app.github.requests() {
        let may_see = request.host == "api.github.com";
        assert_eq!(request.token().is_some(), may_see, "{} {}", request.host, request.target);
    }
}
