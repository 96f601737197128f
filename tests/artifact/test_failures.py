"""A test that fails says at the very end of the output why, with the last of what was written meanwhile; and no more than is read."""
import os
import pathlib
import sys
import textwrap

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

import failures  # noqa: E402
import run as runner  # noqa: E402


@pytest.fixture
def tally(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "BUILD", tmp_path)
    return runner.Tally()


def shown(tally, capsys):
    capsys.readouterr()
    failures.show(tally.failures)
    return capsys.readouterr().out


def pytest_of(tally, folder, test):
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_text(f"import sys\nsys.path.insert(0, {str(TESTS)!r})\nfrom logs import pytest_runtest_makereport\n")
    (folder / "tests" / "test_sample.py").write_text(textwrap.dedent(test))
    runner.pytest(tally, "sample", folder / "tests", env={**os.environ, "PYTEST_DEBUG_TEMPROOT": str(folder)})


def test_of_pytest(tally, tmp_path, capsys):
    pytest_of(tally, tmp_path, """
        import pytest, sys

        @pytest.fixture
        def broken(tmp_path):
            (tmp_path / "daemon.log").write_text("the daemon's last line\\n")
            print("said by the fixture")
            raise RuntimeError("no world")

        def test_it(tmp_path):
            (tmp_path / "other.log").write_text("".join(f"log line {n}\\n" for n in range(100)))
            print("".join(f"line {n}\\n" for n in range(100)))
            print("on standard error\\x1b[31m", file=sys.stderr)
            value = 6
            assert value == 7, "the reason"

        def test_broken(broken):
            pass

        def test_well(tmp_path):
            print("said by one that is well")

        def test_skipped():
            pytest.skip("not here")
        """)
    assert (tally.passed, tally.failed, tally.skipped) == (1, 2, 1)
    out = shown(tally, capsys)
    first, second = out.split("-- sample: ")[1:]
    for words in ("AssertionError: the reason", "assert 6 == 7", "test_sample.py:15", "line 99", "line 80", "on standard error", "other.log:", "log line 99"):
        assert words in first, words
    assert "RuntimeError: no world" in second and "said by the fixture" in second and "the daemon's last line" in second
    for words in ("line 60\n", "log line 90", "one that is well", "Captured", "\x1b"):
        assert words not in out, words
    assert out.splitlines()[-2:] == ["FAILED   sample: test_sample test_it", "FAILED   sample: test_sample test_broken"]


def test_of_pytest_that_collects_nothing(tally, tmp_path, capsys):
    pytest_of(tally, tmp_path, "import nowhere\n")
    assert tally.failed == 1 and "No module named 'nowhere'" in shown(tally, capsys)


def test_of_programs_that_meson_runs(tally, tmp_path, monkeypatch, capsys):
    source, build = tmp_path / "source", tmp_path / "built"
    source.mkdir()
    (source / "meson.build").write_text(textwrap.dedent("""
        project('sample')
        shell = find_program('sh')
        test('cases', shell, args: ['-c', 'echo 1..2; echo ok 1 - fine; echo "# a.c:7: 6 is not 7"; echo not ok 2 - counts; exit 1'], protocol: 'tap', suite: 'unit')
        test('killed', shell, args: ['-c', 'echo 1..1; echo ok 1 - fine; echo "last words" >&2; kill -9 $$'], protocol: 'tap', suite: 'unit')
        """))
    assert runner.run(["meson", "setup", build, source], tmp_path / "setup.log") == 0, (tmp_path / "setup.log").read_text()
    runner.meson(tally, "sample", build)
    out = shown(tally, capsys)
    assert tally.passed == 2 and "# a.c:7: 6 is not 7" in out and "not ok 2 - counts" in out and "last words" in out and "   ok 1" not in out


def test_it_is_bounded(tally, capsys):
    for number in range(failures.TOLD + 5):
        tally.fail(f"number {number}", failures.end_of("x" * 10_000 + "\n" + "line\n" * 10_000))
    lines = shown(tally, capsys).splitlines()
    assert len([line for line in lines if line.startswith("-- ")]) == failures.TOLD
    assert [line for line in lines if line.startswith("FAILED ")] == [f"FAILED   number {n}" for n in range(failures.TOLD + 5)]
    assert len(lines) <= failures.TOLD * (failures.SAID_LINES + 2) + 5 and len(failures.end_of("x" * 10_000)[0]) == failures.LINE_SIZE
