"""What was built keeps the promises of ARCHITECTURE.md: hardening, and no code on the wrong side of the trust line."""
import os
import pathlib
import re
import subprocess

import pytest

BUILD = pathlib.Path(__file__).resolve().parent.parent.parent / "build"
PROGRAMS = {
    "init": "enclave/init", "init-sim": "enclave/init-sim", "cmaw-worker": "host/worker/cmaw-worker", "cmaw-proxy": "host/proxy/cmaw-proxy",
    "cmaw-launch": "host/launch/cmaw-launch", "cmaw-image": "image/cmaw-image", "cmaw": "client/cmaw", "cmaw-verify": "client/cmaw-verify",
    "cmaw-devd": "dev/cmaw-devd", "intake": "agents/intake", "adjudicate": "agents/adjudicate",
}
OPENERS = {"cmaw_state_open", "cmaw_grant_open", "cmaw_seal_open", "cmaw_step_open"}


def readelf(program, *flags):
    return subprocess.run(["readelf", "-W", *flags, BUILD / PROGRAMS[program]], capture_output=True, text=True, check=True).stdout


def functions(program):
    out = subprocess.run(["nm", "--defined-only", BUILD / PROGRAMS[program]], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in out.splitlines()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_hardening(program):
    header, segments, dynamic = readelf(program, "-h"), readelf(program, "-l"), readelf(program, "-d")
    assert re.search(r"Type:\s+DYN", header), "not a position-independent executable"
    assert "GNU_RELRO" in segments
    assert re.search(r"BIND_NOW|Flags:.*\bNOW\b", dynamic), "not full RELRO"
    stack = re.search(r"GNU_STACK.*?(RWE|RW |R E)", segments)
    assert stack and stack.group(1).strip() == "RW"
    assert not re.search(r"LOAD.*\bRWE\b", segments), "a segment is writable and executable"


@pytest.mark.parametrize("program", ["init", "init-sim", "cmaw-verify", "intake", "adjudicate"])
def test_static(program):
    assert "INTERP" not in readelf(program, "-l")
    assert "(NEEDED)" not in readelf(program, "-d")


def test_the_verifier_is_small():
    assert (BUILD / PROGRAMS["cmaw-verify"]).stat().st_size < 2 << 20


def test_the_symbols_we_look_for_exist():
    # a test that looks for a name nobody has would pass for ever
    assert OPENERS <= functions("init-sim")


@pytest.mark.parametrize("program", ["cmaw-worker", "cmaw-proxy", "cmaw-launch"])
def test_the_host_cannot_open_anything(program):
    assert OPENERS & functions(program) == set()


def test_a_release_enclave_has_no_simulation_code():
    names = functions("init")
    assert not [name for name in names if re.search(r"(^|_)sim(_|$)|simulat", name) and name.startswith("cmaw")]
    assert [name for name in functions("init-sim") if re.search(r"(^|_)sim(_|$)", name)], "the simulation build has lost its marker"
    assert b"/dev/nsm" in (BUILD / PROGRAMS["init"]).read_bytes()


def test_the_verifier_has_no_network_and_no_threads(tmp_path):
    # libc brings code for sockets along, so what counts is what the kernel lets the process do: while it waits for the
    # writer of a pipe it has given up everything else
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen([BUILD / PROGRAMS["cmaw-verify"], pipe, "--manifest-hash", "00" * 32], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        def status():
            return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":\t" in line)
        while status()["State"][0] != "S":
            assert process.poll() is None
        assert (status()["Seccomp"], status()["NoNewPrivs"], status()["Threads"]) == ("2", "1", "1")
    finally:
        process.kill()
        process.wait()
