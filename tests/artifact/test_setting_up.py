"""The scripts that set a machine up: on one that has nothing, next to another run, and when they are interrupted."""
import contextlib
import os
import pathlib
import pty
import re
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = [line for line in (ROOT / "scripts" / "packages-debian.txt").read_text().splitlines() if not line.startswith("#")]


def program(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(name="machine")
def fixture_machine(tmp_path):
    """A machine whose dpkg knows no package, and whose apt-get writes down what it is asked for."""
    for name, text in {"dpkg-query": "exit 1", "apt-get": f'echo "$@" >>"{tmp_path}/asked"; exit ${{APT_ENDS:-0}}', "sudo": 'exec "$@"'}.items():
        program(tmp_path, name, text)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CMAW_CACHE": str(tmp_path / "cache")}


def script(tmp_path, text):
    """A script of the folder scripts/, which does what the text says."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "common.sh").write_text((ROOT / "scripts" / "common.sh").read_text())
    return program(tmp_path / "scripts", "made", f'. "$(dirname "$0")/common.sh"\n{text}')


def run(env, *command):
    return subprocess.run(command, env=env, capture_output=True, text=True)


def test_a_machine_without_any_package_is_asked_for_all(tmp_path, machine):
    done = run(machine, ROOT / "scripts" / "deps")
    assert done.returncode == 0, done.stderr
    update, install = (tmp_path / "asked").read_text().splitlines()
    assert update.split()[-1] == "update" and install.split()[-len(PACKAGES):] == PACKAGES


def test_packages_that_cannot_be_installed_are_an_error_with_the_log(tmp_path, machine):
    failed = run({**machine, "APT_ENDS": "100"}, ROOT / "scripts" / "deps")
    assert failed.returncode == 1 and "cmaw: package lists failed after " in failed.stderr
    assert f"hint: the whole output is in {tmp_path}/cache/logs/" in failed.stderr


def test_a_step_ends_with_the_first_command_that_fails(tmp_path, machine):
    made = run(machine, script(tmp_path, 'body() { false; touch "$cache/after"; }\nstep label body'))
    assert made.returncode == 1 and "cmaw: label failed after " in made.stderr and not (tmp_path / "cache" / "after").exists()


def test_an_interrupt_ends_a_step_and_what_it_started(tmp_path, machine):
    """As a terminal does it: the signal goes to everything in the foreground."""
    made = script(tmp_path, f'mkfifo "{tmp_path}/held"\nbody() {{ sh -c \'echo up >"{tmp_path}/held"; exec sleep 600\'; }}\nstep label body')
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(made, [made], machine)
    while not (tmp_path / "held").exists():
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    with open(tmp_path / "held", encoding="ascii") as held:
        assert held.readline() == "up\n"
    os.write(terminal, b"\x03")
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGINT
    os.close(terminal)


@contextlib.contextmanager
def locked(path):
    """Another run, which has the lock until the block ends."""
    with subprocess.Popen(["flock", path, "sh", "-c", "echo held; read end"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("\n")


def test_a_second_run_says_that_it_waits_for_the_first(tmp_path, machine):
    made = script(tmp_path, "alone thing\necho in")
    (tmp_path / "cache").mkdir()
    with locked(tmp_path / "cache" / "thing.lock"):
        second = subprocess.Popen([made], env=machine, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stderr.readline() == "  … thing: another run is at it\n" and second.poll() is None
    assert second.communicate()[0] == "in\n" and second.returncode == 0


def test_a_second_demonstration_leaves_the_first_alone(tmp_path, machine):
    demo = tmp_path / "demo"
    demo.mkdir()
    (demo / "decision.json").write_text("the first one's")
    with locked(demo):
        second = run({**machine, "CMAW_DEMO_DIR": str(demo), "CMAW_TEMPORAL": "/bin/true"}, ROOT / "scripts" / "demo")
    assert second.returncode == 1 and second.stderr.startswith(f"cmaw: another demonstration runs in {demo}\n")
    assert (demo / "decision.json").read_text() == "the first one's"


def test_a_module_of_another_content_is_not_built(tmp_path, machine):
    program(tmp_path, "go", f'echo "$@" >>"{tmp_path}/asked"\nprintf "{{\\n\\t\\"Sum\\": \\"h1:theirs=\\",\\n\\t\\"GoModSum\\": \\"h1:mine=\\"\\n}}\\n"')
    call = 'step label go_program example.org/m v1.0.0 h1:{}= name "$cache/new"'
    refused = run(machine, script(tmp_path, call.format("mine")))
    assert refused.returncode == 1 and "the content of example.org/m v1.0.0 is h1:theirs=, not h1:mine=" in refused.stderr
    assert (tmp_path / "asked").read_text().splitlines() == ["mod download -json example.org/m@v1.0.0"]
    program(tmp_path / "scripts", "made", f'. "$(dirname "$0")/common.sh"\n{call.format("theirs")}')
    assert run(machine, tmp_path / "scripts" / "made").returncode == 0
    assert (tmp_path / "asked").read_text().splitlines()[-1] == "install example.org/m/cmd/name@v1.0.0"


def test_every_wanted_python_package_is_locked():
    wanted = re.findall(r"^[\w-]+==\S+", (ROOT / "tests" / "requirements.txt").read_text(), re.M)
    locked = (ROOT / "tests" / "requirements.lock").read_text().replace(" \\\n    --hash", " --hash").splitlines()
    assert len(wanted) > 5
    assert all(any(line.startswith(f"{name.lower().replace('_', '-')} --hash=sha256:") for line in locked) for name in wanted)
