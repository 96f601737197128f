"""/init as PID 1 of a machine of its own. One enclave outlives all of it; the few tests that need another boot one."""
import os
import re

import pytest

import bare
import eif
import harness
import machine
import pb
import sst1


def available_after(role):
    """The enclave still serves."""
    assert role.step(b"and on") == ("OK", b"and on")


def test_the_boot_says_what_it_is_and_finds_what_it_needs(limits):
    lines = limits.enclave.lines("boot.")
    memory = re.fullmatch(r"boot\.memory agent_mib=29 agents_mib=(\d+)", lines[0])
    assert memory and 29 <= int(memory[1]) < bare.MEMORY_MIB - 16, lines
    # no word of a generator that is not the NSM's, of missing control groups, or of too little memory
    assert [line.split()[0] for line in lines[1:]] == ["boot.started", "boot.not_isolated"], lines


def test_it_is_measured_as_built_and_says_that_it_is_not_isolated(limits):
    body = limits.enclave.call("describe").body
    assert {n: body[f"pcr{n}"] for n in (0, 1, 2)} == limits.pcrs
    assert body["simulated"] == 1 and body["state"] == 3


def test_the_role_is_locked_in_the_document(limits):
    nonce = os.urandom(32)
    document, _ = sst1.attested(limits.enclave.call("attest", {"nonce": nonce}).body["ak_doc"], limits.deployment.manifest, 1)
    assert document.pcrs[16] == sst1.pcr16(limits.deployment.manifest.mh, 1)
    assert document.nonce == nonce
    assert not any(document.pcrs.get(n, b"") != b"" for n in range(17, 32)), "registers that nobody has locked are in no document"


def test_what_a_step_gives_and_takes(limits):
    content = b"x" * 60
    assert limits.step(content) == ("OK", content)


def test_what_is_allowed_can_be_had(limits):
    """24 MiB and what /tmp and the output would have taken; nothing else counts it."""
    assert limits.step(b"eat 24") == ("OK", b"ate 24 MiB\n")


@pytest.mark.parametrize("mode", ["eat 36", "eat 4000", "eat-in-child 4000"])  # the first would fit into what all agents may take
def test_lack_of_memory_ends_the_agent_and_not_the_enclave(limits, mode):
    before = len(limits.enclave.lines("agent.out_of_memory"))
    for _ in range(2):
        assert limits.step(mode.encode()) == ("AGENT_FAILED", None)
        available_after(limits)
    harness.wait_for(lambda: len(limits.enclave.lines("agent.out_of_memory")) == before + 2, "the lines of both")
    assert limits.enclave.lines("agent.out_of_memory")[-1] == "agent.out_of_memory step=1"


def test_the_owner_reads_why(limits):
    assert limits.words_of_failure(b"eat 36") == b"AGENT_FAILED\ncmaw: ended for taking more memory than the image's limits allow\n"
    assert b"memory" not in limits.words_of_failure(b"die")


def test_another_failure_is_not_called_lack_of_memory(limits):
    before = len(limits.enclave.lines("agent.out_of_memory"))
    assert limits.step(b"die") == ("AGENT_FAILED", None)
    available_after(limits)
    assert len(limits.enclave.lines("agent.out_of_memory")) == before


def test_processes_are_counted(limits):
    code, said = limits.step(b"forks")
    assert code == "OK" and said == b"12 processes\n"
    available_after(limits)


def test_tmp_is_bounded_and_counted_beside_the_memory(limits):
    code, said = limits.step(b"spill")
    full = re.fullmatch(rb"full after (\d+) KiB\n", said or b"")
    assert code == "OK" and full and 3900 <= int(full[1]) <= 4096, said
    available_after(limits)


def test_orphans_are_nobody_s_burden(limits):
    """More of them than there are processes in all, were they left."""
    for _ in range(4):
        assert limits.step(b"orphans") == ("OK", b"orphaned\n")
    available_after(limits)


