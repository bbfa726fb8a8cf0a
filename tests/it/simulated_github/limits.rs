//! Prices and limits: charged requests, shared quotas, and the limit headers.

use reqwest::StatusCode;

use super::{Fixture, LATEST, header, json, plain};
use crate::support::github::{Counts, Failure};

#[tokio::test]
async fn a_304_is_free_with_a_token_and_charged_without() {
    let fixture = Fixture::with_release().await;
    let tag = header(&fixture.get_as("ghp_a", LATEST).await, "etag");
    let free = fixture.again_as("ghp_a", LATEST, &tag).await;
    assert_eq!(free.status(), 304);
    assert_eq!(header(&free, "x-ratelimit-used"), "1");
    assert_eq!(fixture.github.charged(), 1);
    assert_eq!(fixture.github.free(), 1);

    let tag = header(&fixture.get(LATEST).await, "etag");
    let answer = fixture.request(LATEST).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(answer.status(), 304);
    assert_eq!(header(&answer, "x-ratelimit-limit"), "60");
    assert_eq!(header(&answer, "x-ratelimit-remaining"), "58");
    let counts = Counts { requests: 2, conditional: 1, charged: 2, free: 0 };
    assert_eq!(fixture.github.token_counts(""), counts);
    assert_eq!(fixture.github.conditional(), 2);
}

#[tokio::test]
async fn tokens_of_one_user_spend_one_quota() {
    let fixture = Fixture::with_release().await;
    fixture.github.user("alice").token("ghp_a").token("ghp_b").limit(2);
    fixture.get_as("ghp_a", LATEST).await;
    let last = fixture.get_as("ghp_b", LATEST).await;
    assert_eq!(header(&last, "x-ratelimit-remaining"), "0");

    let refused = fixture.get_as("ghp_a", LATEST).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(header(&refused, "x-ratelimit-used"), "2");
    assert!(!refused.headers().contains_key("retry-after"));
    let message = json(refused).await["message"].to_string();
    assert!(message.contains("API rate limit exceeded for user ID"), "{message}");
    assert_eq!(fixture.get_as("ghp_of_somebody_else", LATEST).await.status(), 200);
    assert_eq!(fixture.github.user("alice").remaining(), 0);

    fixture.github.user("bob").token("ghp_c").exhaust();
    assert_eq!(fixture.get_as("ghp_c", LATEST).await.status(), 403);
}

#[tokio::test]
async fn a_window_ends_an_hour_after_its_first_request() {
    let fixture = Fixture::with_release().await;
    fixture.github.set_now(1_780_000_000);
    fixture.github.user("alice").token("ghp_a").limit(1);
    let first = fixture.get_as("ghp_a", LATEST).await;
    assert_eq!(header(&first, "x-ratelimit-reset"), "1780003600");
    fixture.github.set_now(1_780_003_599);
    assert_eq!(fixture.get_as("ghp_a", LATEST).await.status(), 403);
    fixture.github.set_now(1_780_003_600);
    assert_eq!(fixture.get_as("ghp_a", LATEST).await.status(), 200);
}

#[tokio::test]
async fn bad_credentials_are_not_counted_and_see_no_limits() {
    let fixture = Fixture::with_release().await;
    fixture.github.strict_tokens();
    fixture.github.user("alice").token("ghp_a");
    let unknown = fixture.get_as("ghp_nobody", LATEST).await;
    assert_eq!(unknown.status(), 401);
    assert!(!unknown.headers().contains_key("x-ratelimit-limit"));
    assert_eq!(json(unknown).await["message"], "Bad credentials");
    assert_eq!(fixture.get_as("ghp_a", LATEST).await.status(), 200);
    fixture.github.revoke("ghp_a");
    assert_eq!(fixture.get_as("ghp_a", LATEST).await.status(), 401);
    assert_eq!(fixture.github.charged(), 1);
    assert_eq!(fixture.github.total_calls(), 3);
}

