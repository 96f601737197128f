"""Unsigned documents without a virtual machine: a stack of tier qemu whose programs are told to simulate it, with an emulated module that signs
nothing and an /init that takes that. Refused wherever a document is verified, unless that very command line has the switch."""
import hashlib
import json
import shutil

import pytest

import codec
import eif
import harness
import unsigned
from stack import LETTERS, Stack
from unsigned import LETTER, SWITCH

WRAPPERS = {
    # documents as QEMU's machine gives them
    "cmaw-devd": 'verb=$1; shift; [ "$verb" = serve ] && set -- --give-unsigned-qemu-documents "$@"; exec {program} "$verb" "$@"',
    # the simulation for the machine
    "cmaw-launch": 'for word; do shift; case $word in qemu) word=sim ;; --vm) word=--nsm ;; {machine}) word=$CMAW_DIR/devd/nsm.sock ;; esac; '
                   'case ${{skip:-}}$word in --memory) skip=1 ;; 1*) skip= ;; *) set -- "$@" "$word" ;; esac; done; exec {program} "$@"',
}
OTHER_KERNEL = bytes(0x202) + b"HdrS"  # what cmaw-image takes for one, and not the pinned one


def pretend(folder):
    """(folder of programs, folder of the machine): what makes tier qemu one of this host's namespaces."""
    machine, programs = folder / "machine", folder / "programs"
    for path in (machine, programs):
        path.mkdir(parents=True)
    for name in ("qemu-system-x86_64", "vhost-device-vsock"):
        (machine / name).touch()
    (machine / "bzImage").write_bytes(OTHER_KERNEL)
    for name, text in WRAPPERS.items():
        path = programs / name
        path.write_text("#!/bin/sh\n" + text.format(program=harness.program(name), machine=machine) + "\n")
        path.chmod(0o755)
    shutil.copy(harness.program("init-unsigned"), programs / "init-vm")
    return programs, machine


def with_programs(stack, programs):
    stack.env["CMAW_BIN"] = ":".join(filter(None, [str(programs), stack.env.get("CMAW_BIN")]))
    return stack


@pytest.fixture(scope="module")
def pretended(folder):
    return pretend(folder / "unsigned")


@pytest.fixture(scope="module")
def stack(folder, pretended):
    programs, machine = pretended
    running = with_programs(Stack(folder / "unsigned" / "stack", up=("--tier", "qemu", "--vm", machine), switches=(SWITCH,)), programs)
    try:
        yield running.up().trust()
    finally:
        running.down()


@pytest.fixture(scope="module")
def run(stack):
    return stack.run(LETTER).json()["workflow_id"]


@pytest.mark.parametrize("name", unsigned.VERBS)
def test_a_verb_takes_none_without_the_switch_and_says_so_with_it(stack, run, tmp_path, name):
    unsigned.check(stack, name, run, tmp_path)


def test_the_proofs_hold_and_say_what_they_rest_on(stack, run, tmp_path):
    page = tmp_path / "run.html"
    proven = stack.cmaw("verify", run, SWITCH, "--json", "--report", page).json()
    assert proven["pass"] and proven["unsigned_documents"] == proven["integrity"]["unsigned_documents"] == 2
    assert proven["attestation"]["unsigned_uses"] == sum(key["decrypts"] + key["generates"] for key in proven["attestation"]["keys"]) >= 4
    assert "unsigned QEMU documents accepted" in proven["attestation"]["summary"]
    assert "INSECURE" in page.read_text() and f"--manifest-hash {proven['manifest']} {SWITCH}" in page.read_text()


def test_a_run_that_does_not_verify_says_that_the_switch_was_given(stack, run, tmp_path):
    page = tmp_path / "run.html"
    run_id = next(entry["run_id"] for entry in stack.cmaw("list", "--json").json() if entry["workflow_id"] == run)
    with stack.damaged(run_id):
        told, text = (stack.cmaw("verify", run, SWITCH, "--report", page, *words) for words in (["--json"], []))
    assert told.status == text.status == 1
    assert json.loads(told.out)["unsigned_documents"] is None
    assert "INSECURE" in text.out and "INSECURE" in page.read_text()
    cut = tmp_path / "cut.evidence"
    cut.write_bytes(unsigned.evidence(stack, run, tmp_path).read_bytes()[:-1])
    for words, says in ((["--json"], '"unsigned_documents": null'), ([], "INSECURE")):
        refused = stack.program("cmaw-verify", cut, "--manifest-hash", unsigned.manifest_hash(stack), SWITCH, *words)
        assert refused.status == 1 and says in refused.out


