"""scripts/agent-rootfs: a root file system from Debian packages, the same bytes each time."""
import io
import os
import subprocess
import tarfile

import pytest

from conftest import ROOT

SCRIPT = ROOT / "scripts" / "agent-rootfs"


@pytest.fixture
def make(tmp_path):
    def run(recipe, *more, name="rootfs.tar"):
        (tmp_path / "rootfs.txt").write_text(recipe)
        return subprocess.run([SCRIPT, tmp_path / "rootfs.txt", "-o", tmp_path / name, *more], capture_output=True, text=True, timeout=180), tmp_path / name
    return run


def entries(path):
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        return {entry.name: entry for entry in archive.getmembers()}


def test_a_program_brings_its_libraries(make, tmp_path):
    (tmp_path / "notes.txt").write_text("text")
    result, path = make("# a comment\npackage dash /bin/dash\nfile notes.txt /etc/notes.txt 0444\n", "--packages")
    assert result.returncode == 0, result.stderr
    found = entries(path)
    assert {"bin/dash", "etc/notes.txt", "lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6"} <= found.keys() and result.stdout.startswith("dash ")
    assert list(found) == sorted(found) and all(e.isfile() or e.isdir() for e in found.values())
    assert {(e.mtime, e.uid, e.gid, e.uname) for e in found.values()} == {(0, 0, 0, "")}
    assert [found[name].mode for name in ("bin", "bin/dash", "etc/notes.txt")] == [0o755, 0o755, 0o444]


def test_it_is_the_same_each_time(make, tmp_path):
    (tmp_path / "notes.txt").write_text("text")
    recipe = "package dash /bin/dash\nfile notes.txt /etc/notes.txt\n"
    _, one = make(recipe, name="one.tar")
    os.utime(tmp_path / "notes.txt", (1, 1))
    _, other = make("file notes.txt /etc/notes.txt\npackage dash /bin/dash\n", name="other.tar")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("recipe,complaint", [
    ("package no-such-package-here *\n", "the package no-such-package-here is not installed"), ("package dash /bin/nothing\n", "no file of dash matches /bin/nothing"),
    ("\nfile nothing.txt /x\n", ":2: "), ("file rootfs.txt x\n", "x is not a plain absolute path"), ("file rootfs.txt /a/../x\n", "is not a plain absolute path"),
    ("file rootfs.txt /x\nfile rootfs.txt /x 0600\n", "/x is there twice"), ("file rootfs.txt /x 99\n", ":1: "), ("folder /x\n", "a line is"), ("package dash\n", "a line is"), ("compile /bin/nothing\n", ":1: "), ("compile\n", "a line is"),
    ('file "x\n', ":1: "), ("file rootfs.txt //x\n", "//x is not a plain absolute path"), ("file rootfs.txt /x 4755\n", "mode 4755 is not 0 to 777"),
    ("file rootfs.txt /x\nfile rootfs.txt /x/y\n", "/x is a file and a folder"), (f"file rootfs.txt /{'x' * 120}\n", "x: name is too long"), ("package dash ''\n", "a line is"),
])
def test_recipes_that_are_none(make, recipe, complaint):
    result, path = make(recipe)
    assert result.returncode == 1 and complaint in result.stderr and result.stderr.count("\n") == 1 and not path.exists()


def test_python_is_compiled_for_the_interpreter_that_runs_it(make, tmp_path):
    (tmp_path / "agent.py").write_text("NAMES = {'b', 'a', 'c'}\nprint('x' in NAMES)\n")
    recipe = "file agent.py /app/agent.py\ncompile /usr/bin/python3.11\n"
    one, other = make(recipe, name="one.tar")[1], make(recipe, name="other.tar")[1]
    assert one.read_bytes() == other.read_bytes() and "app/__pycache__/agent.cpython-311.pyc" in entries(one)
    with tarfile.open(one) as archive:
        cached = archive.extractfile("app/__pycache__/agent.cpython-311.pyc").read()
    assert cached[4:8] == b"\1\0\0\0"  # by hash, and not looked at again: PEP 552
    (tmp_path / "agent.py").write_text("def\n")
    result, _ = make(recipe)
    assert result.returncode == 1 and "does not compile them" in result.stderr and result.stderr.count("\n") == 1


def test_packages_are_told_of_those_that_went_into_it(make):
    result, _ = make("file rootfs.txt /x\n", "--packages")
    assert result.returncode == 0 and result.stdout == ""


def test_unwanted_files_are_left_out(make):
    result, path = make("package dash /usr/share/doc/dash/* !*copyright\n")
    assert result.returncode == 0 and "usr/share/doc/dash" in entries(path) and "usr/share/doc/dash/copyright" not in entries(path)


def test_the_interpreter_brings_no_more_than_it_needs():
    """What the de-identifier's image holds: no network, no processes, no compiler of Python's library."""
    found = entries(ROOT / "build" / "agents" / "deidentify.tar")
    assert "usr/bin/python3.11" in found and "usr/lib/python3/dist-packages/dateutil/parser/_parser.py" in found
    assert not {name for name in found if any(part in name for part in ("socket", "subprocess", "ssl", "ctypes", "multiprocessing", "test"))}