#[tokio::test]
async fn a_404_is_charged_and_has_no_validator() {
    let fixture = Fixture::new().await;
    let missing = fixture.get_as("ghp_a", LATEST).await;
    assert_eq!(missing.status(), 404);
    assert_eq!(header(&missing, "x-ratelimit-used"), "1");
    assert!(!missing.headers().contains_key("etag"));
    let body = json(missing).await;
    assert_eq!((&body["message"], &body["status"]), (&"Not Found".into(), &"404".into()));
}

#[tokio::test]
async fn the_rate_limit_is_free_to_ask_for_and_user_tells_the_account() {
    let fixture = Fixture::new().await;
    fixture.github.user("alice").token("ghp_a").token("github_pat_a").scopes("repo").used(7);
    fixture.github.user("alice").expires("2026-07-02 09:51:24 UTC");
    let limit = json(fixture.get_as("ghp_a", "/rate_limit").await).await;
    assert_eq!(limit["resources"]["core"]["remaining"], 4_993);

    let user = fixture.get_as("ghp_a", "/user").await;
    assert_eq!(header(&user, "x-oauth-scopes"), "repo");
    assert_eq!(header(&user, "x-ratelimit-remaining"), "4992");
    let expiry = header(&user, "github-authentication-token-expiration");
    assert_eq!(expiry, "2026-07-02 09:51:24 UTC");
    assert_eq!(json(user).await["login"], "alice");
    let fine_grained = fixture.get_as("github_pat_a", "/user").await;
    assert!(!fine_grained.headers().contains_key("x-oauth-scopes"));
    assert_eq!(fixture.get("/user").await.status(), 401);
}

#[tokio::test]
async fn an_unknown_version_is_a_bad_request() {
    let fixture = Fixture::with_release().await;
    for (version, status) in [("2022-11-28", 200), ("2026-03-10", 200), ("2020-01-01", 400)] {
        let request = fixture.request(LATEST).header("x-github-api-version", version);
        assert_eq!(request.send().await.unwrap().status(), status, "{version}");
    }
}

#[tokio::test]
async fn a_request_without_a_user_agent_is_forbidden() {
    let fixture = Fixture::with_release().await;
    let nameless = plain(&fixture.github).user_agent("").build().unwrap();
    let answer = nameless.get(format!("https://api.github.com{LATEST}")).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(header(&answer, "content-type"), "text/html");
}

