"""What was built keeps the promises of ARCHITECTURE.md: hardening, and no code on the wrong side of the trust line."""
import os
import pathlib
import re
import subprocess

import pytest

BUILD = pathlib.Path(__file__).resolve().parent.parent.parent / "build"
PROGRAMS = {
    "init": "enclave/init", "init-vm": "enclave/init-vm", "init-sim": "enclave/init-sim", "cmaw-worker": "host/worker/cmaw-worker", "cmaw-proxy": "host/proxy/cmaw-proxy",
    "cmaw-launch": "host/launch/cmaw-launch", "cmaw-image": "image/cmaw-image", "cmaw": "client/cmaw", "cmaw-verify": "client/cmaw-verify",
    "cmaw-devd": "dev/cmaw-devd", "intake": "agents/intake", "adjudicate": "agents/adjudicate",
}
SYMBOLS = {"init": "enclave/init-symbols", "init-vm": "enclave/init-vm-symbols"}  # of what is stripped
OPENERS = {"cmaw_state_open", "cmaw_grant_open", "cmaw_seal_open", "cmaw_step_open"}


def readelf(program, *flags):
    return subprocess.run(["readelf", "-W", *flags, BUILD / PROGRAMS[program]], capture_output=True, text=True, check=True).stdout


def functions(program):
    return set(symbols(program))


def symbols(program):
    """Name -> address."""
    path = BUILD / SYMBOLS.get(program, PROGRAMS[program])
    out = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in out.splitlines()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_hardening(program):
    header, segments, dynamic = readelf(program, "-h"), readelf(program, "-l"), readelf(program, "-d")
    assert re.search(r"Type:\s+DYN", header), "not a position-independent executable"
    assert "GNU_RELRO" in segments
    assert re.search(r"BIND_NOW|Flags:.*\bNOW\b", dynamic), "not full RELRO"
    stack = re.search(r"GNU_STACK.*?(RWE|RW |R E)", segments)
    assert stack and stack.group(1).strip() == "RW"
    assert not re.search(r"LOAD.*\bRWE\b", segments), "a segment is writable and executable"


@pytest.mark.parametrize("program", ["init", "init-vm", "init-sim", "cmaw-verify", "intake", "adjudicate"])
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


def number(program, symbol):
    """The number behind the symbol, read from the segment that holds it."""
    address = symbols(program).get(symbol)
    if address is None:
        return None
    for line in readelf(program, "-l").splitlines():
        segment = re.match(r"\s+LOAD\s+0x(\w+) 0x(\w+) 0x\w+ 0x(\w+)", line)
        if segment:
            offset, start, size = (int(group, 16) for group in segment.groups())
            if start <= address < start + size:
                at = offset + address - start
                return int.from_bytes((BUILD / PROGRAMS[program]).read_bytes()[at:at + 4], "little")
    raise AssertionError("the symbol is in no segment")


@pytest.mark.parametrize("program", ["init", "init-vm"])
def test_a_release_enclave_has_no_simulation_code(program):
    names = functions(program)
    assert not [name for name in names if re.search(r"(^|_)sim(_|$)|simulat", name) and name.startswith("cmaw")]
    assert [name for name in functions("init-sim") if re.search(r"(^|_)sim(_|$)", name)], "the simulation build has lost its marker"
    assert b"/dev/nsm" in (BUILD / PROGRAMS[program]).read_bytes()


def test_each_init_knows_its_own_host_only():
    assert [number(program, "cmaw_host_cid") for program in ("init", "init-vm", "init-sim")] == [3, 2, None]
    assert [number(program, "cmaw_platform_clock_renew_s") for program in ("init", "init-vm", "init-sim")] == [3600, 60, 3600]
    # one source file makes the difference, and no program has the other's
    def sources(program):
        out = subprocess.run(["nm", "-a", BUILD / SYMBOLS[program]], capture_output=True, text=True, check=True).stdout
        return {line.split()[-1] for line in out.splitlines()} & {"host_nitro.c", "host_vm.c"}
    assert (sources("init"), sources("init-vm")) == ({"host_nitro.c"}, {"host_vm.c"})


@pytest.mark.parametrize("program", SYMBOLS)
def test_what_is_measured_is_what_has_the_symbols(program, tmp_path):
    subprocess.run(["objcopy", "--strip-all", BUILD / SYMBOLS[program], tmp_path / "stripped"], check=True)
    assert (tmp_path / "stripped").read_bytes() == (BUILD / PROGRAMS[program]).read_bytes()


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
