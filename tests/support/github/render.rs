//! The JSON of simulated repositories: GitHub's members in GitHub's order, with invented values.
//!
//! An asset weighs about 1.5 KB and a release without assets about 1.8 KB, as on the real service.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::account::number_of;
use super::date;
use super::downloads::contents;
use super::etag::hex;
use super::repository::{Release, Repository};

/// Returns the account with a login.
pub fn account(login: &str) -> Value {
    let (id, url) = (number_of(login), format!("https://api.github.com/users/{login}"));
    json!({
        "login": login,
        "id": id,
        "node_id": format!("MDQ6VXNlcg{id}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("https://github.com/{login}"),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": "User",
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// Returns a single release, which is also the element of a list of releases.
pub fn release(repository: &Repository, release: &Release) -> Value {
    let name = &repository.name;
    let url = format!("https://api.github.com/repos/{name}/releases/{}", release.id);
    let (id, tag) = (release.id, &release.tag);
    let published = date::rfc3339(release.published_secs);
    let assets: Value = (0..).map_while(|n| asset(repository, release, n)).collect();
    json!({
        "url": url,
        "assets_url": format!("{url}/assets"),
        "upload_url": format!("https://uploads.github.com/repos/{name}/releases/{id}/assets{{?name,label}}"),
        "html_url": format!("https://github.com/{name}/releases/tag/{tag}"),
        "id": id,
        "author": account(owner(name)),
        "node_id": format!("RE_kwDO{id}"),
        "tag_name": tag,
        "target_commitish": "main",
        "name": tag,
        "draft": false,
        "immutable": release.immutable,
        "prerelease": release.prerelease,
        "created_at": published,
        "updated_at": published,
        "published_at": published,
        "assets": assets,
        "tarball_url": format!("https://api.github.com/repos/{name}/tarball/{tag}"),
        "zipball_url": format!("https://api.github.com/repos/{name}/zipball/{tag}"),
        "body": format!("## What's changed\n\n* {tag}: faster, smaller, fewer surprises\n"),
    })
}

/// Returns the asset with this index; `None` if the release has fewer.
pub fn asset(repository: &Repository, release: &Release, index: usize) -> Option<Value> {
    const TARGETS: [&str; 6] = [
        "linux_amd64",
        "linux_arm64",
        "darwin_amd64",
        "darwin_arm64",
        "windows_amd64",
        "freebsd_amd64",
    ];
    let (name, downloads) = (&repository.name, release.downloads.get(index)?);
    let uploaded = date::rfc3339(*release.uploads_secs.get(index)?);
    let (target, id) = (TARGETS[index % TARGETS.len()], release.id * 100 + index as u64);
    let short = name.rsplit('/').next().unwrap_or_default();
    let tag = &release.tag;
    let file = format!("{short}-{tag}-{target}-{index}.tar.gz");
    Some(json!({
        "url": format!("https://api.github.com/repos/{name}/releases/assets/{id}"),
        "id": id,
        "node_id": format!("RA_kwDO{id}"),
        "name": file,
        "label": "",
        "uploader": account("octo-bot"),
        "content_type": "application/gzip",
        "state": "uploaded",
        "size": 1_000_000 + id % 9_000_000,
        "digest": format!("sha256:{}", hex(&Sha256::digest(contents(&file)))),
        "download_count": downloads,
        "created_at": uploaded,
        "updated_at": uploaded,
        "browser_download_url": format!("https://github.com/{name}/releases/download/{tag}/{file}"),
    }))
}

/// Returns an element of `/tags`.
pub fn tag(repository: &Repository, release: &Release) -> Value {
    let (name, tag, sha) = (&repository.name, &release.tag, sha(release));
    let url = format!("https://api.github.com/repos/{name}");
    json!({
        "name": tag,
        "zipball_url": format!("{url}/zipball/refs/tags/{tag}"),
        "tarball_url": format!("{url}/tarball/refs/tags/{tag}"),
        "commit": {"sha": sha, "url": format!("{url}/commits/{sha}")},
        "node_id": format!("REF_kwDO{}", release.id),
    })
}

/// Returns an element of `/git/refs/tags`.
pub fn reference(repository: &Repository, release: &Release) -> Value {
    let (tag, sha) = (&release.tag, sha(release));
    let url = format!("https://api.github.com/repos/{}/git", repository.name);
    json!({
        "ref": format!("refs/tags/{tag}"),
        "node_id": format!("REF_kwDO{}", release.id),
        "url": format!("{url}/refs/tags/{tag}"),
        "object": {"sha": sha, "type": "commit", "url": format!("{url}/commits/{sha}")},
    })
}

/// Returns an element of `/commits`: each release is a commit.
pub fn commit(repository: &Repository, release: &Release) -> Value {
    let (name, sha) = (&repository.name, sha(release));
    let person = json!({
        "name": "Octo Bot", "email": "octo-bot@example.com", "date": date::rfc3339(release.published_secs),
    });
    json!({
        "sha": sha,
        "node_id": format!("C_kwDO{}", release.id),
        "commit": {"author": person, "committer": person, "message": format!("Release {}", release.tag)},
        "url": format!("https://api.github.com/repos/{name}/commits/{sha}"),
        "html_url": format!("https://github.com/{name}/commit/{sha}"),
        "author": account("octo-bot"),
        "committer": account("octo-bot"),
        "parents": [],
    })
}

pub fn owner(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

/// Returns the hash of a release's commit.
fn sha(release: &Release) -> String {
    digest(&release.id.to_string())[..40].to_owned()
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
