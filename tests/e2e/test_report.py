"""The page of `cmaw verify --report`, in Chromium: of a good run, and of a run with each proof broken; and what the search finds besides."""
import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import urllib.parse
import zlib

import pytest

import browser
import harness
import pb
import sst1
from harness import ROOT
from stack import LETTERS, Stack
from test_audit import ATTACKS, Audited

LETTER = LETTERS / "01-water-approve.txt"
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
NARROW = {"narrow": (320, 640)}
SCHEMES = ("light", "dark")


class Reported(Audited):
    """A stack with one finished run, and the pages of it."""

    def report(self, path, *arguments, status=0):
        result = self.cmaw("verify", self.run_id, "--report", path, "--wait", "1", *arguments)
        assert result.status == status, (result.out, result.err)
        return path.read_text()

    @contextlib.contextmanager
    def told(self, data, name="worker.log"):
        """A log of the stack holds data for a while."""
        path = self.dir / "logs" / name
        before = path.read_bytes()
        path.write_bytes(before + data)
        try:
            yield
        finally:
            path.write_bytes(before)


@pytest.fixture(scope="module")
def reported(folder):
    stack = Reported(folder / "reported")
    yield stack
    stack.down()


@pytest.fixture(scope="module")
def pages(reported, tmp_path_factory):
    """{name: path}: a good run, and each proof broken."""
    folder = tmp_path_factory.mktemp("pages")
    paths = {name: folder / f"{name}.html" for name in ("good", "confidentiality", "attestation", "integrity", "incomplete")}
    reported.report(paths["good"])
    with reported.told(b"for Margarethe\n"):
        reported.report(paths["confidentiality"], status=1)
    with reported.undone():
        reported.loosen()
        ATTACKS["decrypt"][1](reported)
        reported.report(paths["attestation"], status=1)
    with reported.damaged(reported.run_id):
        reported.report(paths["integrity"], status=1)
    with reported.hidden():
        reported.report(paths["incomplete"], status=4)
    return paths


VERDICT = {"good": "PASS", "incomplete": "INCOMPLETE"}
NAMED = {  # what the page says of the proof that is not good
    "confidentiality": "A word of 10 bytes (as it stands) in logs/worker.log",
    "attestation": "without a recipient",
    "integrity": "does not verify: receipt",
    "incomplete": "MISSING the Decrypt",
}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.missing():
        pytest.skip(browser.missing())
    window = browser.Browser(tmp_path_factory.mktemp("chromium"))
    window.driver.execute_cdp_cmd("Network.enable", {})
    yield window
    window.close()


