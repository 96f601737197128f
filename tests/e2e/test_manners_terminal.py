"""What a person sees of a run and of the tables, at a real pseudo-terminal (issue 5, item 2)."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

import harness
from stack import CLAIM, LETTERS, Result
from terminal import assert_fits, terminal

LETTER = LETTERS / "01-water-approve.txt"
LONG = ("abcd-" * 13)[:64]  # the longest name there is, and no word that another run's proof of confidentiality looks for
SGR = re.compile(rb"\x1b\[[0-9;]*m")


def at_terminal(stack, *arguments, env=None, **more):
    colour = {key: value for key, value in stack.env.items() if key != "NO_COLOR"}
    return terminal([harness.program("cmaw"), *arguments], {**colour, "TERM": "xterm-256color", **(env or {})}, **more)


@contextlib.contextmanager
def halted(stack):
    """While the worker stands still, a run goes on only as far as Temporal."""
    worker = stack.pid("worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        yield lambda: os.kill(worker, signal.SIGCONT)
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.fixture
def long_names(tmp_path):
    """A workflow whose names are as long as they may be."""
    assert len(LONG) == 64
    path = tmp_path / "long.yaml"
    path.write_text(CLAIM.read_text().replace("name: claim\nsteps", f"name: {LONG}\nsteps")
                    .replace("{name: intake,", f"{{name: {LONG},").replace("to: intake", f"to: {LONG}").replace("from: intake", f"from: {LONG}"))
    return path


def row(lines, name):
    found = [line.split() for line in lines if line.split()[:1] == [name]]
    assert found, lines
    return found[-1]


def test_each_step_is_shown_live(stack, tmp_path):
    with halted(stack) as go_on, at_terminal(stack, "run", CLAIM, LETTER, "--output", tmp_path / "out") as screen:
        screen.wait_for("no worker answers")
        assert row(screen.shown(), "intake") == ["intake", "intake", "pending"]
        go_on()
        assert screen.end() == 0
    for step in ("intake", "adjudicate"):
        shown = row(screen.shown(), step)
        assert shown[:4] == [step, step, "done", "1"] and (shown[4].isdigit() or "." in shown[4]), shown
        assert shown[6:8] == ["4", "KiB"] and re.fullmatch(r"enc[0-9a-f]{16}", shown[8]), shown
    assert "no worker" not in "\n".join(screen.shown()), screen.shown()
    assert [line.split()[0] for line in screen.shown() if line] == ["STEP", "intake", "adjudicate"]  # drawn over, not below one another
    assert SGR.search(screen.raw)
    assert "decision" in json.loads((tmp_path / "out").read_text())


def test_a_step_that_runs_has_a_time_that_goes_on(stack, tmp_path):
    """The enclave stands still: the step is handed out and the seconds are counted."""
    enclave = stack.pid("enclave-intake")
    children = [int(pid) for task in pathlib.Path(f"/proc/{enclave}/task").iterdir() for pid in (task / "children").read_text().split()]
    assert children
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        with at_terminal(stack, "run", CLAIM, LETTER, "--output", tmp_path / "out") as screen:
            times = set()
            def counting(terminal):
                times.update(re.findall(r"running +1 +(\d+\.\d) s", "\n".join(terminal.shown())))
                return len(times) >= 3
            screen.wait_for(counting)
            for pid in children:
                os.kill(pid, signal.SIGCONT)
            assert screen.end() == 0
    finally:
        for pid in children:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_long_names_are_cut_not_wrapped(stack, long_names, tmp_path, columns):
    with at_terminal(stack, "run", long_names, LETTER, "--output", tmp_path / "out", columns=columns) as screen:
        assert screen.end() == 0
    assert_fits(screen.text(), columns - 1)
    assert any("…" in line and "done" in line for line in screen.shown()) or columns == 20, screen.shown()


@pytest.mark.parametrize("before,after", [(120, 50), (50, 120)], ids=["narrower", "wider"])
def test_a_terminal_that_changes_its_size(stack, long_names, tmp_path, before, after):
    command = ["sh", "-c", 'echo before; exec "$@"', "sh", harness.program("cmaw"), "run", long_names, LETTER, "--output", tmp_path / "out"]
    with halted(stack) as go_on, terminal(command, {**stack.env, "TERM": "xterm"}, columns=before) as screen:
        screen.wait_for("pending")
        size, old = len(screen.raw), [line for line in screen.shown() if line]
        screen.resize(after)
        screen.wait_for(lambda t: len(t.raw) > size and "pending" in t.text(size)[-2] if len(t.text(size)) > 1 else False)
        go_on()
        assert screen.end() == 0
    assert screen.shown()[0] == "before"
    rows = "".join(screen.screen.display)
    if after < before:
        assert all(line in rows for line in old), screen.shown()  # nobody knows where it began: it was left alone
    else:
        assert rows.count("STEP") == 1, screen.shown()
    frames = [line for line in screen.text(size) if line.strip()]
    # a frame that was under way when the size changed is of the old size
    assert_fits(frames[4:], after - 1)
    assert sum(" done " in line for line in screen.shown()) == 2, screen.shown()


@pytest.mark.parametrize("env,escapes", [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False), ({"TERM": ""}, False)],
                         ids=["NO_COLOR", "dumb", "no-TERM"])
def test_no_colour_where_none_is_wanted(stack, tmp_path, env, escapes):
    with at_terminal(stack, "run", CLAIM, LETTER, "--output", tmp_path / "out", env=env) as screen:
        assert screen.end() == 0
    assert not SGR.search(screen.raw) and (b"\x1b" in screen.raw) == escapes, screen.raw
    if not escapes:
        assert "cmaw: step intake: running in role intake, attempt 1" in screen.text()


def test_plain_lines_without_a_terminal(stack):
    """The result alone is on standard output."""
    ran = stack.run(LETTER)
    assert "decision" in stack.decision(ran)
    said = ran.err.splitlines()
    assert "\x1b" not in ran.err and all(line.startswith("cmaw: step ") for line in said), ran.err
    for step in ("intake", "adjudicate"):
        assert f"cmaw: step {step}: running in role {step}, attempt 1" in said
        done = [line for line in said if line.startswith(f"cmaw: step {step}: done by enclave enc")]
        assert len(done) == 1 and re.search(rf"of role {step}, attempt 1, in \d+(\.\d)? m?s, state 4 KiB$", done[0]), said


def test_ctrl_c_leaves_the_run_going(stack):
    with halted(stack), at_terminal(stack, "run", CLAIM, LETTER) as screen:
        screen.wait_for("pending")
        screen.type("\x03")
        assert screen.end() == 3
        assert "cmaw: the run goes on" in screen.shown(), screen.shown()
        hint = re.search(r"hint: (cmaw wait cmaw-[0-9a-f]{40})", "".join(screen.shown()))
        assert hint, screen.shown()
    waited = stack.cmaw(*hint[1].split()[1:], "--json")
    assert waited.json()["status"] == "completed"


def test_list_fits_eighty_columns(stack, long_names):
    run = stack.cmaw("run", long_names, LETTER, "--json").json()
    with at_terminal(stack, "list") as screen:
        assert screen.end() == 0
    assert_fits(screen.text(), 80)
    shown = row(screen.text(), run["run_id"][:12])
    assert shown[1] == "completed" and shown[3].startswith(LONG[:9]) and shown[3].endswith("…"), shown
    assert LONG in stack.cmaw("list").out  # in full where no terminal cuts it
    assert stack.cmaw("wait", shown[0]).status == 0  # what the table shows names the run


def test_status_fits_eighty_columns(stack, tmp_path):
    state = json.loads((stack.dir / "stack.json").read_text())
    state["processes"][-1]["name"] = f"enclave-{LONG}"
    (tmp_path / "stack.json").write_text(json.dumps(state))
    with at_terminal(stack, "status", "--dir", tmp_path) as screen:
        assert screen.end() == 0
    table = screen.text()[3:]
    assert table[0].split() == ["PROCESS", "STATE", "PID", "RESTARTS", "WHERE"]
    assert_fits(table[:len(state["processes"]) + 1], 80)
    assert any(line.startswith(f"enclave-{LONG[:6]}") and "…" in line and "ready" in line for line in table), table
    whole = Result(subprocess.run([harness.program("cmaw"), "status", "--dir", tmp_path], capture_output=True, text=True, env=stack.env))
    assert f"enclave-{LONG} " in whole.out