def test_an_enclave_that_refuses_its_image_ends_by_itself_and_says_why(vm_folder, vm_devd):
    """enclave.conf of another version: the machine restarts, which QEMU takes as the end, with status 0."""
    conf = b"version=2\n"
    data = eif.build(harness.program("init-vm").read_bytes(), conf, vm_devd.tls_ca.read_bytes(), {})
    sections = [(eif.KERNEL, (bare.TOOLS / "bzImage").read_bytes()) if kind == eif.KERNEL else
                (eif.CMDLINE, machine.COMMAND_LINE) if kind == eif.CMDLINE else (kind, value) for kind, value in eif.read(data)]
    folder = vm_folder / "refuses"
    folder.mkdir()
    (folder / "bad.eif").write_bytes(eif.write(sections))
    with machine.listen(folder / "vsock_9000") as heartbeat, machine.listen(folder / "vsock_9001") as logs, \
            machine.running(folder, folder / "bad.eif", bare.MEMORY_MIB) as qemu:
        machine.beat(heartbeat)
        words = logs.accept()[0].makefile().read()
        assert re.search(r" error enclave boot\.conf err=malformed errno=\d+\n", words), words
        assert qemu.wait(machine.WAIT) == 0
        console = qemu.stdout.read()  # of a kernel that may speak; /init does not
        assert "Run /init as init process" in console and "boot." not in console


@pytest.fixture(scope="module")
def watched(vm_folder, limits):
    """A small machine around the same release image, whose console is ours, and whose log port nobody listens on."""
    folder = vm_folder / "watched"
    folder.mkdir()
    with machine.listen(folder / "vsock_9000") as heartbeat, machine.running(folder, limits.eif, SMALL_MIB) as qemu:
        machine.beat(heartbeat)
        yield folder / "vsock", qemu


SMALL_MIB = 48
QUEUE, CONNECTIONS, REFUSED = 64, 64, 150  # enclave/logs.c, enclave/enclave.h, and how often a line is caused


def test_a_host_that_does_not_listen_costs_lines_and_they_are_counted(watched):
    path, _ = watched
    held = [harness.Rpc(path, machine.WAIT) for _ in range(CONNECTIONS)]
    try:
        assert [rpc.call("describe").code for rpc in held] == ["OK"] * CONNECTIONS
        for _ in range(REFUSED):  # each is a line server.busy
            with harness.Rpc(path, machine.WAIT) as rpc:
                frame = rpc.take(int.from_bytes(rpc.take(4), "big"))
                assert harness.Answer(pb.decode("EnclaveResponse", frame)).code == "BUSY"
        dropped = harness.wait_for(lambda: held[0].call("stats").body["log_lines_dropped"], "lines are lost", machine.WAIT)
        assert REFUSED - QUEUE <= dropped <= REFUSED
    finally:
        for rpc in held:
            rpc.socket.close()
    with machine.listen(path.parent / "vsock_9001") as logs:
        with logs.accept()[0] as stream:
            lines = []
            for line in stream.makefile():
                lines.append(line)
                if " logs.dropped " in line:
                    break
    assert len(lines) == QUEUE + 1
    # the image's limits do not fit into so small a machine: it says so, and serves
    short = re.search(r" warn enclave boot\.memory_short missing_mib=(\d+)\n", "".join(lines))
    assert short and 1 <= int(short[1]) < 29
    assert int(re.search(r" logs\.dropped lines=(\d+)\n", lines[-1])[1]) == dropped
    # and what got through is codes and counters
    assert all(re.fullmatch(r"\S+Z (info|warn) enclave (boot\.\w+|server\.busy|logs\.dropped) .*\n", line) for line in lines)


def test_the_console_of_a_release_image_is_silent(watched):
    _, qemu = watched
    qemu.terminate()
    assert qemu.stdout.read() == ""


def test_the_console_of_a_debug_image_has_the_lines_too(vm_folder, vm_devd):
    folder = vm_folder / "debug"
    image, _ = bare.build_image(folder, "debug", vm_devd, harness.program("agent-limits"), options=["--debug"])
    with machine.listen(folder / "vsock_9000") as heartbeat, machine.running(folder, image, bare.MEMORY_MIB) as qemu:
        machine.beat(heartbeat)
        assert any(" enclave boot.started version=" in line for line in qemu.stdout)
