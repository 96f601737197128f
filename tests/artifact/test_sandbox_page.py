"""docs/sandbox.md lists exactly what the tests try."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "peer")]

import hostile  # noqa: E402

PAGE = (ROOT / "docs" / "sandbox.md").read_text()


def rows(text):
    """{mode: (what it tries, what stops it)}"""
    found = {}
    for table in re.findall(r"^\| attack \| tries to \| what stops it \|\n\|---.*\n((?:\|.*\n)+)", text, re.M):
        for line in table.splitlines():
            modes, tries, stops = line.strip("| ").split(" | ")
            found |= {mode: (tries, stops) for mode in re.findall(r"`([^`]+)`", modes)}
    return found


def test_the_page_lists_every_attack():
    assert list(rows(PAGE)) == [attack.mode for attack in hostile.ATTACKS]


def test_the_page_says_what_is_tried():
    shown = rows(PAGE)
    listed = ("exit ", "fault ", "forge ")  # whose rows say it once for many
    assert [a.mode for a in hostile.ATTACKS if not a.mode.startswith(listed) and shown[a.mode][0] != a.tries] == []
    assert all(stops for _, stops in shown.values())


def test_sections_are_those_of_the_list():
    assert re.findall(r"^### (.*)$", PAGE, re.M) == [*hostile.SECTIONS, "Accepted"]


def test_a_row_that_is_gone_is_found():
    assert list(rows(PAGE.replace("| `sockets` |", "| `socks` |"))) != list(rows(PAGE))
