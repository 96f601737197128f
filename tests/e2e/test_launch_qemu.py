"""cmaw-launch --backend qemu with stand-ins for QEMU and vhost-device-vsock (standin_vm): its failures, and a guest that is hostile. The real
programs are in tests/vm."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess

import pytest

import eif
import harness
from launch_images import bootable

TOOLS = pathlib.Path(__file__).parent / "standin_vm"
HEART = {"heartbeat": "b7"}


class Machine:
    def __init__(self, folder, sockets=None):
        self.folder, self.state, self.socket = folder, folder / "state", (sockets or folder) / "claims.sock"
        self.eif = bootable(folder / "claims.eif")
        self.env = {**os.environ, "CMAW_STANDIN": str(folder), "CMAW_VM": str(TOOLS)}
        self.daemons = []

    def plan(self, **plan):
        (self.folder / "plan.json").write_text(json.dumps(plan))

    def arguments(self, *more):
        return ["run", "--backend", "qemu", "--eif", self.eif, "--socket", self.socket, "--state-dir", self.state, *more]

    def launch(self, *more):
        self.daemons.append(harness.Daemon("cmaw-launch", self.folder / "log", *self.arguments(*more), env=self.env, timeout=120))
        return self.daemons[-1]

    def refuse(self, *more, **env):
        result = harness.run(harness.program("cmaw-launch"), *self.arguments(*more), check=False, env={**self.env, **env}, timeout=120)
        assert result.returncode in (1, 2) and result.stdout == ""
        assert self.leftovers() == []
        return [line for line in result.stderr.splitlines() if not line.startswith("20")]

    def leftovers(self):
        return [p.name for p in self.socket.parent.iterdir() if p.name.startswith("claims.sock")]

    def asked(self, name):
        return json.loads((self.folder / f"{name}.json").read_text())

    def alive(self):
        return [name for name in ("qemu", "vsock") if pathlib.Path(f"/proc/{self.asked(name)['pid']}").exists()]

    def log(self):
        return (self.folder / "log").read_text()


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    machine.plan(**HEART)
    yield machine
    for daemon in machine.daemons:
        daemon.kill()


def test_the_machine_has_what_is_measured_and_no_more(machine):
    daemon = machine.launch("--memory", "96", "--cpu-count", "2", "--cid", "7", "--parent-role", "arn:aws:iam::1:role/a,b", "--parent-id", "i-0a")
    shown, = json.loads(harness.run(harness.program("cmaw-launch"), "describe", "--state-dir", machine.state).stdout)
    qemu, vsock = machine.asked("qemu"), machine.asked("vsock")
    assert qemu["argv"][1:] == ["-M", f"nitro-enclave,vsock=vsock,id={shown['EnclaveID']},parent-role=arn:aws:iam::1:role/a,,b,parent-id=i-0a",
                                "-accel", "tcg", "-cpu", "max", "-m", "96M", "-smp", "2", "-kernel", "/proc/self/fd/4", "-chardev", "socket,id=vsock,fd=3",
                                "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-serial", "null", "-no-reboot",
                                "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]
    assert [fd for fd in qemu["fds"] if fd > 4] in ([], [5])  # one more is the folder that was listed
    assert vsock["argv"][1:] == ["--vm", "guest-cid=7,socket=claims.sock.vhost,uds-path=claims.sock,tx-buffer-size=32768"] and vsock["folder"] == str(machine.folder)
    measured = eif.measure(eif.read(machine.eif.read_bytes()))
    assert (shown["MemoryMiB"], shown["NumberOfCPUs"], shown["EnclaveCID"], shown["Backend"], shown["Flags"]) == (96, 2, 7, "qemu", "NONE")
    assert {k: v for k, v in shown["Measurements"].items() if k != "HashAlgorithm"} == {f"PCR{i}": measured[i].hex() for i in measured}
    assert (machine.folder / "answer").read_bytes() == b"\xb7"
    assert all((machine.socket.parent / name).stat().st_mode & 0o077 == 0 for name in machine.leftovers())
    assert "this machine is QEMU's: its attestation documents are unsigned" in machine.log()
    daemon.stop()
    assert machine.leftovers() == [] and machine.alive() == []


def test_what_boots_is_what_was_measured(machine):
    """The file is another one by the time that QEMU reads it: vhost-device-vsock is started between."""
    image, other = machine.eif.read_bytes(), machine.folder / "other.eif"
    bootable(other, init=b"y")
    machine.plan(**HEART, swap=[str(other), str(machine.eif)])
    machine.launch()
    assert machine.eif.read_bytes() != image
    assert (machine.folder / "booted").read_bytes() == image
    with open(f"/proc/{machine.asked('qemu')['pid']}/fd/4", "r+b", buffering=0) as sealed, pytest.raises(PermissionError):
        sealed.write(b"x")
    assert os.stat(f"/proc/{machine.asked('qemu')['pid']}/fd/4").st_size == len(image)


def test_a_killed_launcher_takes_both_along_and_leaves_no_hindrance(machine):
    daemon = machine.launch()
    daemon.kill()
    harness.wait_for(lambda: machine.alive() == [], "both have ended")
    assert machine.leftovers() != []
    machine.launch().stop()
    assert machine.leftovers() == []


def test_a_path_longer_than_a_sockets_address(tmp_path):
    folder = tmp_path.joinpath(*["f" * 100] * 3)
    folder.mkdir(parents=True)
    machine = Machine(tmp_path, folder)
    machine.plan(**HEART)
    daemon = machine.launch()
    with harness.socket.socket(harness.socket.AF_UNIX) as host:
        fd = os.open(folder, os.O_PATH)
        host.connect(f"/proc/self/fd/{fd}/claims.sock")
        os.close(fd)
    daemon.stop()
    assert machine.leftovers() == []


FAILURES = {
    "QEMU refuses": ({"qemu_says": "qemu: first\nqemu: initrd is too large\n", "qemu_ends": 1}, "QEMU refused to start the image: qemu: initrd is too large", "cmaw image describe"),
    "QEMU without a word": ({"qemu_says": "", "qemu_ends": 1}, "QEMU refused to start the image: it said nothing", "cmaw image describe"),
    "QEMU without a newline": ({"qemu_says": "half a line", "qemu_ends": 2}, "QEMU refused to start the image: half a line", ""),
    "QEMU with a long line": ({"qemu_says": "\x1b[31m" + "a" * 100000 + "\n", "qemu_ends": 1}, "QEMU refused to start the image: ?[31maaaa", ""),
    "QEMU switched off": ({"qemu_says": "", "qemu_ends": 0}, "the enclave claims has ended before its heartbeat", "--debug-mode"),
    "no heartbeat": ({}, "no heartbeat from claims within 1 s", "the one for QEMU (init-vm)"),
    "another heartbeat": ({"heartbeat": "b8"}, "no heartbeat from claims within 1 s", "init-vm"),
    "idle heartbeats": ({"idle_heartbeats": 40}, "no heartbeat from claims within 1 s", "init-vm"),
    "vsock fails": ({"vsock_fails": 3}, "vhost-device-vsock has ended with status 3: it said nothing", ""),
    "vsock dies": ({"vsock_dies": 4}, "vhost-device-vsock has ended with status 4", ""),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failed_start_is_told_in_one_line(machine, case):
    plan, line, hint = FAILURES[case]
    machine.plan(**plan)
    said = machine.refuse(*(["--boot-timeout", "1"] if "within 1 s" in line else []))
    assert said[0].startswith("cmaw-launch: ") and line in said[0] and len(said[0]) < 600, said
    assert len(said) in (1, 2) and hint in said[-1], said


def test_the_last_word_is_heard_though_much_was_said_before(machine):
    """QEMU stops its launcher, says more than one read takes, and ends."""
    machine.plan(qemu_stops_launcher=True, qemu_says="a line\n" * 2000 + "the last word", qemu_ends=1)
    command = [str(a) for a in (harness.program("cmaw-launch"), *machine.arguments())]
    with subprocess.Popen(command, env=machine.env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as launcher:
        harness.wait_for(lambda: (machine.folder / "qemu.json").exists() and "State:\tZ" in pathlib.Path(f"/proc/{machine.asked('qemu')['pid']}/status").read_text(), "QEMU has ended")
        launcher.send_signal(signal.SIGCONT)
        said = launcher.stderr.read()
    assert launcher.returncode == 1 and "cmaw-launch: QEMU refused to start the image: the last word\n" in said


def test_tools_that_are_missing(machine, tmp_path):
    hint = "hint: make vm builds it; scripts/vm --if-built prints the folder for --vm or CMAW_VM"
    assert machine.refuse(CMAW_VM="") == ["cmaw-launch: the virtual machine's tools are not named: neither --vm nor CMAW_VM", hint]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert machine.refuse("--vm", empty) == [f"cmaw-launch: no program {empty}/qemu-system-x86_64", hint]
    (empty / "qemu-system-x86_64").symlink_to("/bin/true")
    assert machine.refuse("--vm", empty) == [f"cmaw-launch: no program {empty}/vhost-device-vsock", hint]


def test_an_image_without_a_kernel_is_for_the_simulation(machine):
    machine.eif.write_bytes(eif.build(b"init", b"", b"", {}))
    assert "has no kernel that boots: it is for the simulation only" in machine.refuse()[0]


def test_options_that_do_not_belong(machine):
    for more in (["--nsm", "x"], ["--socket", "a,b"], ["--socket", "a=b"], ["--socket", "x" * 81], ["--cid", "3"], ["--memory", "0"]):
        said = machine.refuse(*more)
        assert said[0].startswith("cmaw-launch: ") and len(said) == 2, said


@pytest.mark.parametrize("name", ["claims.sock", "claims.sock_9000", "claims.sock_9001"])
def test_a_path_that_somebody_serves_is_left_alone(machine, name):
    path = machine.folder / name
    with harness.socket.socket(harness.socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        result = harness.run(harness.program("cmaw-launch"), *machine.arguments(), check=False, env=machine.env)
        assert result.returncode == 1 and f"the socket path {path} is taken" in result.stderr
        assert machine.leftovers() == [name]


def test_a_launcher_that_is_just_starting_keeps_its_sockets(machine):
    """Its program has bound the host's socket, and does not listen yet."""
    with socket.socket(socket.AF_UNIX) as heartbeat, socket.socket(socket.AF_UNIX) as bound:
        heartbeat.bind(f"{machine.socket}_9000")
        heartbeat.listen()
        bound.bind(str(machine.socket))
        result = harness.run(harness.program("cmaw-launch"), *machine.arguments(), check=False, env=machine.env)
        assert f"the socket path {machine.socket}_9000 is taken" in result.stderr
        assert sorted(machine.leftovers()) == ["claims.sock", "claims.sock_9000"]


