"""The real service in front of the simulated GitHub, and traffic for it to show."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "debug"
API = "https://api.github.com"
REPOSITORIES = {
    "cli/cli": "v2.83.1",
    "astral-sh/uv": "0.9.13",
    "prometheus/prometheus": "v3.8.0",
    "hashicorp/terraform": "v1.14.0",
    "kubernetes/kubernetes": "v1.34.2",
    "grafana/grafana": "v12.3.0",
    "sharkdp/bat": "v0.26.0",
    "neovim/neovim": "v0.11.5",
}
# Markup in a path, which the page must show as text.
HOSTILE = "/repos/octo/%3Cscript%3Ealert(1)%3C%2Fscript%3E/releases/latest"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Service:
    """A service that runs; its traffic goes on until it is closed."""

    def __init__(self, svm, github):
        self.url = f"http://127.0.0.1:{svm}"
        self.control = f"http://127.0.0.1:{github}/_sim"
        self.ending = threading.Event()
        self.clients = []

    def get(self, path, accept="*/*"):
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        with contextlib.suppress(urllib.error.HTTPError):
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.read().decode()
        return ""

    def facts(self):
        return json.loads(self.get("/status.json"))

    def change(self, verb, **words):
        url = f"{self.control}/{verb}?{urllib.parse.urlencode(words)}"
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10).close()

    def wait_until(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.2)
        raise AssertionError("page-check: the service does not come to what is waited for")

    def is_up(self):
        with contextlib.suppress(OSError):
            return bool(self.get("/ping"))
        return False

    def document(self, repository, refresh=False):
        url = urllib.parse.quote(f"{API}/repos/{repository}/releases/latest", safe="")
        return self.get(f"/version?url={url}{'&refresh=true' if refresh else ''}")

    def fill(self):
        """Publishes the documents, and asks for each."""
        for repository, tag in REPOSITORIES.items():
            self.change("publish", repository=repository, tag=tag)
            self.document(repository)

    def trouble(self):
        """Makes everything else happen that the page shows."""
        self.get(HOSTILE)
        self.get("/repos/cli/cli/releases?per_page=1&page=2")
        self.change("fail", **{"as": "primary-limit", "times": "1"})
        self.document("neovim/neovim", refresh=True)
        self.change("fail", **{"as": "502", "times": "3"})
        self.document("grafana/grafana", refresh=True)
        self.change("recover")
        for repository in REPOSITORIES:
            self.document(repository, refresh=True)
        self.change("publish", repository="octo/lost", tag="v1")
        self.document("octo/lost")
        self.change("fail", **{"as": "404", "target": "/repos/octo/lost/releases/latest"})
        self.document("octo/lost", refresh=True)

    def keep_busy(self):
        """Sends hits, as many as a small company does, in waves."""
        names, weights = list(REPOSITORIES), [40, 25, 14, 8, 6, 4, 2, 1]
        while not self.ending.wait(random.uniform(0.01, 0.06)):
            wave = 1 + int(4 * (1 + random.random()) * (time.time() // 20 % 3 + 1))
            for name in random.choices(names, weights, k=wave):
                self.document(name)
            if random.random() < 0.02:
                self.document(random.choice(names), refresh=True)

    def close(self):
        self.ending.set()
        for client in self.clients:
            client.join()


@contextlib.contextmanager
def running():
    """Starts the service, and ends it."""
    svm, github = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(svm),
            "CACHE_DIR": f"{folder}/data",
            "GITHUB_PATS": "ghp_one,ghp_two,ghp_three",
            "API_USAGE_THRESHOLD": "100",
            "REVALIDATE_INTERVAL": "20s",
        }
        command = [PROGRAMS / "examples/simulated-github", "--quiet"]
        command += ["--http", f"127.0.0.1:{github}", "--", PROGRAMS / "svm"]
        process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdout=subprocess.DEVNULL
        )
        service = Service(svm, github)
        try:
            service.wait_until(service.is_up)
            service.fill()
            client = threading.Thread(target=service.keep_busy)
            client.start()
            service.clients.append(client)
            yield service
        finally:
            service.close()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
