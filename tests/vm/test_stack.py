"""The whole main job in two virtual machines: what boots is what was measured, and a run goes through as it does in the simulation."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re

import cbor2
import pytest

import harness
import pb
import sst1
import orchestra
import pages
import unsigned
from harness import ROOT
from stack import EXPECTED, LETTERS, letter_text

PROOFS = ("confidentiality", "attestation", "integrity")
ROLES = {"intake": 1, "adjudicate": 2}


@pytest.fixture(scope="module")
def run(vm_stack):
    return vm_stack.run(unsigned.LETTER).json()["workflow_id"]


def family(pid):
    """A process and those that it started."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def programs(pid):
    """{name of the program: pid} of a process and those that it started."""
    return {pathlib.Path(f"/proc/{one}/comm").read_text().strip(): one for one in family(pid)}


def test_a_letter_is_decided_as_it_is_anywhere(vm_stack):
    decision = vm_stack.decision(vm_stack.run(LETTERS / "01-water-approve.txt"))
    expected = json.loads((EXPECTED / "01-water-approve.expected.json").read_text())
    assert decision["decision"] == expected["decision"] and [r["rule"] for r in decision["reasons"]] == expected["rules"]


def test_the_three_proofs_hold_and_say_what_they_rest_on(vm_stack, run):
    proven = vm_stack.cmaw("verify", run, unsigned.SWITCH, "--json").json()
    assert [proven[name]["verdict"] for name in PROOFS] == ["pass"] * 3 and proven["pass"]
    assert proven["unsigned_documents"] == 2 and proven["attestation"]["unsigned_uses"] >= 4


@pytest.mark.parametrize("name", unsigned.VERBS)
def test_a_verb_takes_no_document_of_the_machine_without_the_switch(vm_stack, run, tmp_path, name):
    unsigned.check(vm_stack, name, run, tmp_path)


@pytest.mark.parametrize("role", ROLES)
def test_the_machine_measured_what_the_image_is(vm_stack, role):
    """The registers of the document, which QEMU and /init made, are those that cmaw-image, the launcher's words and the manifest give."""
    bundle = pb.decode("Bundle", (vm_stack.dir / "bundle.bin").read_bytes())
    key = next(k for k in bundle["roles"] if k["role"] == ROLES[role])
    pcrs = cbor2.loads(cbor2.loads(key["ak_doc"])[2])["pcrs"]
    image = json.loads(harness.run(harness.program("cmaw-image"), "describe", vm_stack.dir / "images" / f"{role}.eif").stdout)["Measurements"]
    assert [pcrs[n].hex() for n in (0, 1, 2)] == [image[f"PCR{n}"] for n in (0, 1, 2)]
    assert pcrs[3] == hashlib.sha384(bytes(48) + harness.PARENT.encode()).digest()
    assert pcrs[16] == sst1.pcr16(sst1.Manifest(bundle["manifest"]).mh, ROLES[role])
    assert sorted(pcrs) == list(range(17))


def test_runs_go_on_side_by_side(vm_stack, tmp_path):
    letters = {}
    for index in range(2):
        text, payable = letter_text(index, f"side-by-side-{index}")
        letters[index] = (tmp_path / f"{index}.txt", payable)
        letters[index][0].write_text(text)
    with concurrent.futures.ThreadPoolExecutor(len(letters)) as pool:
        results = {index: pool.submit(vm_stack.run, path) for index, (path, _) in letters.items()}
    for index, (_, payable) in letters.items():
        assert vm_stack.decision(results[index].result())["payable"]["minor"] == payable


def test_a_machine_that_dies_comes_back_and_is_configured_again(vm_stack):
    launcher = vm_stack.pid("enclave-intake")
    parts = programs(launcher)
    vm_stack.kill(parts["qemu-system-x86"])
    vm_stack.back("enclave-intake", launcher)
    assert all(not family(pid) for pid in parts.values())
    assert vm_stack.run(unsigned.LETTER).status == 0


def test_the_page_works_as_it_stands(tmp_path):
    rustup = os.environ.get("RUSTUP_HOME", str(pathlib.Path.home() / ".rustup"))  # scripts/vm asks which Rust there is
    environment = pages.environment_of(tmp_path, RUSTUP_HOME=rustup)
    try:
        pages.run("docs/virtual-machine.md", tmp_path, environment, cwd=ROOT)
    finally:
        harness.run(harness.program("cmaw"), "down", env=environment, check=False, timeout=120)


def test_the_demonstration_shows_three_proofs_and_what_the_machines_cost(tmp_path):
    shown = harness.run(ROOT / "scripts" / "demo-vm", timeout=600, env={**os.environ, "CMAW_DEMO_DIR": str(tmp_path), "CMAW_TEMPORAL": str(orchestra.temporal_program())})
    assert len(re.findall(r"^PASS (?:confidentiality|attestation|integrity):", shown.stdout.split("== in short")[-1], re.M)) >= 3
    assert re.search(r"^adjudicate .* MiB .* ms +\d+ ms$", shown.stdout, re.M)


def test_down_leaves_no_process_and_up_goes_on_with_the_keys(vm_stack, run):
    """Last: a stack that is started again knows its tier."""
    running = [pid for pid in vm_stack.processes().values() for pid in family(pid)]
    assert len(running) > len(vm_stack.processes())
    vm_stack.down()
    assert [pid for pid in running if family(pid)] == []
    again = vm_stack.cmaw("up", timeout=600)
    assert again.status == 0 and "attestation documents nobody signs" in again.err
    assert vm_stack.run(unsigned.LETTER).status == 0 and vm_stack.cmaw("open", run, unsigned.SWITCH).status == 0