/// Each failure with its status, a part of its body, true if it shows limits, and its cost.
#[tokio::test]
async fn failures_look_like_githubs() {
    let fixture = Fixture::with_release().await;
    let github = &fixture.github;
    let cases = [
        (Failure::ServerError502, 502, "Server Error", false, 0),
        (Failure::Unicorn502, 502, "Unicorn!", true, 0),
        (Failure::Unicorn503, 503, "Unicorn!", true, 0),
        (Failure::PrimaryLimit, 403, "API rate limit exceeded", true, 0),
        (Failure::SecondaryLimit(Some(60)), 403, "secondary rate limit", false, 0),
        (Failure::Abuse, 403, "abuse detection", false, 0),
        (Failure::Throttled429, 429, "temporarily being throttled", true, 0),
        (Failure::RawThrottled429, 429, "429: Too Many Requests", false, 0),
        (Failure::IpAllowList, 403, "IP allow list enabled", true, 1),
        (Failure::Saml, 403, "SAML enforcement", true, 1),
        (Failure::ClassicTokenBanned, 403, "personal access token (classic)", true, 1),
        (Failure::FineGrainedLifetime, 403, "fine-grained personal access tokens", true, 1),
        (Failure::BadCredentials, 401, "Bad credentials", false, 0),
        (Failure::TooManyLogins, 403, "Maximum number of login attempts", false, 0),
        (Failure::NotFound404, 404, "Not Found", true, 1),
        (Failure::Gone410, 410, "Gone", true, 1),
        (Failure::TosBlocked403, 403, r#""reason":"tos""#, true, 1),
        (Failure::Blocked451, 451, r#""reason":"dmca""#, true, 1),
        (Failure::TooDeep422, 422, "first 1000 results", true, 1),
    ];
    for (failure, status, part, shows_limits, price) in cases {
        let before = github.charged();
        github.fail(LATEST).with(failure.clone()).times(1);
        let answer = fixture.get_as("ghp_a", LATEST).await;
        assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap(), "{failure:?}");
        assert_eq!(answer.headers().contains_key("x-ratelimit-limit"), shows_limits, "{failure:?}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(part), "{failure:?}: {body}");
        assert_eq!(github.charged() - before, price, "{failure:?}");
    }
    assert_eq!(fixture.get_as("ghp_a", LATEST).await.status(), 200);
}

#[tokio::test]
async fn the_failures_of_limits_and_policy_can_be_told_apart() {
    let fixture = Fixture::with_release().await;
    fixture.github.fail(LATEST).with(Failure::PrimaryLimit).times(1);
    let primary = fixture.get_as("ghp_a", LATEST).await;
    assert_eq!(header(&primary, "x-ratelimit-remaining"), "0");
    assert!(!primary.headers().contains_key("retry-after"));
    assert_eq!(fixture.github.user("alice").remaining(), 5_000);

    for retry_after in [Some(7), None] {
        fixture.github.fail(LATEST).with(Failure::SecondaryLimit(retry_after)).times(1);
        let secondary = fixture.get_as("ghp_a", LATEST).await;
        let seen = secondary.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(seen, retry_after.map(|_| "7"));
    }
    fixture.github.fail(LATEST).with(Failure::Saml).times(1);
    assert!(header(&fixture.get_as("ghp_a", LATEST).await, "x-github-sso").starts_with("required"));
}

#[tokio::test]
async fn a_failure_keeps_to_its_path_token_host_and_number() {
    let fixture = Fixture::with_release().await;
    let github = &fixture.github;
    github.fail(LATEST).with(Failure::ServerError502).times(2);
    assert_eq!(fixture.get("/repos/octo/cat").await.status(), 200);
    for expected in [502, 502, 200] {
        assert_eq!(fixture.get(LATEST).await.status(), expected);
    }
    github.fail(LATEST).with(Failure::IpAllowList).for_token("ghp_a");
    assert_eq!(fixture.get_as("ghp_a", LATEST).await.status(), 403);
    assert_eq!(fixture.get_as("ghp_b", LATEST).await.status(), 200);
    github.recover();
    github.fail_host("raw.githubusercontent.com").with(Failure::RawThrottled429);
    assert_eq!(fixture.get_as("ghp_a", LATEST).await.status(), 200);
    github.fail_all(Failure::Unicorn503);
    assert_eq!(fixture.get(LATEST).await.status(), 503);
    github.recover();
    assert_eq!(fixture.get(LATEST).await.status(), 200);
}

#[tokio::test]
async fn more_in_flight_than_may_be_meet_the_secondary_limit_at_once() {
    let fixture = Fixture::with_release().await;
    let github = &fixture.github;
    let gate = github.hold(LATEST);
    let others = async {
        gate.arrived(1).await;
        for retry_after in [Some(7), None] {
            github.concurrency_limit(1, retry_after);
            // The refused request does not wait at the gate.
            let refused = fixture.get_as("ghp_b", LATEST).await;
            assert_eq!(refused.status(), 403);
            let seen = refused.headers().get("retry-after").map(|value| value.to_str().unwrap());
            assert_eq!(seen, retry_after.map(|_| "7"));
            assert!(!refused.headers().contains_key("x-ratelimit-limit"));
            let message = json(refused).await["message"].to_string();
            assert!(message.contains("secondary rate limit"), "{message}");
        }
        let file = fixture.client.get("https://raw.githubusercontent.com/octo/cat/main/README");
        assert_eq!(file.send().await.unwrap().status(), 404, "files are not the API's");
        gate.open();
    };
    let (first, ()) = tokio::join!(fixture.get_as("ghp_a", LATEST), others);
    assert_eq!(first.status(), 200);
    assert_eq!(github.peak(), 2);
    github.reset_peak();
    assert_eq!(fixture.get_as("ghp_b", LATEST).await.status(), 200, "nothing else is in flight");
    assert_eq!(github.peak(), 1);
    let in_flight: Vec<_> = github.requests().iter().map(|request| request.in_flight).collect();
    assert_eq!(in_flight, [1, 2, 2, 0, 1]);
}
