"""The list of what a hostile agent tries (tests/hostile.py) against /init in a machine of its own: one enclave serves all of it. What one
agent takes of memory by ways that no limit of a process counts is held here only, by its group."""
import bare
import eif
import harness
import hostile
import pytest

MACHINE_MIB = 192  # two agents at once, each with its share


@pytest.fixture(scope="module")
def target(vm_folder, vm_devd):
    folder = vm_folder / "images"
    released, _ = bare.build_image(folder, "released", vm_devd, harness.program("agent-hostile"))
    sections = dict(eif.read(released.read_bytes()))
    boot = (sections[eif.KERNEL], sections[eif.CMDLINE])
    image, pcrs = hostile.image(harness, folder, vm_devd, "qemu", init="init-vm", boot=boot)
    deployment = bare.Deployment(vm_devd, [pcrs], tenant="hostile")
    enclave = bare.Enclave(vm_folder / "enclaves", "hostile", image, vm_devd, machine_mib=MACHINE_MIB)
    try:
        deployment.ready(enclave, 1)
        yield hostile.Target(enclave, deployment)
    finally:
        enclave.kill()


@pytest.mark.parametrize("attack", hostile.of_tier("qemu"), ids=lambda attack: attack.id)
def test_a_hostile_agent(target, attack, record_property):
    record_property("counted", "attacks of a hostile agent (qemu)")
    target.try_it(attack)


def test_a_crowd_of_hostile_agents(target):
    target.crowd("qemu")


def test_the_enclave_is_idle_afterwards(target):
    target.expect_idle()
    grouped = sum(attack.tiers == hostile.GROUPED for attack in hostile.ATTACKS)
    said = harness.wait_for(lambda: len(target.enclave.lines("agent.out_of_memory")) >= grouped and target.enclave.lines(), "its lines")
    assert [line for line in said if line.startswith(("agent.not_started", "sandbox.", "spawner."))] == []
