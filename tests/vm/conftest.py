import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "peer")]

import bare  # noqa: E402
import harness  # noqa: E402
import stack as stacks  # noqa: E402
import unsigned  # noqa: E402
from counted import pytest_terminal_summary  # noqa: E402, F401
from logs import pytest_runtest_makereport  # noqa: E402, F401


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def vm_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("vm")


@pytest.fixture(scope="session")
def vm_stack(vm_folder):
    """`cmaw up --tier qemu`, trusted: two machines with everything around them, for all tests that take a whole one."""
    running = stacks.Stack(vm_folder / "local", up=("--tier", "qemu"), switches=(unsigned.SWITCH,))
    try:
        yield running.up().trust()
    finally:
        running.down()


@pytest.fixture(scope="session")
def vm_devd(vm_folder):
    """An emulator that takes QEMU's documents."""
    devd = bare.Devd(vm_folder / "devd")
    yield devd
    devd.daemon.stop()


@pytest.fixture(scope="session")
def limits(vm_folder, vm_devd):
    """A bare enclave that is ready, with the agent of tests/agents/limits.c: each step's content says what it does."""
    role = bare.Role(vm_folder, "limits", vm_devd, harness.program("agent-limits"), memory_mib=24, processes=12, tmp_kib=4096, output_kib=1024)
    yield role
    role.enclave.kill()
