"""Every fuzz target over its seeds and then over new inputs for CMAW_FUZZ_SECONDS (5): this finds what a change broke at once; `make fuzz`
takes longer and finds more. And what runs them: it must not miss a fault, touch the seeds, or leave anything behind."""
import concurrent.futures
import hashlib
import os
import signal
import subprocess
import sys

import pytest

import fuzz

SECONDS = int(os.environ.get("CMAW_FUZZ_SECONDS", "5"))


@pytest.fixture(scope="session")
def results(request):
    """All that were asked for, begun together; each test awaits its own."""
    asked = [item.callspec.params["name"] for item in request.session.items if item.originalname == "test_fuzz"]
    runner = fuzz.Runner(SECONDS, seed=1)  # what fails can be made again; make fuzz has other choices each time
    pool = concurrent.futures.ThreadPoolExecutor(fuzz.JOBS)
    yield {name: pool.submit(runner.run, name) for name in asked}
    runner.end()
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", fuzz.names())
def test_fuzz(results, name):
    result = results[name].result()
    assert not result.fault, result.line()
    assert result.runs > len(list((fuzz.HERE / "corpus" / name).glob("*")))  # more than its seeds


def run(*arguments):
    return subprocess.run([sys.executable, fuzz.HERE / "fuzz.py", *arguments], capture_output=True, text=True, timeout=300)


def test_a_fault_is_found_and_its_input_kept():
    done = run("--seconds", "8", "broken", "cbor")
    assert done.returncode == 1 and "1 passed, 1 failed" in done.stdout, done.stdout + done.stderr
    kept = fuzz.pathlib.Path(done.stdout.split("FAILED  broken, input kept in ")[1].splitlines()[0])
    assert kept.read_bytes().startswith(b"!")
    again = subprocess.run([fuzz.BUILD / "tests" / "fuzz" / "broken_fuzz", kept], capture_output=True, timeout=180)
    assert again.returncode != 0  # it is the input that does it
    kept.unlink()


def test_a_target_that_is_not_built_fails():
    done = run("--seconds", "1", "missing")
    assert done.returncode == 1 and "missing_fuzz is not built" in done.stdout and "0 passed, 1 failed" in done.stdout


def seeds():
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in (fuzz.HERE / "corpus").rglob("*") if path.is_file()}


def test_the_seeds_stay_as_they_are():
    before = seeds()
    assert run("--seconds", "1", "cbor", "http").returncode == 0
    assert len(before) > 20 and seeds() == before


def fuzzers_in(folder):
    """Processes that work in this folder of found inputs."""
    return [entry.name for entry in fuzz.pathlib.Path("/proc").iterdir()
            if entry.name.isdigit() and str(folder).encode() in read(entry / "cmdline")]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("ignored", [False, True], ids=["", "in-background"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_early_it_leaves_nothing_behind(tmp_path, number, ignored):
    runner = subprocess.Popen([sys.executable, fuzz.HERE / "fuzz.py", "--seconds", "600", "cbor", "http", "cms"], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "TMPDIR": str(tmp_path)},
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL))
    try:
        while len(fuzzers_in(tmp_path)) < fuzz.JOBS:
            assert runner.poll() is None
        runner.send_signal(number)
        said = runner.communicate(timeout=180)[0]
    finally:
        runner.kill()
        left = fuzzers_in(tmp_path)
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
    assert runner.returncode == 130 and "cms …" not in said
    assert left == [] and list(tmp_path.iterdir()) == []
