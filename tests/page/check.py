"""The status page in a real browser: what it shows, how it behaves, whom it is fit for.

Each check is a line of the report; the exit code is 1 if one fails. With --keep FOLDER the
screenshots also go there, with few colours, for the documents.
"""

import argparse
import pathlib
import re
import signal
import sys
import time
import urllib.parse

from PIL import Image
from playwright.sync_api import Error, sync_playwright

from service import API, running

WIDTHS = {320: 640, 768: 1024, 1280: 960}
SCHEMES = ("light", "dark")
SECTIONS = [
    "Traffic", "Explain a URL", "Health", "Store and replicas", "Tokens", "Documents in use",
    "Calls to GitHub", "Events",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FIELD = "URL of a document at GitHub, or its path"
LATEST = f"{API}/repos/cli/cli/releases/latest"


class Report:
    """The checks so far."""

    def __init__(self):
        self.failed = 0

    def check(self, name, is_so, details=""):
        self.failed += not is_so
        print(f"{'ok  ' if is_so else 'FAIL'}  {name}{'' if is_so else f': {details}'}", flush=True)


def watched(page):
    """The errors on the console of a page: of scripts, of loading, of its policy."""
    errors = []
    page.on("console", lambda line: line.type == "error" and errors.append(line.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def contents(report, browser, service):
    page = browser.new_page()
    errors = watched(page)
    page.goto(service.url)
    heads = page.get_by_role("heading", level=2).all_inner_texts()
    report.check("every section is there", heads == SECTIONS, heads)
    rows = {
        name: page.locator(f"#{name} tr:has(th)").count()
        for name in ("token-rows", "most-used", "unconfirmed", "call-rows", "event-rows", "hosts")
    }
    report.check("every table has rows", all(rows.values()), rows)
    text = page.inner_text("main")
    words = ["charged", "free", "a rate limit is met", "a loss is not confirmed yet", "502"]
    absent = [word for word in words if word not in text]
    report.check("calls and events are told", not absent, absent)
    report.check("a path with markup is text", "%3Cscript%3Ealert(1)" in text)
    report.check("no token is shown", "ghp_" not in page.content())
    report.check("the console shows no error", not errors, errors)
    page.close()


def form(report, browser, service):
    page = browser.new_page()
    errors = watched(page)
    page.goto(service.url)
    page.get_by_label(FIELD).fill(LATEST)
    page.get_by_role("button", name="Explain").click()
    page.wait_for_selector("#answer")
    answer = page.inner_text("#answer")
    report.check("the form explains a URL", "A request now" in answer, answer)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)
    report.check("the form sends the URL", query == {"explain": [LATEST]}, page.url)
    page.goto(f"{service.url}/")
    page.locator("#most-used a").first.click()
    page.wait_for_selector("#answer")
    report.check("a document of a table is explained", "A request now" in page.inner_text("#answer"))
    page.goto(f"{service.url}/?explain=https://evil.example/%3Cimg%20src=x%20onerror=alert(1)%3E")
    report.check("a refused URL names the rule", "svm refuses" in page.inner_text("#answer"))
    report.check("the form leads to no error", not errors, errors)
    page.close()


def updates(report, browser, service):
    page = browser.new_page()
    errors = watched(page)
    page.goto(service.url)
    page.get_by_label(FIELD).fill("https://half a")
    before = page.inner_text("#top")
    page.wait_for_function("text => document.getElementById('top').innerText !== text", arg=before)
    value = page.get_by_label(FIELD).input_value()
    report.check("the page updates and leaves the form alone", value == "https://half a", value)
    report.check("an update leads to no error", not errors, errors)
    page.route("**/*", lambda route: route.abort())
    page.wait_for_selector("#lost", state="visible")
    report.check("the page tells that svm does not answer", True)
    page.unroute("**/*")
    page.wait_for_selector("#lost", state="hidden")
    report.check("the page tells that svm answers again", True)
    page.close()


def without_script(report, browser, service):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(service.url)
    heads = page.get_by_role("heading", level=2).all_inner_texts()
    report.check("every section is there without script", heads == SECTIONS, heads)
    with page.expect_navigation(timeout=20_000):
        pass
    report.check("the page reloads without script", True)
    page.get_by_label(FIELD).fill(LATEST)
    page.get_by_role("button", name="Explain").click()
    page.wait_for_selector("#answer")
    report.check("the form works without script", "A request now" in page.inner_text("#answer"))
    page.close()


def policy(report, browser, service):
    """An injected script must not run, whatever put it there."""
    page = browser.new_page()
    page.goto(service.url)
    page.evaluate(
        "() => { const it = document.createElement('script');"
        " it.textContent = 'window.ran = true'; document.body.append(it); }"
    )
    report.check("a script of others does not run", not page.evaluate("() => window.ran === true"))
    other = browser.new_page()
    other.goto("data:text/html,<p>another origin</p>")
    read = other.evaluate(
        "url => fetch(url).then(() => 'read', () => 'refused')", f"{service.url}/status.json"
    )
    report.check("another origin cannot read the facts", read == "refused", read)
    page.close()
    other.close()


def fitness(report, browser, service, axe, screens):
    for width, height in WIDTHS.items():
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
            )
            page = context.new_page()
            page.goto(f"{service.url}/?explain={urllib.parse.quote(LATEST, safe='')}")
            overflow = page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            report.check(f"{width} px, {scheme}: nothing overflows", overflow <= 0, overflow)
            page.screenshot(path=screens / f"{width}-{scheme}.png", full_page=True)
            page.add_script_tag(content=axe)
            found = page.evaluate(
                "rules => axe.run(document, {runOnly: rules}).then(it => it.violations)", RULES
            )
            faults = [f"{it['id']}: {it['nodes'][0]['target']}" for it in found]
            report.check(f"{width} px, {scheme}: axe finds no fault", not faults, faults)
            context.close()


def palette(scheme):
    """The colours of the style, and those between each text and its ground."""
    style = pathlib.Path("src/http/status/style.css").read_text()
    block = style.split(":root {")[1 + SCHEMES.index(scheme)].split("}")[0]
    named = re.findall(r"--([a-z-]+): #([0-9a-f]{6})", block)
    colours = {name: tuple(bytes.fromhex(digits)) for name, digits in named}
    grounds = {"ink": "card", "quiet": "card", "accent": "card", "on-accent": "accent"}
    grounds |= {name: f"{name}-ground" for name in ("good", "fair", "bad", "plain")}
    between = [
        tuple((a * part + b * (4 - part)) // 4 for a, b in zip(colours[text], colours[ground]))
        for text, ground in grounds.items()
        for part in (1, 2, 3)
    ]
    image = Image.new("P", (1, 1))
    image.putpalette([part for colour in [*colours.values(), *between] for part in colour])
    return image


def keep(screens, folder):
    """Keeps the screenshots in few bytes: all of the widest ones, the beginning of the others."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        for scheme in SCHEMES:
            image = Image.open(screens / f"{width}-{scheme}.png").convert("RGB")
            if width < max(WIDTHS):
                image = image.crop((0, 0, width, min(image.height, 2_000)))
            image = image.quantize(palette=palette(scheme), dither=Image.Dither.NONE)
            image.save(folder / f"{width}-{scheme}.png", optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browser", required=True)
    parser.add_argument("--axe", type=pathlib.Path, required=True)
    parser.add_argument("--screens", type=pathlib.Path, required=True)
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for small screenshots")
    parser.add_argument("--warm-up", type=float, default=12, help="seconds of traffic beforehand")
    arguments = parser.parse_args()
    arguments.screens.mkdir(parents=True, exist_ok=True)
    # So that an ordered end also ends what was started here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report()
    with running() as service, sync_playwright() as playwright:
        time.sleep(arguments.warm_up)
        service.trouble()
        # The background looks at the documents every few seconds.
        service.wait_until(lambda: service.facts()["documents"]["unconfirmed"])
        browser = playwright.chromium.launch(
            executable_path=arguments.browser, args=["--no-sandbox"]
        )
        try:
            for check in (contents, form, updates, without_script, policy):
                try:
                    check(report, browser, service)
                except Error as error:
                    report.check(check.__name__, False, error)
            fitness(report, browser, service, arguments.axe.read_text(), arguments.screens)
        finally:
            browser.close()
    if arguments.keep:
        keep(arguments.screens, arguments.keep)
    sys.exit(report.failed > 0)


main()
