"""The pages hold together: every command is run by a test, every link leads somewhere, what they name exists."""
import functools
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import pages  # noqa: E402

PAGES = pages.pages()
LANGUAGES = {"sh", "c", "yaml", "json", "proto", "text", ""}
COMMAND = re.compile(r"^(\$ |(cmaw|cmaw-\w+|make|aws|git|export|scripts/\w+) \S+( \S|$))", re.M)
RUN_BY = re.compile(r'pages\.run\(\s*"([\w./-]+)"')
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST_ID = re.compile(r"`?(tests/[\w./-]+\.(?:py|c))::(\w+)")


def text_of(page):
    return (ROOT / page).read_text()


@functools.cache
def suite():
    return "".join(path.read_text() for path in sorted((ROOT / "tests").rglob("*.py")))


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", pages.FENCE.sub("", text))


def complaints(page, text):
    """Why not every command of a page is run."""
    found = []
    blocks = pages.blocks(text)
    for block in blocks:
        if block.language not in LANGUAGES or (block.language != "sh" and COMMAND.search(block.text)):
            found.append(f"commands go into ```sh:\n{block.text}")
        if block.why_not and len(block.why_not) < pages.WHY_AT_LEAST:
            found.append(f"say why this is not run:\n{block.text}")
    if any(block.language == "sh" and not block.why_not for block in blocks) and page not in RUN_BY.findall(suite()):
        found.append(f'no test runs the commands: pages.run("{page}", …) in a test, see tests/pages.py')
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_run(page):
    assert complaints(page, text_of(page)) == []


def test_commands_that_are_not_run_are_found():
    block = "```{}\ncmaw status\n```\n"
    assert complaints("README.md", block.format("sh")) == [] and complaints("README.md", block.format("text")) != []
    assert complaints("README.md", block.format("bash")) != [] and complaints("docs/none.md", block.format("sh")) != []
    assert complaints("docs/none.md", "<!-- not run: it would launch a rocket -->\n" + block.format("sh")) == []
    assert complaints("docs/none.md", "<!-- not run: no -->\n" + block.format("sh")) != []


def test_nothing_is_run_that_is_not_there():
    assert set(RUN_BY.findall(suite())) <= set(PAGES)


def slugs(text):
    """The anchors that GitHub makes of headings."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", pages.FENCE.sub("", text), re.M):
        slug = re.sub(r"[^\w\- ]", "", LINK.sub(lambda link: link[0][1:link[0].index("]")], heading).lower()).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return found


def broken(page, text):
    bad = []
    for target in LINK.findall(without_code(text)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in slugs(file.read_text())):
            bad.append(target)
    return bad


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    assert broken(page, text_of(page)) == []


def test_every_page_is_found_from_the_first():
    linked = {target.partition("#")[0] for target in LINK.findall(text_of("README.md"))}
    assert {page for page in PAGES if re.fullmatch(r"docs/[^/]+|[A-Z]+\.md", page)} - {"README.md"} <= linked


def test_a_broken_link_is_found():
    text = "[a](README.md) [b](nowhere.md) [c](#nothing) [d](README.md#nothing) [e](#there) [f](https://example.com)\n# There\n"
    assert broken("README.md", text)[:1] == ["nowhere.md"] and len(broken("README.md", text)) >= 3


def test_cases():
    """{path: names of the test functions in it}"""
    assert {"test_cases"} <= cases_of("tests/artifact/test_pages.py") and "hex_is_strict" in cases_of("tests/unit/base_test.c")


@functools.cache
def cases_of(path):
    file = ROOT / path
    if not file.exists():
        return set()
    pattern = r"^\s*def (test_\w+)\(" if file.suffix == ".py" else r"(?:cmocka_unit_test\w*|WITH_STORE|RIG_TEST)\(\s*(\w+)|^void (vec_\w+)\(struct vec "
    return {name for found in re.finditer(pattern, file.read_text(), re.M) for name in found.groups() if name}


def missing_tests(text):
    return [f"{path}::{name}" for path, name in TEST_ID.findall(text) if name not in cases_of(path)]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page):
    assert missing_tests(text_of(page)) == []


def test_a_test_that_is_gone_is_found():
    gone = ["tests/unit/base_test.c::no_such_case", "tests/unit/no_such_test.c::hex_is_strict"]
    assert missing_tests(f"`{gone[0]}`, `tests/unit/base_test.c::hex_is_strict` and {gone[1]}") == gone


def untested(text):
    """The attacks in the tables with a column "test" that name none."""
    rows = [line.strip("| ").split(" | ") for table in re.findall(r"^\|.*\| test \|\n((?:\|.*\n)+)", text, re.M) for line in table.splitlines()[1:]]
    return [row[0] for row in rows if not TEST_ID.search(row[-1])], len(rows)


def test_every_attack_has_a_test():
    missing, attacks = untested(text_of("docs/threat-model.md"))
    assert missing == [] and attacks > 40
    assert untested("| attack | test |\n|---|---|\n| a | `tests/x_test.py::test_a` |\n| b | later |\n") == (["b"], 2)


@functools.cache
def help_of(*words):
    """The help of a program or of a verb; "" if there is none of that name."""
    name, *rest = words
    found = [path for path in (ROOT / "build").glob(f"*/{name}") if path.is_file()] or list((ROOT / "build").glob(f"*/*/{name}"))
    assert found, f"{name} is not built"
    result = subprocess.run([found[0], *rest, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    return result.stdout if result.returncode == 0 else ""


def unknown_words(line):
    """The verb or options of a command line that its program does not have."""
    words = re.split(r"\s+|\"\$\(", line.strip())
    program, rest = words[0], words[1:]
    verbs = [word for word in rest if re.fullmatch(r"[a-z]+", word)][:1] if program in ("cmaw", "cmaw-image", "cmaw-devd", "cmaw-launch") else []
    text = help_of(program, *(verbs if program == "cmaw" else []))
    bad = [] if text and all(verb in help_of(program) for verb in verbs) else verbs or [program]
    return bad + [option for option in re.findall(r"(?:^|\s)(--[a-z-]+)", line) if option not in text and option not in ("--help", "--version")]


@pytest.mark.parametrize("page", PAGES)
def test_verbs_and_options_in_running_text_exist(page):
    for line in re.findall(r"`((?:cmaw|cmaw-\w+) [^`\n]*)`", pages.FENCE.sub("", text_of(page))):
        assert unknown_words(line) == [], f"{page}: `{line}`"


def test_an_unknown_option_is_found():
    assert unknown_words("cmaw verify last --evidence FILE --nonsense") == ["--nonsense"]
    assert unknown_words("cmaw nonsense RUN") == ["nonsense"]
    assert unknown_words("cmaw-verify FILE --manifest-hash HEX") == []
