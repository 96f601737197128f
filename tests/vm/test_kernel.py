"""The kernel that `make vm` made is the one that image/kernel asks for."""
import hashlib
import re

import pytest

import machine
from harness import ROOT

ASKED = ROOT / "image" / "kernel"
PINNED = dict(line.split() for line in (ASKED / "pinned").read_text().splitlines() if not line.startswith("#"))


def kernel_of(tools):
    return hashlib.sha384((tools / "bzImage").read_bytes()).hexdigest(), (tools / "version").read_text().strip()


def test_it_is_the_pinned_one():
    found, version = kernel_of(machine.TOOLS)
    if version != PINNED["version"]:
        pytest.skip(f"Debian no longer has linux {PINNED['version']}: this is {version}")
    assert found == PINNED["sha384"]


def symbols(text):
    """{symbol: value}; those that are named as not set are None."""
    found = {name: None for name in re.findall(r"^# (CONFIG_\w+) is not set$", text, re.M)}
    return found | dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.M))


def test_every_symbol_is_as_asked():
    asked, built = symbols((ASKED / "config").read_text()), symbols((machine.TOOLS / "config").read_text())
    assert len(asked) > 100
    assert {name: built.get(name) for name in asked} == asked


def test_every_group_of_symbols_says_why():
    """No group begins with a symbol."""
    groups = (ASKED / "config").read_text().split("\n\n")
    assert len(groups) > 5 and [group for group in groups if re.match(r"(# )?CONFIG_", group)] == []


def test_no_mitigation_is_left_off():
    """An agent shares processors with the process that has the keys. What a newer kernel adds has to be named in config."""
    instead = {"CONFIG_MITIGATION_CALL_DEPTH_TRACKING"}  # of IBRS_ENTRY, for the same flaw
    off = {name for name, value in symbols((machine.TOOLS / "config").read_text()).items() if name.startswith("CONFIG_MITIGATION_") and value is None}
    assert off == instead
