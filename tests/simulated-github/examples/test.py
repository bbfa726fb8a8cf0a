"""A test in Python: a client that repeats a request with its ETag spends no quota. SIM is the
address."""

import json
import os
import urllib.error
import urllib.request

sim = os.environ["SIM"]


def control(change):
    urllib.request.urlopen(urllib.request.Request(f"{sim}/_sim/{change}", method="POST")).read()


def get(etag=None):
    headers = {"Authorization": "Bearer python"} | ({"If-None-Match": etag} if etag else {})
    try:
        return urllib.request.urlopen(urllib.request.Request(f"{sim}/repos/octo/python/releases/latest", headers=headers))
    except urllib.error.HTTPError as answer:
        return answer


control("publish?repository=octo/python&tag=v1")
first = get()
assert get(first.headers["ETag"]).status == 304
counts = json.load(urllib.request.urlopen(f"{sim}/_sim/journal"))["tokens"]["python"]
assert counts["charged"] == 1 and counts["free"] == 1, counts
control("limit?token=python&remaining=0")
assert get().status == 403
print("python: an unchanged document is free, and a limit is a 403")
