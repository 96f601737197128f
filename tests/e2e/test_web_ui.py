"""What an operator sees of a run in Temporal's own web UI, and what its owner sees there with a codec endpoint: in a real browser."""
import os
import pathlib

import pytest

import browser as chromium
import codec
import web_ui
from stack import CLAIM, LETTERS

if chromium.missing():
    pytest.skip(chromium.missing(), allow_module_level=True)

LETTER = LETTERS / "01-water-approve.txt"
# "Retry Policy" is the web UI's own
WORDS = codec.words(LETTER.read_text()) - {"Policy"}
# of the decision, which no letter has
DECIDED = {"approve", "R-DED-1", "deductible", "305840"}


@pytest.fixture(scope="module")
def browser(folder):
    running = chromium.Browser(folder / "browser")
    yield running
    running.close()


@pytest.fixture(scope="module")
def server(stack, folder):
    running = codec.Codec(stack, folder / "codec-ui")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def open_page(stack, browser):
    def open_page(workflow_id):
        return web_ui.RunPage(browser, f"http://127.0.0.1:{stack.state()['ports']['ui']}", stack.state()["namespace"], workflow_id)
    return open_page


def keep(page, name):
    """Screenshots for the docs, where they are asked for."""
    if os.environ.get("CMAW_SCREENSHOTS"):
        page.screenshot(pathlib.Path(os.environ["CMAW_SCREENSHOTS"]) / name)


@pytest.fixture(scope="module")
def page(stack, open_page):
    return open_page(stack.run(LETTER).json()["workflow_id"])


def test_without_the_endpoint_no_word_is_to_be_seen(page):
    assert len(WORDS) > 35 and {"Lindenstrasse", "HH-2204-118937", "Margarethe"} <= WORDS
    keep(page, "web-ui-sealed.png")
    everything = {"input and result": page.one("[data-testid=input-and-result]").text}
    assert len(page.expand()) == 17
    everything |= {"events": page.text(), "JSON": page.as_json(), "download": page.download("encoded")}
    for place, text in everything.items():
        assert "YmluYXJ5L2VuY3J5cHRlZA" in text, f"{place}: no sealed payload"  # binary/encrypted
        assert codec.found(text, WORDS | DECIDED) == set(), place


def test_with_the_endpoint_the_owner_reads_it_all(page, server):
    page.set_codec(server.endpoint)
    page.wait(lambda: '"State"' in page.sections()[0] and '"RunResult"' in page.sections()[1], "what the endpoint answers")
    inputs, result = page.sections()
    assert codec.found(inputs, {"Lindenstrasse", "HH-2204-118937", "Margarethe"}) == {"Lindenstrasse", "HH-2204-118937", "Margarethe"}
    assert codec.found(result, DECIDED) == DECIDED
    keep(page, "web-ui-opened.png")
    page.expand()
    page.wait(lambda: page.text().count('"message": "StepTask"') == page.text().count('"message": "StepResult"') >= 2, "the activities")
    saved = page.download("decoded")
    assert codec.found(saved, WORDS) == WORDS and codec.found(saved, DECIDED) == DECIDED


def test_another_owner_s_run_stays_opaque(stack, folder, open_page, server):
    env = {"CMAW_STORE": str(folder / "another-owner.db")}
    letter = LETTERS / "04-theft-deny.txt"
    stack.trust(env=env)
    other = stack.cmaw("run", CLAIM, letter, "--json", env=env).json()["workflow_id"]
    before = server.log().count("codec.decode")
    theirs = open_page(other)
    theirs.set_codec(server.endpoint)
    theirs.expand()
    theirs.wait(lambda: server.log().count("codec.decode") > before and " opened=0 " in server.log(), "the endpoint was asked")
    text = theirs.text() + theirs.download("decoded")
    assert "YmluYXJ5L2VuY3J5cHRlZA" in text
    assert codec.found(text, codec.words(letter.read_text()) - {"Policy"}) == set()
