"""Compares a GitHub, the real one or a simulated one, with the rule of its entity tags.

    conformance.py BASE [PATH]

BASE is https://api.github.com, or the address of `simulated-github --http`. PATH is a document that
does not change meanwhile: /repos/octo/cat/releases/latest otherwise, which the simulation has. With
GITHUB_TOKEN in the environment the quota is looked at too; the token goes to BASE and nowhere else.
Makes ten requests at most. Needs nothing but Python 3.
"""

import hashlib
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

failures = 0


def check(what, got, wanted):
    global failures
    failures += got != wanted
    print(f"{'ok    ' if got == wanted else 'FAILED'} {what}" + ("" if got == wanted else f": {got!r} in place of {wanted!r}"))


def tag(accept, authorization, cookie, body):
    parts = [accept or "*/*"] + [part for part in (authorization, cookie) if part is not None]
    return hashlib.sha256(b"".join(part.encode() + b":" for part in parts) + body).hexdigest()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect)


def get(url, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    request = urllib.request.Request(url, headers={"User-Agent": "svm-conformance", "Accept-Encoding": "identity", **names})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def opaque(headers):
    return (headers["ETag"] or "").removeprefix("W/").strip('"')


def vectors():
    file = pathlib.Path(__file__).with_name("etag-vectors.json")
    for it in json.loads(file.read_text())["vectors"]:
        got = tag(it["accept"], it["authorization"], it["cookie"], it["body"].encode())
        check(f"the vector {it['etag'][:12]}", got, it["etag"])


def online(url, token):
    bearer = token and f"Bearer {token}"
    for accept in (None, "application/vnd.github+json"):
        status, headers, body = get(url, Accept=accept, Authorization=bearer)
        check(f"a document with Accept {accept}", status, 200)
        check("  its tag is by the rule", opaque(headers), tag(accept, bearer, None, body))
        check("  its tag is strong, without gzip", headers["ETag"][:1], '"')
        status, packed, _ = get(url, Accept=accept, Authorization=bearer, Accept_Encoding="gzip", If_None_Match='"other"')
        check("  with gzip it is weak", (status, packed["ETag"]), (200, f'W/"{opaque(headers)}"'))
        used = packed["x-ratelimit-used"]
        status, unchanged, rest = get(url, Accept=accept, Authorization=bearer, If_None_Match=f'"{opaque(headers)}"')
        check("  nothing is sent again", (status, rest), (304, b""))
        if token:
            check("  which costs nothing", unchanged["x-ratelimit-used"], used)
    if token:
        other = f"token {token}"
        status, _, _ = get(url, Authorization=other, If_None_Match=f'"{tag(None, other, None, body)}"')
        check("a tag that was worked out, for another spelling of the token", status, 304)
        status, _, _ = get(url, Authorization=other, If_None_Match=f'"{tag(None, bearer, None, body)}"')
        check("  and the tag of the first spelling there", status, 200)


if len(sys.argv) < 2:
    sys.exit(__doc__)
vectors()
path = sys.argv[2] if len(sys.argv) > 2 else "/repos/octo/cat/releases/latest"
online(sys.argv[1].rstrip("/") + path, os.environ.get("GITHUB_TOKEN"))
print(f"{failures} failures")
sys.exit(failures > 0)
