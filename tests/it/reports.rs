//! The service's reports: `/healthz`, `/metrics`, the access log.

use serde_json::{Value, json};

use crate::LATEST;
use crate::support::app::{Answer, TestApp};
use crate::support::github::Failure;

#[tokio::test]
async fn a_healthy_service() {
    let app = TestApp::start().await;
    let answer = app.get("/healthz").await;
    insta::assert_snapshot!(answer.head(), @"
    200
    cache-control: no-store
    content-type: application/json
    ");
    assert_eq!(
        answer.json(),
        json!({
            "status": "healthy",
            "dependencies": {
                "request_path": { "status": "up" },
                "embedded_store": { "status": "up" },
                "github_tokens": { "status": "up" },
                "github": { "status": "up" },
            },
        })
    );
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let app = TestApp::builder().set("WRITE_BEHIND_FLUSH_INTERVAL", "1h").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let _ = app.version(LATEST).await;
    let _ = app.version("https://example.com/").await;
    app.reaches("svm_gzip_made_total{result=\"smaller\"}", 1.0).await;
    let answer = app.get("/metrics").await;
    insta::assert_snapshot!(answer.head(), @"
    200
    cache-control: no-store
    content-type: text/plain; version=0.0.4; charset=utf-8
    ");
    let text = answer.text();
    let own: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("process_"))
        .filter(|line| !line.contains("_bucket{") && !line.contains("_seconds_sum"))
        // The first sweep may or may not be over.
        .filter(|line| {
            !line.starts_with("svm_revalidate_runs") && !line.starts_with("svm_revalidate_seconds")
        })
        // The size of the gzip form depends on the library.
        .filter(|line| !line.starts_with("svm_l1_bytes "))
        // There is one for each route and class, and the harness requests the metrics too.
        .filter(|line| {
            let is_of_documents = line.contains("route=\"/version\"") && !line.ends_with(" 0");
            !line.starts_with("svm_responses_total") || is_of_documents
        })
        .collect();
    let commit = format!("commit=\"{}\"", svm::build_info::COMMIT);
    let own = own.join("\n").replace(&commit, "commit=\"0123456789ab\"");
    insta::assert_snapshot!(own, @r#"
    svm_active_keys 1
    svm_answers_total{cache="BYPASS"} 1
    svm_answers_total{cache="HIT"} 1
    svm_answers_total{cache="MISS"} 1
    svm_answers_total{cache="REVALIDATED"} 0
    svm_build_info{commit="0123456789ab",version="1.0.0-rc.1"} 1
    svm_cache_hits_total 1
    svm_cache_misses_total 1
    svm_client_connections 1
    svm_client_connections_shed_total{reason="client-limit"} 0
    svm_client_connections_shed_total{reason="heads"} 0
    svm_client_connections_shed_total{reason="max-connections"} 0
    svm_client_connections_shed_total{reason="no-descriptor"} 0
    svm_client_connections_shed_total{reason="overload"} 0
    svm_client_limited_total 0
    svm_client_tokens_total 0
    svm_flight_followers_total 0
    svm_flights 0
    svm_gzip_answers_total 0
    svm_gzip_dropped_total 0
    svm_gzip_made_total{result="no-smaller"} 0
    svm_gzip_made_total{result="smaller"} 1
    svm_gzip_saved_bytes_total 0
    svm_gzip_waiting 0
    svm_l1_entries 1
    svm_l1_evictions_total 0
    svm_l2_breaker_open 0
    svm_l2_breaker_opened_total 0
    svm_l2_index_errors_total 0
    svm_l2_read_duration_seconds_count 1
    svm_l2_reads_total{result="error"} 0
    svm_l2_reads_total{result="hit"} 0
    svm_l2_reads_total{result="miss"} 1
    svm_l2_reads_total{result="skipped"} 0
    svm_l2_reads_total{result="timeout"} 0
    svm_l2_up 1
    svm_l2_write_batches_total 0
    svm_l2_write_errors_total 0
    svm_l2_write_seconds_total 0
    svm_l2_writes_total 0
    svm_log_lines_dropped_total 0
    svm_losses_confirmed_total{kind="latest-missing"} 0
    svm_losses_confirmed_total{kind="latest-older"} 0
    svm_losses_confirmed_total{kind="list-emptied"} 0
    svm_losses_confirmed_total{kind="release-missing"} 0
    svm_losses_doubted_total{kind="latest-missing"} 0
    svm_losses_doubted_total{kind="latest-older"} 0
    svm_losses_doubted_total{kind="list-emptied"} 0
    svm_losses_doubted_total{kind="release-missing"} 0
    svm_request_duration_seconds_count 3
    svm_responses_total{class="2xx",route="/version"} 2
    svm_responses_total{class="4xx",route="/version"} 1
    svm_revalidate_adopted_total 0
    svm_revalidate_done_total{result="changed"} 0
    svm_revalidate_done_total{result="failed"} 0
    svm_revalidate_done_total{result="gone"} 0
    svm_revalidate_done_total{result="unchanged"} 0
    svm_revalidate_due_total 0
    svm_revalidate_oldest_check_seconds 0
    svm_revalidate_overdue 0
    svm_revalidate_skipped_total{reason="budget"} 0
    svm_revalidate_skipped_total{reason="checked"} 0
    svm_revalidate_skipped_total{reason="late"} 0
    svm_revalidate_skipped_total{reason="leased"} 0
    svm_revalidate_skipped_total{reason="no-body"} 0
    svm_revalidate_skipped_total{reason="quota"} 0
    svm_revalidate_skipped_total{reason="refused"} 0
    svm_revalidate_skipped_total{reason="rests"} 0
    svm_revalidate_skipped_total{reason="settled"} 0
    svm_revalidate_skipped_total{reason="unread"} 0
    svm_served_age_seconds_count 2
    svm_stale_answers_total{reason="stale-if-error"} 0
    svm_stale_answers_total{reason="stale-while-revalidate"} 0
    svm_tls_handshakes_total{result="done"} 0
    svm_tls_handshakes_total{result="failed"} 0
    svm_tls_renewals_total{result="done"} 0
    svm_tls_renewals_total{result="failed"} 0
    svm_token_account{token="0"} 0
    svm_token_account{token="1"} 1
    svm_token_private{token="0"} 0
    svm_token_private{token="1"} 0
    svm_token_rejected{token="0"} 0
    svm_token_rejected{token="1"} 0
    svm_token_remaining{token="0"} 4999
    svm_token_reset_timestamp_seconds{token="0"} 1780318800
    svm_token_resting{token="0"} 0
    svm_token_resting{token="1"} 0
    svm_upstream_clock_offset_seconds 0
    svm_upstream_duration_seconds_count 1
    svm_upstream_errors_total 0
    svm_upstream_etag_drift_total{validator="computed-etag"} 0
    svm_upstream_etag_drift_total{validator="etag"} 0
    svm_upstream_exchanges_total{outcome="ok",priority="foreground"} 1
    svm_upstream_failures_total{cause="certificate-expired",host="api.github.com"} 0
    svm_upstream_failures_total{cause="certificate-invalid",host="api.github.com"} 0
    svm_upstream_failures_total{cause="certificate-not-yet-valid",host="api.github.com"} 0
    svm_upstream_failures_total{cause="certificate-revoked",host="api.github.com"} 0
    svm_upstream_failures_total{cause="certificate-unknown-authority",host="api.github.com"} 0
    svm_upstream_failures_total{cause="certificate-wrong-name",host="api.github.com"} 0
    svm_upstream_failures_total{cause="connect-timeout",host="api.github.com"} 0
    svm_upstream_failures_total{cause="connection-closed",host="api.github.com"} 0
    svm_upstream_failures_total{cause="connection-forbidden",host="api.github.com"} 0
    svm_upstream_failures_total{cause="connection-refused",host="api.github.com"} 0
    svm_upstream_failures_total{cause="connection-reset",host="api.github.com"} 0
    svm_upstream_failures_total{cause="cut-short",host="api.github.com"} 0
    svm_upstream_failures_total{cause="name-unresolved",host="api.github.com"} 0
    svm_upstream_failures_total{cause="network-unreachable",host="api.github.com"} 0
    svm_upstream_failures_total{cause="no-descriptor",host="api.github.com"} 0
    svm_upstream_failures_total{cause="no-public-address",host="api.github.com"} 0
    svm_upstream_failures_total{cause="not-http",host="api.github.com"} 0
    svm_upstream_failures_total{cause="other",host="api.github.com"} 0
    svm_upstream_failures_total{cause="server-error",host="api.github.com"} 0
    svm_upstream_failures_total{cause="timeout",host="api.github.com"} 0
    svm_upstream_failures_total{cause="tls",host="api.github.com"} 0
    svm_upstream_leaks_total 0
    svm_upstream_limits_total{kind="host"} 0
    svm_upstream_limits_total{kind="other-resource"} 0
    svm_upstream_limits_total{kind="primary"} 0
    svm_upstream_limits_total{kind="secondary"} 0
    svm_upstream_misled_total{validator="computed-etag"} 0
    svm_upstream_misled_total{validator="date"} 0
    svm_upstream_misled_total{validator="etag"} 0
    svm_upstream_not_modified_total{quota="charged"} 0
    svm_upstream_not_modified_total{quota="free"} 0
    svm_upstream_quota_total{priority="foreground",quota="charged",validator="none"} 1
    svm_upstream_requests_total 1
    svm_upstream_up{host="api.github.com"} 1
    svm_upstream_window 64
    svm_webhooks_total{result="accepted"} 0
    svm_webhooks_total{result="ignored"} 0
    svm_webhooks_total{result="refused"} 0
    svm_webhooks_total{result="repeated"} 0
    svm_webhooks_total{result="too-soon"} 0
    svm_write_behind_bytes 3161
    svm_write_behind_depth 1
    svm_write_behind_dropped_total{reason="age"} 0
    svm_write_behind_dropped_total{reason="overflow"} 0
    svm_write_behind_owed 0
    "#);
}

fn lines(app: &TestApp) -> Vec<Value> {
    app.log().lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[tokio::test]
async fn every_request_is_one_access_line() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let url = "https://api.github.com/repos/octo/app/releases?per_page=1";
    let _ = app.version(url).await;
    let _ = app.version(url).await;
    let _ = app.get("/version?url=nothing&secret=1").await;
    let _ = app.get("/nowhere").await;
    let mut lines = lines(&app);
    for line in &mut lines {
        let fields = line.as_object_mut().unwrap();
        for changing in ["timestamp", "micros", "request_id"] {
            assert!(fields.remove(changing).is_some());
        }
        fields.retain(|name, _| !name.ends_with("_micros"));
    }
    insta::assert_snapshot!(lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"), @r#"
    {"level":"INFO","target":"svm::access","message":"request","client":"127.0.0.1","method":"GET","path":"/version","upstream_host":"api.github.com","upstream_path":"/repos/octo/app/releases","upstream_query":"per_page=1","key":"300990af4166","status":200,"cache":"MISS","forward":"uri-miss","detail":null,"age":0,"ttl":86400,"bytes":3163}
    {"bytes":3163,"level":"INFO","target":"svm::access","message":"request","ttl":86400,"client":"127.0.0.1","method":"GET","path":"/version","upstream_host":"api.github.com","upstream_path":"/repos/octo/app/releases","upstream_query":"per_page=1","key":"300990af4166","status":200,"cache":"HIT","forward":null,"detail":null,"age":0}
    {"url":"nothing","level":"INFO","target":"svm::access","message":"request","rule":"unknown parameter `secret`; percent-encode the value of url if this belongs to it","client":"127.0.0.1","method":"GET","path":"/version","upstream_host":null,"upstream_path":null,"key":null,"status":400,"cache":"BYPASS","forward":null,"detail":"invalid-parameter","age":null,"ttl":null,"bytes":122}
    {"bytes":141,"level":"INFO","target":"svm::access","message":"request","ttl":null,"client":"127.0.0.1","method":"GET","path":"/nowhere","upstream_host":null,"upstream_path":null,"key":null,"status":404,"cache":null,"forward":null,"detail":null,"age":null}
    "#);
}

#[tokio::test]
async fn a_long_request_is_cut_in_the_log() {
    let app = TestApp::start().await;
    let made_up = "A".repeat(20_000);
    let method = reqwest::Method::from_bytes(made_up.as_bytes()).unwrap();
    assert_eq!(Answer::of(app.request(method, "/ping")).await.status, 405);
    assert_eq!(app.get(&format!("/{made_up}")).await.status, 404);
    let [method, path] = &lines(&app)[..] else { panic!("two lines") };
    assert_eq!(method["method"].as_str().map(str::len), Some(32));
    assert_eq!(path["path"].as_str().map(str::len), Some(256));
}

#[tokio::test]
async fn no_query_and_no_token_is_logged() {
    let app = TestApp::builder().set("GITHUB_PATS", "canary-one,canary-two").start().await;
    app.github.fail_all(Failure::BadCredentials);
    let _ = app.version("https://api.github.com/repos/octo/app/commits?sha=private-branch").await;
    let log = app.log();
    assert!(log.contains("/repos/octo/app/commits"), "{log}");
    for secret in ["private-branch", "canary"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn access_lines_can_be_switched_off() {
    let app = TestApp::builder().set("RUST_LOG", "info,svm::access=off").start().await;
    let _ = app.get("/nowhere").await;
    assert_eq!(app.log(), "");
}

#[tokio::test]
async fn access_lines_can_be_plain_text() {
    let app = TestApp::builder().set("LOG_FORMAT", "text").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let log = app.log();
    let line = log.split("micros=").next().unwrap();
    insta::assert_snapshot!(line, @"2026-06-01T12:00:00.000Z  INFO svm::access: 127.0.0.1 GET /version api.github.com/repos/octo/app/releases/latest status=200 cache=MISS detail=- bytes=3161");
}

#[tokio::test]
async fn the_client_behind_a_trusted_proxy_is_the_one_that_is_logged() {
    let app = TestApp::builder().set("FORWARDED_ALLOW_IPS", "127.0.0.0/8,10.0.0.0/8").start().await;
    let request = app.request(reqwest::Method::GET, "/nowhere");
    let request = request
        .header("x-forwarded-for", "6.6.6.6, 192.0.2.7")
        .header("x-forwarded-for", "10.1.2.3");
    let _ = Answer::of(request).await;
    assert_eq!(lines(&app)[0]["client"], "192.0.2.7");
}

#[tokio::test]
async fn a_client_that_nobody_vouches_for_is_the_peer() {
    let app = TestApp::start().await;
    let request =
        app.request(reqwest::Method::GET, "/nowhere").header("x-forwarded-for", "192.0.2.7");
    let _ = Answer::of(request).await;
    assert_eq!(lines(&app)[0]["client"], "127.0.0.1");
}
