//! The JSON of a repository, with the members that client libraries require.

use serde_json::{Map, Value, json};

use super::date;
use super::render::{account, owner};
use super::repository::Repository;

/// The URLs below that of a repository, each with its template.
const ADDRESSES: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// Returns the repository as the API describes it.
pub fn repository(repository: &Repository) -> Value {
    let name = &repository.name;
    let created = date::rfc3339(repository.created_secs);
    let mut members = known(json!({
        "id": repository.id,
        "node_id": format!("R_kgDO{}", repository.id),
        "name": name.rsplit('/').next(),
        "full_name": name,
        "private": false,
        "owner": account(owner(name)),
        "html_url": format!("https://github.com/{name}"),
        "description": "An invented repository",
        "fork": false,
    }));
    for (member, template) in ADDRESSES {
        let url = format!("https://api.github.com/repos/{name}{template}");
        members.insert(member.to_owned(), url.into());
    }
    members.extend(known(json!({
        "created_at": created,
        "updated_at": created,
        "pushed_at": created,
        "git_url": format!("git://github.com/{name}.git"),
        "ssh_url": format!("git@github.com:{name}.git"),
        "clone_url": format!("https://github.com/{name}.git"),
        "svn_url": format!("https://github.com/{name}"),
        "homepage": null,
        "size": 100,
        "stargazers_count": 1,
        "watchers_count": 1,
        "language": null,
        "has_issues": true,
        "has_projects": false,
        "has_downloads": true,
        "has_wiki": false,
        "has_pages": false,
        "forks_count": 0,
        "mirror_url": null,
        "archived": false,
        "open_issues_count": 0,
        "visibility": "public",
        "default_branch": "main",
        "network_count": 0,
        "subscribers_count": 1,
    })));
    Value::Object(members)
}

fn known(members: Value) -> Map<String, Value> {
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
