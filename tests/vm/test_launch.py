"""cmaw-launch --backend qemu with the real QEMU and vhost-device-vsock, and a guest that does as it is told (launch_guest.c). What the real programs
do not do on demand is in tests/e2e/test_launch_qemu.py."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import threading

import pytest

import eif
import harness
from launch_images import bootable
from machine import TOOLS, build

COMMAND_LINE = b"reboot=t panic=-1 pci=off nomodules random.trust_cpu=on rootfstype=ramfs "


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """One that prints on its console, and one that does not."""
    folder = tmp_path_factory.mktemp("launch")
    for name, more in (("loud", b"console=ttyS0"), ("quiet", b"quiet loglevel=0")):
        build(folder, pathlib.Path(__file__).parent / "launch_guest.c", COMMAND_LINE + more).rename(folder / f"{name}.eif")
    return folder


class Machine:
    def __init__(self, folder, image, *more):
        self.folder, self.socket, self.state = folder, folder / "guest.sock", folder / "state"
        self.daemon = harness.Daemon("cmaw-launch", folder / "log", "run", "--backend", "qemu", "--eif", image, "--socket", self.socket,
                                     "--state-dir", self.state, "--name", "guest", "--boot-timeout", "300", "--memory", "64", *more, timeout=300)

    def log(self):
        return (self.folder / "log").read_text()

    def leftovers(self):
        return [p.name for p in self.folder.iterdir() if p.name.startswith("guest.sock")]

    def children(self):
        return harness.descendants(self.daemon.process.pid)


@pytest.fixture
def start(tmp_path, images):
    started = []

    def start(image, *more):
        started.append(Machine(tmp_path, images / image, *more))
        return started[-1]
    yield start
    for machine in started:
        machine.daemon.kill()


def test_a_machine_boots_serves_and_ends(start, images):
    machine = start("quiet.eif", "--parent-role", "arn:aws:iam::111122223333:role/a,b", "--parent-id", "i-0abc")
    shown, = json.loads(harness.run(harness.program("cmaw-launch"), "describe", "--state-dir", machine.state).stdout)
    pcrs = eif.measure(eif.read((images / "quiet.eif").read_bytes()))
    assert {f"PCR{i}": pcrs[i].hex() for i in pcrs}.items() <= shown["Measurements"].items()
    assert shown["EnclaveID"].startswith("i-0abc-enc") and (shown["MemoryMiB"], shown["EnclaveCID"]) == (64, 4)
    with harness.Rpc(machine.socket, 300) as guest:
        guest.socket.sendall(b"over vsock")
        assert guest.take(10) == b"over vsock"
    with pytest.raises((AssertionError, TimeoutError)):  # nobody listens there: an end or silence
        harness.Rpc(machine.socket, 5, port=5001)
    harness.wait_for(lambda: 'name=guest line="guest: up"' in machine.log(), "the guest's log line")
    children = machine.children()
    assert len(children) == 2
    machine.daemon.stop()
    assert machine.leftovers() == [] and not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children)
    assert not re.search(r"launch\.tool|guest: hello|Linux version", machine.log()), machine.log()


def test_the_console_in_debug_mode(start):
    machine = start("loud.eif", "--debug-mode")
    with subprocess.Popen([str(harness.program("cmaw-launch")), "console", "--state-dir", str(machine.state), "--name", "guest"], stdout=subprocess.PIPE) as reader:
        for line in reader.stdout:
            if b"guest: hello" in line:
                break
        machine.daemon.stop()
    assert 'line="guest: hello"' in machine.log() and "Linux version" in machine.log()


def test_a_machine_that_is_switched_off_from_inside(start):
    machine = start("quiet.eif")
    with harness.Rpc(machine.socket, 300) as guest:
        guest.socket.sendall(b"Q")
        with contextlib.suppress(ConnectionResetError):
            assert guest.socket.recv(1) == b""
    assert machine.daemon.process.wait(300) == 1
    assert "cmaw-launch: the enclave guest has ended\nhint: " in machine.log() and machine.leftovers() == []


def test_a_killed_launcher_takes_the_machine_along(start):
    machine = start("quiet.eif")
    children = machine.children()
    machine.daemon.kill()
    harness.wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children), "both programs have ended")
    again = start("quiet.eif")  # what the dead one left is taken over
    again.daemon.stop()
    assert again.leftovers() == []


def test_a_guest_that_talks_without_end_is_cut_short(start):
    machine = start("quiet.eif")
    with harness.Rpc(machine.socket, 300) as guest:
        guest.socket.sendall(b"F")
        assert guest.take(1) == b"F"  # 16 MiB have been taken
        guest.socket.sendall(b"still there")
        assert guest.take(11) == b"still there"
    machine.daemon.stop()
    assert len(machine.log()) < 1 << 20


def test_much_goes_through_in_both_directions_at_once(start):
    machine = start("quiet.eif")
    data = bytes(range(1, 33)) * (1 << 16)  # 2 MiB, and nothing that the guest takes for a command
    with harness.Rpc(machine.socket, 300) as guest:
        sender = threading.Thread(target=guest.socket.sendall, args=[data])
        sender.start()
        assert guest.take(len(data)) == data
        sender.join()


@pytest.mark.parametrize("kernel, line", [(None, "QEMU refused to start the image: "), ("bzImage", "the enclave image has ended before its heartbeat\nhint: is --memory")])
def test_what_cannot_boot(tmp_path, kernel, line):
    """QEMU does not take the kernel; the kernel does not take /init, and panics."""
    path = bootable(tmp_path / "image.eif", kernel=kernel and (TOOLS / kernel).read_bytes())
    command = [harness.program("cmaw-launch"), "run", "--backend", "qemu", "--eif", path, "--socket", tmp_path / "guest.sock", "--boot-timeout", "300"]
    result = harness.run(*command, check=False, timeout=300)
    assert result.returncode == 1 and line in result.stderr and "\nhint: " in result.stderr, result.stderr
    assert not (tmp_path / "guest.sock").exists()