def show(window, path, size="desktop", scheme="light", script=True):
    width, height = (SIZES | NARROW)[size]
    command = window.driver.execute_cdp_cmd
    command("Emulation.setScriptExecutionDisabled", {"value": not script})
    command("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size != "desktop"})
    command("Emulation.setEmulatedMedia", {"media": "", "features": [{"name": "prefers-color-scheme", "value": scheme}]})
    window.driver.get(f"file://{path}")
    return window.driver


@pytest.mark.parametrize("name", ["good", *NAMED])
@pytest.mark.parametrize("size", SIZES)
def test_the_verdict_comes_first(pages, chromium, name, size):
    driver = show(chromium, pages[name], size)
    verdict = driver.execute_script("""
        const box = document.querySelector('h1').getBoundingClientRect(), cards = document.querySelector('.cards').getBoundingClientRect();
        return {text: document.querySelector('h1 .word').innerText, bottom: box.bottom, cards: cards.bottom, first: document.querySelector('h1,h2,h3') ===
                document.querySelector('h1'), title: document.title, size: parseFloat(getComputedStyle(document.querySelector('h1 .word')).fontSize)}""")
    assert verdict["text"] == VERDICT.get(name, "FAIL") and verdict["title"].startswith(verdict["text"] + ":")
    assert verdict["first"] and verdict["bottom"] < SIZES[size][1] / 2 and verdict["cards"] < SIZES[size][1]
    assert verdict["size"] >= 40
    badges = {s.get_attribute("id"): s.find_element("css selector", ".badge").text for s in driver.find_elements("css selector", "section.proof")}
    for proof in ("confidentiality", "attestation", "integrity"):
        wanted = VERDICT.get(name, "FAIL") if proof == name or (name == "incomplete" and proof == "attestation") else \
            "INCOMPLETE" if name == "integrity" else "PASS"
        assert badges[proof] == wanted, badges
    if name in NAMED:
        failing = driver.find_element("id", "attestation" if name == "incomplete" else name).text
        assert NAMED[name] in re.sub(r"\s+", " ", failing), failing


@pytest.mark.parametrize("name", ["good", *NAMED])
@pytest.mark.parametrize("size", [*SIZES, *NARROW])
def test_nothing_is_cut_off(pages, chromium, name, size):
    """No scrolling to the side, and no text outside of the page."""
    driver = show(chromium, pages[name], size)
    width, outside = driver.execute_script("""
        const outside = [];
        for (const e of document.querySelectorAll('main *, header *, footer *')) {
            const box = e.getBoundingClientRect();
            if (box.width && (box.right > innerWidth + 1 || box.left < -1)) outside.push(e.outerHTML.slice(0, 80));
        }
        return [document.documentElement.scrollWidth, outside]""")
    assert width <= (SIZES | NARROW)[size][0] and outside == []


def test_what_was_not_looked_at_has_no_figures(pages, chromium):
    """Tables of zeros would read like a search that found nothing."""
    def tables(name):
        driver = show(chromium, pages[name])
        return [len(driver.find_elements("css selector", f"#{proof} table")) for proof in ("confidentiality", "attestation", "integrity")]
    assert tables("integrity") == [0, 0, 0] and 0 not in tables("confidentiality")


def words_of(text):
    return set(re.findall(r"\w+", text))


def test_all_of_it_is_there_without_script(pages, chromium):
    """The file's own text, element by element, is what a browser that runs no script shows; and nothing in the file could run."""
    import html.parser

    class Text(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.inside, self.text, self.tags = [], [], set()

        def handle_starttag(self, tag, attributes):
            self.tags.add(tag)
            assert not [name for name, _ in attributes if name.startswith("on") or name in ("src", "style", "srcset")], attributes
            for name, value in attributes:
                assert name != "href" or value.startswith(("#", "data:application/octet-stream;base64,")), value[:40]
            if tag not in ("meta", "rect", "path"):
                self.inside.append(tag)

        def handle_startendtag(self, tag, attributes):
            self.handle_starttag(tag, attributes)

        def handle_endtag(self, tag):
            assert self.inside.pop() == tag

        def handle_data(self, data):
            if not {"style", "title", "desc"} & set(self.inside):
                self.text.append(data)
    for path in pages.values():
        parser = Text()
        parser.feed(path.read_text())
        assert not parser.tags & {"script", "iframe", "object", "embed", "link", "img", "form", "base", "foreignObject"} and parser.inside == []
        driver = show(chromium, path, script=False)
        shown = driver.find_element("tag name", "body").text + driver.find_element("class name", "skip").get_property("textContent")
        assert words_of(" ".join(parser.text)) - words_of(shown) == set()


def test_the_policy_forbids_what_the_page_does_not_need(pages):
    text = pages["good"].read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[1].replace("&#39;", "'")
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_nothing_is_asked_of_a_network(pages, reported, tmp_path):
    """By Chromium's own log of what it sent, and by its resource timings."""
    if browser.missing():
        pytest.skip(browser.missing())
    def asked(window, path):
        window.driver.get_log("performance")
        driver = show(window, path)
        messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return urls[urls.index(f"file://{path}") + 1:] + driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    with contextlib.closing(browser.Browser(tmp_path)) as window:
        for path in pages.values():
            assert asked(window, path) == []
            assert [entry for entry in window.driver.get_log("browser") if entry["level"] == "SEVERE"] == []
        curious = tmp_path / "curious.html"
        curious.write_text(f"<!DOCTYPE html><title>x</title><img alt='' src='http://127.0.0.1:{harness.free_port()}/x.png'>")
        assert asked(window, curious)[0].endswith("/x.png")  # the log tells


COLOURS = r"""
    const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
    const light = c => { const f = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
                         return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]); };
    const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
    const boxes = e => { const rect = e.closest('g') && e.closest('g').querySelector('rect'); return rect ? parse(getComputedStyle(rect).fill) : behind(e); };
    const low = []; let seen = 0;
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (!own || ['STYLE', 'title', 'desc'].includes(e.tagName)) continue;
        const svg = e.namespaceURI.endsWith('svg');
        const fore = light(parse(getComputedStyle(e)[svg ? 'fill' : 'color'])), back = light(svg ? boxes(e) : behind(e));
        const ratio = (Math.max(fore, back) + .05) / (Math.min(fore, back) + .05);
        seen++;
        if (ratio < 4.5) low.push([e.outerHTML.slice(0, 90), ratio]);
    }
    return [seen, low];
"""


@pytest.mark.parametrize("name", ["good", *NAMED])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast(pages, chromium, name, scheme):
    driver = show(chromium, pages[name], scheme=scheme)
    seen, low = driver.execute_script(COLOURS)
    assert seen > 100 and low == []
    dark = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", dark)[:3])) < 200) == (scheme == "dark")
    driver.execute_script("document.querySelector('h1 .word').parentElement.style; document.body.animate([{color: 'rgb(128,128,128)'}], {fill: 'forwards', duration: 1})"
                          ".finish()")
    assert driver.execute_script(COLOURS)[1] != []  # the measurement measures


@pytest.fixture(scope="module")
def axe():
    found = subprocess.run([ROOT / "scripts" / "node", "tests/e2e/js"], capture_output=True, text=True, timeout=600, check=False)
    if found.returncode == 3:
        pytest.skip(f"axe-core is not there: {found.stderr.strip()}")
    assert found.returncode == 0, found.stderr
    return open(f"{found.stdout.strip()}/node_modules/axe-core/axe.min.js").read()


@pytest.mark.parametrize("name", ["good", *NAMED])
@pytest.mark.parametrize("size, scheme", [("desktop", "light"), ("phone", "dark")])
def test_axe_finds_nothing(pages, chromium, axe, name, size, scheme):
    driver = show(chromium, pages[name], size, scheme)
    driver.execute_script(axe)
    result = driver.execute_async_script("axe.run(document, {resultTypes: ['violations']}).then(arguments[0])")
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in result["violations"]] == []
    assert len(result["passes"]) > 20


def test_a_screen_reader_s_way(pages, chromium):
    driver = show(chromium, pages["good"])
    found = driver.execute_script("""
        const all = s => [...document.querySelectorAll(s)];
        return {landmarks: ['header', 'nav', 'main', 'footer'].map(e => all(e).length), levels: all('h1,h2,h3,h4').map(h => +h.tagName[1]),
                headless: all('table').filter(t => !t.caption || ![...t.querySelectorAll('tr')].every(r => r.querySelector('th[scope]'))).length, tables: all('table').length,
                sections: all('section').filter(s => !document.getElementById(s.getAttribute('aria-labelledby'))).length,
                drawings: all('svg').map(s => [s.getAttribute('role'), !!s.querySelector('title')]),
                graph: document.querySelector('svg desc').textContent, language: document.documentElement.lang}""")
    assert found["landmarks"] == [1, 1, 1, 1] and found["language"] == "en"
    assert found["levels"][0] == 1 and found["levels"].count(1) == 1
    assert all(b <= a + 1 for a, b in zip(found["levels"], found["levels"][1:]))
    assert found["tables"] >= 7 and found["headless"] == 0 and found["sections"] == 0
    assert all(drawing == ["img", True] for drawing in found["drawings"]) and len(found["drawings"]) == 3
    for text in ("Step intake, role intake, PCR0 ", "letter goes from data owner to intake", "decision goes from adjudicate to data owner"):
        assert text in found["graph"]


def test_by_keyboard(pages, chromium):
    """Tab goes through links in the order of the page, the first skips to the verdict, and where one is, is seen."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    driver = show(chromium, pages["good"])
    stops = []
    for _ in range(9):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        stops.append(driver.execute_script("""
            const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
            return [e.innerText.split('\\n')[0], style.outlineStyle, parseFloat(style.outlineWidth), box.left >= 0 && box.top >= 0 && box.bottom <= innerHeight]"""))
    assert [stop[0] for stop in stops] == ["Skip to the verdict", "Workflow", "Timeline", "Proofs", "Evidence", "Confidentiality", "Attestation", "Integrity",
                                           stops[8][0]] and stops[8][0].startswith("Save ")
    assert all(style == "solid" and width >= 2 and seen for _, style, width, seen in stops), stops
    driver = show(chromium, pages["good"])
    ActionChains(driver).send_keys(Keys.TAB, Keys.ENTER).perform()
    assert driver.execute_script("return document.activeElement.id") == "main"


def test_on_paper(pages, chromium):
    driver = show(chromium, pages["good"], scheme="dark")
    pdf = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})["data"])
    assert pdf.startswith(b"%PDF") and 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 12
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    seen, low = driver.execute_script(COLOURS)
    paper, menu = driver.execute_script("return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('nav')).display]")
    assert low == [] and paper == "rgb(255, 255, 255)" and menu == "none"


def test_the_evidence_in_it_is_accepted(reported, pages, chromium, tmp_path):
    driver = show(chromium, pages["good"])
    link = driver.find_element("css selector", "a[download]")
    data = base64.b64decode(link.get_attribute("href").split(";base64,", 1)[1], validate=True)
    assert link.get_attribute("download") == f"{reported.run_id[:12]}.evidence"
    evidence = tmp_path / "run.evidence"
    evidence.write_bytes(data)
    command = driver.find_element("css selector", "#evidence pre").text.split()
    result = subprocess.run([harness.program(command[0]), evidence, *command[2:]], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert sst1.verify_run(data, reported.manifest.mh)[0].hex() == reported.run_id
    assert hashlib.sha256(data).hexdigest() in driver.find_element("id", "evidence").text
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path / "saved")})
    link.click()
    saved = tmp_path / "saved" / link.get_attribute("download")
    harness.wait_for(lambda: saved.exists() and saved.stat().st_size == len(data), "the download")
    assert saved.read_bytes() == data


def test_the_page_says_what_verify_says(reported, pages, chromium):
    value = reported.verify().json()
    driver = show(chromium, pages["good"])
    text = driver.find_element("tag name", "main").text
    measured = [entry for steps in driver.find_elements("css selector", ".measurements code") for entry in [steps.text]]
    assert all(re.fullmatch("[0-9a-f]{96}", m) for m in measured)
    for role in reported.manifest.roles.values():
        assert role["measurements"][0]["pcr0"].hex() in measured
    for number in (value["confidentiality"]["terms"], value["confidentiality"]["events"], value["confidentiality"]["patterns"]):
        assert str(number) in text.split()
    assert value["run_id"] in text and value["manifest"] in text
    assert f"{reported.manifest.root.hex()} (not AWS's: a simulation, or a private root)" in text
    for step in value["integrity"]["steps"]:
        assert f'{step["finished_ms"] - step["started_ms"]} ms' in text


def test_the_page_has_no_word_of_the_letter(pages):
    """Not even where one was found: it may be handed on."""
    letter = LETTER.read_text()
    ours = set(re.findall(r"[A-Za-z]{5,}", (ROOT / "client" / "report" / "page.css").read_text()))
    for path in (*(ROOT / "client" / "report").glob("*.c"), *(ROOT / "client" / "proof").glob("*.c"), ROOT / "client" / "allow-words.txt", ROOT / "agents" / "claim.yaml"):
        ours |= set(re.findall(r"[A-Za-z]{5,}", path.read_text()))
    words = {w for w in re.findall(r"[A-Za-z]{5,}", letter)} - ours
    assert len(words) > 30 and "Margarethe" in words
    for path in pages.values():
        text = re.sub(r'href="data:[^"]*"', "", path.read_text())
        assert {w for w in words if re.search(rf"\b{w}\b", text)} == set()


def test_what_is_disclosed_is_said(reported, tmp_path, chromium):
    reported.report(tmp_path / "open.html", "--disclose", "decision")
    driver = show(chromium, tmp_path / "open.html")
    assert "It holds in clear what was on: decision" in driver.find_element("id", "evidence").text
    assert reported.cmaw("verify", reported.run_id, "--disclose", "decision").status == 2


def test_hostile_names_are_text(reported, tmp_path, chromium):
    """The record's name is what the page shows first; a name that was put there by somebody else stays a name."""
    name = "<img src=x onerror=alert(1)>\"'&lt;"
    with contextlib.closing(sqlite3.connect(reported.store, timeout=180)) as database, database:
        old = database.execute("SELECT name FROM runs WHERE hex(run_id) = ?", (reported.run_id.upper(),)).fetchone()[0]
        database.execute("UPDATE runs SET name = ? WHERE hex(run_id) = ?", (name, reported.run_id.upper()))
    try:
        reported.report(tmp_path / "hostile.html")
    finally:
        with contextlib.closing(sqlite3.connect(reported.store, timeout=180)) as database, database:
            database.execute("UPDATE runs SET name = ? WHERE hex(run_id) = ?", (old, reported.run_id.upper()))
    driver = show(chromium, tmp_path / "hostile.html")
    assert driver.execute_script("return document.images.length") == 0
    assert name in driver.find_element("css selector", ".facts").text


SECRET = "project Nightingale/7"
PLANTED = {
    "as it stands": SECRET.encode(),
    "hex": SECRET.encode().hex().encode(),
    "base64": base64.b64encode(b"xy" + SECRET.encode()),
    "base32": base64.b32encode(b"xyz" + SECRET.encode()),
    "URL encoding": urllib.parse.quote(SECRET, safe="").encode(),
    "UTF-16": SECRET.encode("utf-16le"),
}


@pytest.mark.parametrize("packed", ["", "gzip", "zlib"])
@pytest.mark.parametrize("form", PLANTED)
def test_a_secret_of_one_s_own_is_found(reported, tmp_path, form, packed):
    forbid = tmp_path / "forbid"
    forbid.write_text(f"another secret\n{SECRET}\n")
    data = PLANTED[form]
    data = gzip.compress(data) if packed == "gzip" else zlib.compress(data) if packed == "zlib" else data
    with reported.told(b"note: " + data + b"\n"):
        result = reported.verify("--forbid", forbid)
    assert result.status == 1
    finds = json.loads(result.out)["confidentiality"]["finds"]
    assert (form, bool(packed)) in {(find["form"], find["compressed"]) for find in finds}
    assert {find["kind"] for find in finds} == {"forbidden term"} and all(find["source"].endswith("worker.log") for find in finds)
    assert SECRET not in result.out


def test_a_list_that_cannot_be_searched_for(reported, tmp_path):
    forbid = tmp_path / "forbid"
    for text, words in ((b"good enough\nabc\n", "line 2"), (b"\xff\xfe\xff\xfe\xff\n", "line 1"), (b"\n\n", "no term")):
        forbid.write_bytes(text)
        reported.cmaw("verify", reported.run_id, "--forbid", forbid).assert_one_line_error(words, hint=words != "no term")
    assert reported.cmaw("verify", reported.run_id, "--forbid", tmp_path / "none").status != 0


def test_what_is_too_large_to_unpack_is_not_proven(reported):
    bomb = gzip.compress(bytes(65 << 20))
    with reported.told(bomb):
        result = reported.verify()
    value = json.loads(result.out)["confidentiality"]
    assert result.status == 4 and value["verdict"] == "incomplete" and value["streams_cut"] == 1


def test_metadata_of_payloads_is_searched(reported):
    value = reported.verify().json()["confidentiality"]
    assert value["payloads"] > 0 and value["metadata_fields"] >= 2 * value["payloads"]
    assert any("metadata" in source["source"] and source["bytes"] > 100 for source in value["sources"])


def test_screenshots(pages, chromium, tmp_path):
    """What docs/images shows, taken anew: with CMAW_SCREENSHOTS=1 into docs/images, else it is only looked whether it can be."""
    folder = ROOT / "docs" / "images" if os.environ.get("CMAW_SCREENSHOTS") else tmp_path
    for size, scheme in (("desktop", "light"), ("phone", "dark")):
        driver = show(chromium, pages["good"], size, scheme)
        png = base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
        path = folder / f"report-{size}-{scheme}.png"
        path.write_bytes(png)
        assert png.startswith(b"\x89PNG") and 10_000 < len(png) < 300_000
        assert (ROOT / "docs" / "images" / path.name).stat().st_size < 300_000
