"""The release /init, whose parent is CID 3: a second machine stands there (parent_guest.c) and passes on what comes to it. QEMU's module signs
nothing, so a release image goes as far as its own first document; what comes after that is shown by the same /init told to take such ones."""
import contextlib
import pathlib
import re

import pytest

import bare
import harness
import machine


@pytest.fixture(scope="module")
def parent_image(tmp_path_factory):
    return machine.build(tmp_path_factory.mktemp("parent"), pathlib.Path(__file__).parent / "parent_guest.c")


@contextlib.contextmanager
def beside_a_parent(folder, parent_image, image):
    """(listener for logs, the enclave's QEMU) once the heartbeat has come by way of CID 3. The host's side of the enclave is folder/parent."""
    folder.mkdir()
    parent, enclave = machine.Guest(folder, "parent", 3), machine.Guest(folder, "enclave", 4)
    with machine.listen(f"{parent.ports}_9000") as heartbeat, machine.listen(f"{parent.ports}_9001") as logs, machine.vsock_of(parent, enclave), \
            machine.booted(parent, parent_image) as relay:
        assert any("parent: ready" in line for line in relay.stdout)
        with machine.booted(enclave, image, bare.MEMORY_MIB) as qemu:
            machine.beat(heartbeat)
            yield logs, qemu


def test_a_release_image_refuses_a_module_that_does_not_sign(vm_folder, vm_devd, parent_image):
    """Unchanged: its heartbeat comes to CID 3, /dev/nsm has given it entropy, and its own document is the end of it. The console is silent."""
    image, _ = bare.build_image(vm_folder / "release", "release", vm_devd, harness.program("agent-limits"), init="init", memory_mib=16)
    with beside_a_parent(vm_folder / "release" / "run", parent_image, image) as (logs, qemu):
        with logs.accept()[0] as stream:
            stream.settimeout(machine.WAIT)
            said = []
            for line in stream.makefile():  # of a machine that is gone no end comes to its neighbour
                said.append(line.split(" enclave ")[1].rstrip())
                if said[-1].startswith("boot.identity "):
                    break
        assert [words.split()[0] for words in said] == ["boot.memory", "boot.started", "boot.identity"], said
        assert re.fullmatch(r"boot\.identity err=malformed errno=\d+", said[-1])
        assert qemu.wait(machine.WAIT) == 0 and qemu.stdout.read() == ""


def test_the_way_by_the_parent_leads_through_birth_and_a_step(vm_folder, vm_devd, parent_image):
    image, pcrs = bare.build_image(vm_folder / "by-parent", "parent", vm_devd, harness.program("agent-limits"), init="init-parent", memory_mib=16)
    deployment = bare.Deployment(vm_devd, [pcrs], tenant="by-parent")
    with beside_a_parent(vm_folder / "by-parent" / "run", parent_image, image):
        enclave = harness.Proxied(vm_folder / "by-parent" / "run" / "parent", vm_devd)
        try:
            described = enclave.call("describe").body
            assert {n: described[f"pcr{n}"] for n in pcrs} == pcrs
            deployment.ready(enclave, 1)
            run = deployment.run(harness.one_step_plan(deployment))
            answer = harness.step(enclave, run, 1, run.seal(1, b"by way of CID 3"))
            assert answer.code == "OK" and run.open(answer.body["states"][0])["content"] == b"by way of CID 3"
        finally:
            enclave.proxy.kill()
