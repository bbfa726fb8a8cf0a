"""All releases of a repository, and the bytes of an asset, by github3.py."""

import hashlib
import io
import sys

# The name of this file is that of the library.
sys.path.pop(0)

import github3  # noqa: E402

token = "ghp_canary0123456789"
if len(sys.argv) > 1:
    client = github3.enterprise_login(token=token, url=sys.argv[1])
else:
    client = github3.login(token=token)
repository = client.repository("octo", "many")
releases = list(repository.releases())
print(f"releases={len(releases)} distinct={len({it.tag_name for it in releases})}", end=" ")

latest = repository.latest_release()
assert latest.tag_name == releases[0].tag_name
asset = next(latest.assets())
contents = io.BytesIO()
asset.download(contents)
assert "sha256:" + hashlib.sha256(contents.getvalue()).hexdigest() == asset.as_dict()["digest"]
