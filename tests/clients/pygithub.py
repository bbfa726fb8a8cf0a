"""All releases of a repository, and the bytes of an asset, by PyGithub."""

import hashlib
import sys

import requests
from github import Auth, Github, GithubException

token = Auth.Token("ghp_canary0123456789")
client = Github(base_url=sys.argv[1], auth=token) if len(sys.argv) > 1 else Github(auth=token)
repository = client.get_repo("octo/many")
releases = list(repository.get_releases())
print(f"releases={len(releases)} distinct={len({it.tag_name for it in releases})}", end=" ")

latest = repository.get_latest_release()
assert latest.tag_name == releases[0].tag_name
asset = latest.get_assets()[0]
answer = requests.get(asset.url, headers={"Accept": "application/octet-stream"}, timeout=10)
assert "sha256:" + hashlib.sha256(answer.content).hexdigest() == asset.raw_data["digest"]
try:
    repository.get_release("none")
except GithubException as error:
    assert error.status == 404, error
