"""docs/troubleshooting.md shows lines that the programs print: each is found among the texts of the sources."""
import functools
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
PROGRAMS = ("lib", "sys", "client", "host", "image", "dev", "enclave")
LITERALS = re.compile(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*')
FORMAT = re.compile(r"%[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z)?[a-zA-Z]")


def rows(header):
    """The cells of every row of the tables whose first column has this header."""
    tables = re.findall(rf"^\| {header} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)
    return [[cell.strip() for cell in line.strip("| \n").split(" | ")] for table in tables for line in table.splitlines()]


LINES = [row[0].strip("`") for row in rows("line")]


@functools.cache
def texts():
    """What stands between quotation marks, pieces that the compiler joins as one, values as "…"."""
    found = set()
    for path in [p for top in PROGRAMS for p in (ROOT / top).rglob("*.[chd]*") if p.suffix in (".c", ".h", ".def")]:
        for literal in LITERALS.findall(path.read_text()):
            found.add(FORMAT.sub("…", "".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', literal)).replace('\\"', '"').replace("\\n", "\n")))
    for path in (p for p in (ROOT / "scripts").iterdir() if p.is_file()):
        found |= {re.sub(r"\$\(\([^)]*\) - \$\w+\)\)|\$\(\(.*?\)\)|\$\{?\w+\}?", "…", text) for text in re.findall(r'"((?:\\.|[^"\\\n])*)"', path.read_text())}
    return found


def is_printed(line):
    """The words of the line, in their order, in one text; the program's name and a value at its start or end are not in it."""
    words = re.sub(r"^(?:cmaw(?:-\w+)?|hint): ", "", line)
    words = re.sub(r"^(?:…: )+", "", words).strip(" …")
    pattern = re.compile("(?:…|.*)".join(re.escape(part) for part in words.split("…")), re.S)
    return any(pattern.search(text) for text in texts())


@pytest.mark.parametrize("line", LINES)
def test_the_line_is_printed(line):
    assert is_printed(line), line
    assert max(len(part) for part in line.split("…")) >= 12, f"{line}: too little to be found by"


def test_a_line_that_nobody_prints_is_found():
    assert len(LINES) > 40 and not is_printed("cmaw: the moon is full") and not is_printed("cmaw: wrong passphrase for the run shop")


def test_programs_that_are_named_exist():
    named = {match[1] for line in LINES if (match := re.match(r"(cmaw(?:-\w+)?): ", line))}
    assert named <= {"cmaw", "cmaw-verify", "cmaw-image", "cmaw-launch", "cmaw-proxy", "cmaw-worker", "cmaw-devd"}


def test_events_are_logged():
    logged = {text for text in texts() if re.fullmatch(r"\w+\.\w+", text)}
    assert {row[0].strip("`") for row in rows("event")} <= logged and len(rows("event")) >= 5