def test_the_codec_shows_a_result_only_with_the_switch(stack, run, tmp_path):
    payloads = codec.payloads_of(stack, run)
    for words, opened in ((), False), ((SWITCH,), True):
        server = codec.Codec(stack, tmp_path / f"codec{len(words)}", *words)
        shown = codec.shown(server.decode(payloads["RunResult"])[0])
        server.stop()
        assert (shown is not None) == opened
        assert not opened or all(step["receipt"]["unsigned"] is True for step in shown["steps"])


def test_what_an_agent_left_is_read_only_with_the_switch(stack):
    """A failed step has a document of its own, which is verified before its words are shown."""
    failed = stack.cmaw("run", unsigned.CLAIM, LETTERS / "11-not-text-failed.bin", SWITCH)
    assert failed.status == 1 and "what the agent of step" in failed.err
    assert json.loads(stack.cmaw("open", "last", SWITCH, "--json").out)["unsigned_documents"] == 2
    again = stack.cmaw("open", "last")
    assert again.status == 1 and "what the agent of step" not in again.err and unsigned.SAYS_REFUSED in again.err


def test_a_stack_takes_the_kernel_of_its_machine_and_says_which(stack, pretended):
    kernel = pretended[1] / "bzImage"
    said = [line for line in stack.up_said.splitlines() if line.startswith(f"cmaw-image: {kernel} is not the pinned kernel ")]
    assert len(said) == len(eifs := list((stack.dir / "images").glob("*.eif"))) == 2
    assert all(line.endswith(hashlib.sha384(OTHER_KERNEL).hexdigest()) for line in said)
    assert all(dict(eif.read(path.read_bytes()))[eif.KERNEL] == OTHER_KERNEL for path in eifs)


def test_a_stack_says_what_it_is(stack, pretended):
    up = stack.cmaw("up")
    assert up.status == 0 and "WARNING" in up.err and "attestation documents nobody signs" in up.err
    status = stack.cmaw("status")
    assert "tier qemu: virtual machines whose attestation documents nobody signs" in status.out
    said = stack.cmaw("status", "--json").json()
    assert (said["tier"], said["simulation"], said["memory_mib"]) == ("qemu", False, 96)


@pytest.mark.parametrize("words, text", [
    (["--tier", "sim"], "was made otherwise: tier qemu"), (["--memory", "128"], "was made otherwise: tier qemu"), (["--memory", "1"], "takes MiB from"),
    (["--tier", "nitro"], "--tier is sim or qemu"), (["--tier", "sim", "--memory", "128"], "are for --tier qemu"), (["--vm", "/nowhere"], "not in /nowhere"),
])
def test_a_stack_keeps_its_tier(stack, words, text):
    refused = stack.cmaw("up", *words)
    assert refused.status in (1, 2) and text in refused.err, refused.err


def test_births_without_signatures_are_none_in_the_other_tier(folder, pretended):
    """An emulator that takes such documents, and enclaves that give them: the stack itself does not."""
    programs, _ = pretended
    lax = folder / "unsigned" / "lax"
    lax.mkdir()
    (lax / "cmaw-devd").write_text((programs / "cmaw-devd").read_text().replace("set -- ", "set -- --accept-unsigned-qemu-documents "))
    (lax / "cmaw-devd").chmod(0o755)
    shutil.copy(programs / "init-vm", lax / "init-sim")
    other = with_programs(Stack(folder / "unsigned" / "other"), lax)
    refused = other.cmaw("up", timeout=300)
    other.cmaw("down")
    assert refused.status == 1 and "what the enclaves gave does not verify" in refused.err and unsigned.SAYS_REFUSED in refused.err


def test_without_a_machine_one_line_says_what_to_do(tmp_path):
    bare = Stack(tmp_path)
    bare.env.pop("CMAW_VM", None)
    bare.cmaw("up", "--tier", "qemu").assert_one_line_error("neither --vm nor CMAW_VM names one", "hint: make vm")
    bare.cmaw("up", "--tier", "qemu", env={"CMAW_VM": str(tmp_path)}).assert_one_line_error("qemu-system-x86_64, which is not in", "hint: make vm")