def test_a_guests_logs_are_bounded_and_harmless(machine):
    machine.plan(**HEART, logs=["code=7\n", "\x1b[2J" + "x" * 600 + "\n", "no end"], times=1)
    daemon = machine.launch()
    harness.wait_for(lambda: "no end" in machine.log(), "the last line")
    log = machine.log()
    assert 'name=claims line="code=7"' in log and 'line="?[2J' + "x" * 500 in log and "x" * 600 not in log and "\x1b" not in log
    daemon.stop()
    (machine.folder / "said").unlink()
    machine.plan(**HEART, logs=["flood\n"], times=200000)
    daemon = machine.launch()
    harness.wait_for((machine.folder / "said").exists, "all is said")
    daemon.stop()
    assert len(machine.log()) < 1 << 20


def test_a_guest_that_talks_without_end_takes_nobody_elses_lines(machine):
    machine.plan(**HEART, logs=["flood\n"], times=200000, last_words="a complaint\n")
    daemon = machine.launch()
    harness.wait_for(lambda: 'program=vhost-device-vsock line="a complaint"' in machine.log(), "what the tool says")
    daemon.stop()


def test_the_console_is_there_in_debug_mode_only(machine):
    machine.plan(**HEART, console="hello\r\nfrom the console\r")
    daemon = machine.launch("--debug-mode")
    harness.wait_for(lambda: 'line="from the console"' in machine.log(), "the console")
    assert "stdio" in machine.asked("qemu")["argv"]
    with subprocess.Popen([str(harness.program("cmaw-launch")), "console", "--state-dir", str(machine.state), "--name", "claims"], stdout=subprocess.PIPE) as reader:
        assert reader.stdout.readline() == b"hello\r\n"
        daemon.stop()
    daemon = machine.launch()
    result = harness.run(harness.program("cmaw-launch"), "console", "--state-dir", machine.state, "--name", "claims", check=False)
    assert result.returncode == 1 and "the enclave has no console\nhint: start it with --debug-mode" in result.stderr
    daemon.stop()


def test_a_machine_that_is_switched_off_ends_its_launcher(machine):
    os.mkfifo(machine.folder / "off")
    machine.plan(**HEART, qemu_fifo="off")
    daemon = machine.launch()
    (machine.folder / "off").write_bytes(b"")
    assert daemon.process.wait(60) == 1
    assert "the enclave claims has ended\nhint: " in machine.log() and machine.leftovers() == [] and machine.alive() == []


@pytest.mark.parametrize("name", ["qemu", "vsock"])
def test_either_program_takes_the_other_along(machine, name):
    daemon = machine.launch()
    with contextlib.suppress(ProcessLookupError):
        os.kill(machine.asked(name)["pid"], signal.SIGKILL)
    assert daemon.process.wait(60) == 1 and machine.alive() == []
    assert "has ended with status 137" in machine.log() and machine.leftovers() == []
