//! Entity tags and conditions. The expected tags were computed with `sha256sum`, not with the code
//! under test.

use super::{Fixture, LATEST, header};

const BODY: &str = r#"{"tag_name":"v1.2.3","draft":false}"#;
const ANYTHING: &str = "e171c35806604dbd38e06ffb32eee155552fb7399148210c6c34861390a24e83";
const ANONYMOUS: &str = "9e1b543c85585a8400f532ede1f4e7d27df7199d52df28a59d756f82b220663b";
const BEARER_A: &str = "ad0b8870fb3ee885bb1efbe03340bf0ece4802f8c5b62292ab457bae3e4a8f4d";
const TOKEN_A: &str = "631a4240a96e6b3730840685ef065da1a9da1770fae4bfe77d1c8224093b0a0a";
const BEARER_B: &str = "c3f4ec7e768e4aebb504ab9b0089af152a259061fa099c5765fd08e853bf3623";

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    // The layout differs here: the tag is that of the compact form.
    fixture.github.document(LATEST, "{ \"tag_name\": \"v1.2.3\",\n  \"draft\": false }");
    fixture
}

#[tokio::test]
async fn a_tag_depends_on_accept_and_on_the_spelling_of_authorization() {
    let fixture = fixture().await;
    let accept = "application/vnd.github+json";
    let cases = [
        (None, None, ANYTHING),
        (Some(accept), None, ANONYMOUS),
        (Some(accept), Some("Bearer ghp_AAAA"), BEARER_A),
        (Some(accept), Some("token ghp_AAAA"), TOKEN_A),
        (Some(accept), Some("Bearer ghp_BBBB"), BEARER_B),
    ];
    for (accept, authorization, expected) in cases {
        let mut request = fixture.request(LATEST);
        for (name, value) in [("accept", accept), ("authorization", authorization)] {
            request = value.into_iter().fold(request, |request, value| request.header(name, value));
        }
        let answer = request.send().await.unwrap();
        assert_eq!(header(&answer, "etag"), format!("\"{expected}\""), "{authorization:?}");
        assert_eq!(answer.text().await.unwrap(), BODY);
    }
}

#[tokio::test]
async fn a_tag_is_weak_exactly_under_gzip_and_strong_on_304() {
    let fixture = fixture().await;
    let request = fixture.request(LATEST).header("accept-encoding", "gzip");
    let answer = request.send().await.unwrap();
    assert_eq!(header(&answer, "content-encoding"), "gzip");
    assert_eq!(header(&answer, "etag"), format!("W/\"{ANYTHING}\""));
    assert_eq!(answer.bytes().await.unwrap()[..2], [0x1f, 0x8b]);

    for asked in [
        format!("W/\"{ANYTHING}\""),
        format!("\"{ANYTHING}\""),
        format!("\"other\", W/\"{ANYTHING}\""),
        "*".to_owned(),
    ] {
        let answer = fixture.request(LATEST).header("if-none-match", &asked).send().await.unwrap();
        assert_eq!(answer.status(), 304, "{asked}");
        assert_eq!(header(&answer, "etag"), format!("\"{ANYTHING}\""));
        assert!(!answer.headers().contains_key("content-type"));
    }
    let answer = fixture.request(LATEST).header("if-none-match", "\"other\"").send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn the_tag_of_one_token_is_stale_for_another() {
    let fixture = fixture().await;
    let tag = header(&fixture.get_as("ghp_a", LATEST).await, "etag");
    assert_eq!(fixture.again_as("ghp_a", LATEST, &tag).await.status(), 304);
    assert_eq!(fixture.again_as("ghp_b", LATEST, &tag).await.status(), 200);
}

#[tokio::test]
async fn a_date_counts_only_without_a_tag_and_never_for_a_list() {
    let fixture = Fixture::with_release().await;
    let modified = header(&fixture.get(LATEST).await, "last-modified");
    let since = |target, date: &str| fixture.request(target).header("if-modified-since", date);
    assert_eq!(since(LATEST, &modified).send().await.unwrap().status(), 304);
    let stale_tag = since(LATEST, &modified).header("if-none-match", "\"stale\"");
    assert_eq!(stale_tag.send().await.unwrap().status(), 200);
    let long_ago = "Mon, 08 Jun 2020 14:08:03 GMT";
    assert_eq!(since(LATEST, long_ago).send().await.unwrap().status(), 200);

    let list = since("/repos/octo/cat/releases", &modified).send().await.unwrap();
    assert_eq!(list.status(), 200);
    assert!(!list.headers().contains_key("last-modified"));
}

#[tokio::test]
async fn pretty_printing_comes_after_the_tag() {
    let fixture = fixture().await;
    for agent in ["curl/8.5.0", "Wget/1.21"] {
        let answer = fixture.request(LATEST).header("user-agent", agent).send().await.unwrap();
        assert_eq!(header(&answer, "etag"), format!("\"{ANYTHING}\""));
        let pretty = "{\n  \"tag_name\": \"v1.2.3\",\n  \"draft\": false\n}\n";
        assert_eq!(answer.text().await.unwrap(), pretty);
    }
}

#[tokio::test]
async fn a_file_is_text_with_a_tag_of_its_own_and_no_limits() {
    let fixture = Fixture::new().await;
    fixture.github.raw_document("/octo/cat/main/version.json", r#"{"v": 1}"#);
    let url = "https://raw.githubusercontent.com/octo/cat/main/version.json";
    let answer = fixture.client.get(url).send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
    assert!(!answer.headers().contains_key("x-ratelimit-limit"));
    let tag = header(&answer, "etag");
    assert_eq!(answer.text().await.unwrap(), r#"{"v": 1}"#);
    let again = fixture.client.get(url).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), 304);

    let with_token = fixture.client.get(url).bearer_auth("ghp_a").send().await.unwrap();
    assert_eq!(with_token.status(), 404);
    assert_eq!(with_token.text().await.unwrap(), "404: Not Found");
}
