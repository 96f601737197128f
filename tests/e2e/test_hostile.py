"""The list of what a hostile agent tries (tests/hostile.py) against the real /init of the simulation, in one enclave."""
import harness
import hostile
import pytest


@pytest.fixture(scope="module")
def target(folder, devd, launch):
    eif, pcrs = hostile.image(harness, folder / "images", devd, "sim")
    deployment = harness.Deployment(devd, [pcrs], tenant="hostile")
    enclave = launch("hostile", eif)
    deployment.ready(enclave, 1)
    return hostile.Target(enclave, deployment)


@pytest.mark.parametrize("attack", hostile.of_tier("sim"), ids=lambda attack: attack.id)
def test_a_hostile_agent(target, attack, record_property):
    record_property("counted", "attacks of a hostile agent (sim)")
    target.try_it(attack)


def test_a_crowd_of_hostile_agents(target):
    target.crowd("sim")


def test_the_enclave_is_idle_afterwards(target):
    target.expect_idle()


def test_the_list_is_complete():
    modes = harness.run(harness.program("agent-hostile"), "names").stdout.split()
    assert {attack.mode.split()[0] for attack in hostile.ATTACKS} == set(modes) - hostile.HONEST
