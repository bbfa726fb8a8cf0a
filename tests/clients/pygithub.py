"""All releases of a repository, the bytes of an asset, and what else scripts ask for, by PyGithub."""

import hashlib
import logging
import sys
import tempfile

import requests
from github import Auth, Github, GithubException

# It writes each refused write to standard error.
logging.disable(logging.CRITICAL)
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
if len(sys.argv) == 1:
    # It follows redirects within one domain alone, which svm is in only in GitHub's place.
    with tempfile.NamedTemporaryFile() as file:
        asset.download_asset(file.name)
        assert file.read() == answer.content


def status(call):
    """Returns the status of the error that a call ends with."""
    try:
        call()
    except GithubException as error:
        return error.status
    return None


assert status(lambda: repository.get_release("none")) == 404
assert status(lambda: client.get_user().login) == 404
assert status(lambda: repository.create_git_release("v0", "", "")) == 403
assert repository.get_release(latest.tag_name).id == repository.get_release(latest.id).id == latest.id
assert repository.get_releases().totalCount == len(releases)
assert client.get_repo("Octo/MANY").id == client.get_repo(repository.id).id == repository.id
assert client.get_repo("octo/kitten").full_name == "octo/cat"
assert repository.get_archive_link("tarball", "v1").endswith("/octo/many/legacy.tar.gz/v1")
assert client.get_rate_limit().rate.remaining == 5000
# A conditional request: nothing has changed.
assert repository.update() is False
