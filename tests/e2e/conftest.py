import types

import pytest

import harness  # first: it finds what follows
from counted import pytest_terminal_summary  # noqa: F401
from logs import pytest_runtest_makereport  # noqa: F401


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="session")
def devd(folder):
    devd = harness.Devd(folder / "devd")
    yield devd
    devd.daemon.stop()


@pytest.fixture(scope="session")
def images(folder, devd):
    """Two roles that give back what they get. Their images differ by one byte of the agent."""
    agent = harness.program("echo_agent")
    second = folder / "echo-2"
    second.write_bytes(agent.read_bytes() + b"\0")
    built = [harness.build_image(folder / "images", name, devd, path) for name, path in (("one", agent), ("two", second))]
    return types.SimpleNamespace(eifs=[b[0] for b in built], pcrs=[b[1] for b in built])


@pytest.fixture(scope="session")
def launch(folder, devd):
    """launch(name, eif, …) starts an enclave that ends with the session at the latest."""
    with harness.launching(folder, devd) as start:
        yield start


@pytest.fixture(scope="session")
def chain(devd, images, launch):
    """Two enclaves, born and configured: what the tests of steps talk to."""
    deployment = harness.Deployment(devd, images.pcrs)
    enclaves = [None, launch("one", images.eifs[0]), launch("two", images.eifs[1])]
    for role in (1, 2):
        deployment.ready(enclaves[role], role)
    return types.SimpleNamespace(deployment=deployment, enclaves=enclaves)


@pytest.fixture(scope="module")
def temporal(folder, request):
    """A server for the tests of one file, which may kill it."""
    import orchestra
    server = orchestra.Temporal(folder / f"temporal-{request.module.__name__}")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def stack(folder):
    import stack
    running = stack.Stack(folder / "local")
    try:
        yield running.up().trust()
    finally:
        running.down()


@pytest.fixture(scope="session")
def rig(folder, devd):
    """What an enemy is tried on."""
    import enemy_rig
    return enemy_rig.Rig(folder / "enemies", devd)
