"""Where the virtual machine's tools are not built, nothing builds them unasked, and the stage that wants them is one line."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PARTS = ("vm", "vm-qemu", "vm-kernel", "vm-vsock")


def run(cache, *command):
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "CMAW_CACHE": str(cache)}, capture_output=True, text=True)


@pytest.mark.parametrize("name", PARTS)
def test_asked_whether_they_are_built_they_say_no(tmp_path, name):
    asked = run(tmp_path, ROOT / "scripts" / name, "--if-built")
    assert (asked.returncode, asked.stdout, asked.stderr) == (3, "", "") and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PARTS[1:])
def test_an_unknown_option_is_refused(tmp_path, name):
    asked = run(tmp_path, ROOT / "scripts" / name, "--built")
    assert asked.returncode == 2 and asked.stderr.startswith(f"usage: scripts/{name} ") and asked.stdout == ""


def test_the_stage_is_skipped_in_a_line(tmp_path):
    stage = run(tmp_path, sys.executable, ROOT / "tests" / "run.py", "vm")
    assert stage.returncode == 0
    assert [line for line in stage.stdout.splitlines() if "skipped: " in line] == ["   skipped: the virtual machine's tools are not built (make vm)"]


@pytest.mark.parametrize("command, line", [
    (("make", "-s", "demo-vm"), "cmaw: the virtual machine's tools are not built: make vm builds them, once"),
    ((ROOT / "scripts" / "demo-vm",), "cmaw: the virtual machine's tools are not built"),
])
def test_the_demonstration_in_machines_says_what_it_lacks(tmp_path, command, line):
    """Before anything is built or started."""
    asked = run(tmp_path, *command)
    assert asked.returncode != 0 and asked.stderr.splitlines()[0] == line and asked.stdout == ""
