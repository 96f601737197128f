"""The tools that `make vm` made: a kernel of ours boots in QEMU's nitro-enclave machine, has /dev/nsm, and talks over vsock."""
import pathlib

import pytest

import machine


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return machine.build(tmp_path_factory.mktemp("boot"), pathlib.Path(__file__).parent / "boot_init.c")


def test_a_kernel_boots_with_nsm_and_vsock(image, tmp_path):
    with machine.listen(tmp_path / "vsock_9000") as heartbeats, machine.running(tmp_path, image) as guest:
        machine.beat(heartbeats)
        printed = []
        for line in guest.stdout:
            printed.append(line.rstrip())
            if printed[-1].endswith("listening"):
                break
        with machine.connect(tmp_path / "vsock", 5000) as stream:
            stream.sendall(b"over vsock")
            assert stream.recv(100) == b"over vsock"
        printed += [line.rstrip() for line in guest.stdout]
        assert guest.wait(machine.WAIT) == 0
    ours = [line for line in printed if line and not line.startswith("[")]
    assert ours == ["nsm: DescribeNSM", "heartbeat: answered", "listening", "done"], "\n".join(printed)
    told = "\n".join(printed)
    assert "Spectre V1 : Mitigation: " in told and "Spectre V2 : Mitigation: " in told, told
