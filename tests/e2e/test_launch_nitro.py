"""cmaw-launch --backend nitro against a stand-in for nitro-cli (standin_nitro_cli.py): no test here runs on hardware."""
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess

import pytest

import eif
import harness
import pages
from launch_images import bootable

STANDIN = pathlib.Path(__file__).parent / "standin_nitro_cli.py"
PARENT = {"etc/nitro_enclaves/allocator.yaml": "---\nmemory_mib: 512\ncpu_count: 4\n", "dev/nitro_enclaves": "",
          "sys/module/nitro_enclaves/parameters/ne_cpus": "2-5\n", "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0-1\n",
          "sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages": "256\n"}


class Nitro:
    """A parent instance with its files, a nitro-cli, and launchers."""

    def __init__(self, folder):
        self.folder, self.root, self.state = folder, folder / "root", folder / "state"
        for name, text in PARENT.items():
            self.put(name, text)
        (folder / "enclaves").mkdir()
        self.plan()
        self.eif = bootable(folder / "claims.eif")
        self.env = {**os.environ, "CMAW_STANDIN": str(folder)}
        self.daemons = []

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def plan(self, **plan):
        (self.folder / "plan.json").write_text(json.dumps({"pool": [2, 3, 4, 5], **plan}))

    def arguments(self, *more, name="claims"):
        return ["run", "--backend", "nitro", "--eif", self.eif, "--cpu-count", "2", "--memory", "128", "--name", name, "--nitro-cli", STANDIN,
                "--host-root", self.root, "--state-dir", self.state, *more]

    def launch(self, *more, name="claims"):
        self.daemons.append(harness.Daemon("cmaw-launch", self.folder / f"{name}.log", *self.arguments(*more, name=name), env=self.env, timeout=120))
        return self.daemons[-1]

    def start(self, *more, name="claims"):
        """The same without waiting until it is up."""
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen([str(a) for a in (harness.program("cmaw-launch"), *self.arguments(*more, name=name))], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, env=self.env)

    def refuse(self, *more):
        """What a run that fails prints."""
        result = harness.run(harness.program("cmaw-launch"), *self.arguments(*more), check=False, env=self.env, timeout=120)
        assert result.returncode in (1, 2) and result.stdout == ""
        return result.stderr

    def log(self, name="claims"):
        return (self.folder / f"{name}.log").read_text()

    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def commands(self):
        return [call.split()[0] for call in self.calls()]

    def running(self):
        found = [json.loads(path.read_text()) for path in (self.folder / "enclaves").iterdir()]
        return [e for e in found if "State:\tS" in self.status(e["ProcessID"])]

    @staticmethod
    def status(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def describe(self):
        return json.loads(harness.run(harness.program("cmaw-launch"), "describe", "--state-dir", self.state).stdout)

    def close(self):
        for daemon in self.daemons:
            daemon.kill()
        for enclave in self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(enclave["ProcessID"], signal.SIGKILL)


@pytest.fixture
def nitro(tmp_path):
    nitro = Nitro(tmp_path)
    yield nitro
    nitro.close()


def test_an_enclave_is_started_shown_and_ended(nitro):
    daemon = nitro.launch("--cid", "21")
    printed = json.loads(re.search(r"^\{\n.*?^\}", nitro.log(), re.M | re.S)[0])
    enclave, = nitro.running()
    assert printed == {key: enclave[key] for key in ("EnclaveName", "EnclaveID", "ProcessID", "EnclaveCID", "NumberOfCPUs", "CPUIDs", "MemoryMiB")}
    assert printed["EnclaveCID"] == 21 and printed["CPUIDs"] == [2, 3]
    shown, = nitro.describe()
    assert {**enclave, "Backend": "nitro"} == shown
    assert f"run-enclave --eif-path {nitro.eif} --cpu-count 2 --memory 128 --enclave-name claims --enclave-cid 21" in nitro.calls()
    daemon.stop()
    assert nitro.running() == [] and nitro.describe() == [] and nitro.calls()[-1] == f"terminate-enclave --enclave-id {enclave['EnclaveID']}"
    assert "launch.simulation" not in nitro.log()


def test_terminate_ends_launcher_and_enclave(nitro):
    daemon = nitro.launch()
    out = json.loads(harness.run(harness.program("cmaw-launch"), "terminate", "--state-dir", nitro.state, "--name", "claims").stdout)
    assert out["Terminated"] is True and nitro.running() == []
    assert daemon.process.wait(60) == 0


def test_an_enclave_that_ends_by_itself_ends_its_launcher(nitro):
    daemon = nitro.launch()
    os.kill(nitro.running()[0]["ProcessID"], signal.SIGKILL)
    assert daemon.process.wait(60) == 1
    assert "cmaw-launch: the enclave claims has ended\nhint: " in nitro.log()
    assert "terminate-enclave" not in nitro.commands() and nitro.describe() == []


FAILURES = {
    "too few CPUs": ({"codes": ["E22", "E39"]}, "the pool has not enough CPUs (E22)", "cpu_count"),
    "memory under four images": ({"codes": ["E26"]}, "less than four times the image (E26)", "--memory"),
    "no hugepages": ({"codes": ["E27", "E39"]}, "the reserved memory is not enough (E27)", "memory_mib"),
    "ioctl": ({"codes": ["E29", "E39"]}, "the driver refused (E29)", "dmesg"),
    "image": ({"codes": ["E35", "E39"]}, "it could not read the image", "cmaw image describe"),
    "boot": ({"codes": ["E36", "E39"]}, "no heartbeat came (E36)", "--debug-mode"),
    "expired certificate": ({"codes": ["E36", "E39", "E11"]}, "no heartbeat came (E36)", "--debug-mode"),
    "connection alone": ({"codes": ["E39"]}, "cannot be reached (E39)", "start it again"),
    "signature": ({"codes": ["E59"]}, "the image's signature is not valid (E59)", "sign it again"),
    "a code that nobody documented": ({"codes": ["E88"]}, "failed with E88", "explain --error-code E88"),
    "much noise before the code": ({"noise": 30000, "codes": ["E29", "E39"]}, "the driver refused (E29)", "dmesg"),
    "noise without end": ({"noise": 1 << 20, "codes": ["E29"]}, "the driver refused (E29)", "dmesg"),
    "killed": ({"signal": int(signal.SIGKILL)}, "ended with status 137 and named no error", "start it again"),
    "panic": ({"print": "", "status": 101}, "ended with status 101 and named no error", "start it again"),
    "nothing": ({"print": ""}, "run-enclave prints is not the JSON", "--version"),
    "garbage": ({"print": "\u001b[31m{]"}, "run-enclave prints is not the JSON", "--version"),
    "half an object": ({"print": '{"EnclaveName": "claims", "EnclaveID": "i-0'}, "run-enclave prints is not the JSON", "--version"),
    "an id that is an option": ({"print": '{"EnclaveID": "--all", "ProcessID": 2, "EnclaveCID": 16, "NumberOfCPUs": 2, "CPUIDs": [], "MemoryMiB": 1}'},
                                "run-enclave prints is not the JSON", "--version"),
    "1 MiB": ({"print": " " * 1024, "times": 1024}, "printed more than 65536 bytes", ""),
    "ends at once": ({"dies": True}, "the enclave claims has ended right after its start", "--debug-mode"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failed_start_is_told_in_one_line(nitro, case):
    plan, line, hint = FAILURES[case]
    nitro.plan(**{"run-enclave": plan})
    said = nitro.refuse().splitlines()
    assert len(said) in (1, 2) and said[0].startswith("cmaw-launch: ") and line in said[0], said
    assert hint in said[-1] and (len(said) == 1 or said[1].startswith("hint: ")), said
    assert nitro.running() == [] and nitro.describe() == []


@pytest.mark.parametrize("plan, line", [({"print": "{}"}, "describe-enclaves prints is not the JSON"), ({"codes": ["E07"]}, "the folder of its sockets (E07)"),
                                        ({"print": '[{"EnclaveID": "x"}]'}, "describe-enclaves prints is not the JSON")])
def test_nothing_is_started_where_what_runs_is_not_known(nitro, plan, line):
    nitro.plan(**{"describe-enclaves": plan})
    assert line in nitro.refuse()
    assert nitro.commands() == ["describe-enclaves"]


@pytest.mark.parametrize("name, text, more, line, hint", [
    ("sys/module/nitro_enclaves/parameters/ne_cpus", "2,3\n", ["--cpu-count", "4"], "to have 4 CPUs, and of the 2 set aside 2 are free", "restart nitro-enclaves-allocator"),
    ("sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "10\n", ["--memory", "1024"], "to have 1024 MiB, and 20 MiB",
     "allocator.yaml set memory_mib: 1024, then: sudo systemctl restart"),
    ("etc/nitro_enclaves/allocator.yaml", "memory_mib: 512\ncpu_count: 2\ncpus: 7\n", [], "allocator.yaml:3: Unexpected key: cpus", "look at line 3"),
    ("etc/nitro_enclaves/x", "", ["--memory", "63"], "63 MiB are too little", "--memory 64"),
    ("etc/nitro_enclaves/x", "", ["--cpu-count", "3"], "whole cores of 2 CPUs", "--cpu-count 4")])
def test_what_the_parent_lacks_is_said_before_the_start(nitro, name, text, more, line, hint):
    nitro.put(name, text)
    said = nitro.refuse(*more)
    assert line in said and hint in said, said
    assert "run-enclave" not in nitro.commands()


def test_a_parent_without_enclaves(nitro):
    shutil.rmtree(nitro.root / "sys")
    assert "the driver nitro_enclaves is not loaded\nhint: start the instance with enclaves enabled" in nitro.refuse()
    (nitro.root / "dev/nitro_enclaves").unlink()
    said = nitro.refuse()
    assert "dev/nitro_enclaves: No such file" in said and "group ne" in said
    said = nitro.refuse("--nitro-cli", "/nowhere/nitro-cli")
    assert "cannot find the program /nowhere/nitro-cli\nhint: install aws-nitro-enclaves-cli" in said


def test_an_image_without_a_kernel_is_for_the_simulation(nitro):
    nitro.eif.write_bytes(eif.build(b"init", b"", b"", {}))
    assert "has no kernel that boots: it is for the simulation only\nhint: build it with a kernel" in nitro.refuse()
    assert nitro.calls() == []


def test_options_that_do_not_belong(nitro):
    for more in (["--socket", "x"], ["--nsm", "x"], ["--parent-role", "arn:aws:iam::1:role/x"], ["--cid", "3"], ["--memory", "0"], ["--cpu-count", "x"]):
        said = nitro.refuse(*more)
        assert said.startswith("cmaw-launch: ") and said.count("\n") == 2, said


def test_a_name_that_runs_is_not_started_again(nitro):
    daemon = nitro.launch()
    daemon.kill()  # the enclave outlives it, as it would on hardware
    enclave, = nitro.running()
    said = nitro.refuse()
    assert f"an enclave claims runs already\nhint: nitro-cli terminate-enclave --enclave-id {enclave['EnclaveID']} ends it" in said
    assert nitro.running() == [enclave]


def test_an_image_that_was_replaced_meanwhile_is_ended(nitro):
    other = bootable(nitro.folder / "other.eif", b"y")
    nitro.plan(**{"run-enclave": {"image": str(other)}})
    assert "has started another image than" in nitro.refuse()
    assert nitro.running() == [] and nitro.commands()[-1] == "terminate-enclave"


@pytest.mark.parametrize("plan, line", [({"untold": True}, "run-enclave prints is not the JSON"), ({"untold": True, "status": 101}, "ended with status 101"),
                                        ({"afterwards": int(signal.SIGKILL)}, "ended with status 137")])
def test_what_was_started_and_not_told_of_is_ended(nitro, plan, line):
    nitro.plan(**{"run-enclave": plan})
    assert line in nitro.refuse()
    assert nitro.running() == [] and nitro.commands()[-1] == "terminate-enclave"


def test_a_process_is_killed_only_if_it_holds_the_enclave(nitro):
    """The enclave has ended, and its process id is somebody else's meanwhile."""
    with subprocess.Popen(["sleep", "600"]) as bystander:
        nitro.plan(**{"run-enclave": {"dies": True, "process": bystander.pid}})
        assert "has ended right after its start" in nitro.refuse()
        assert bystander.poll() is None
        bystander.kill()


def test_debug_mode_as_the_user_guide_spells_it(nitro):
    nitro.plan(state="running", debug="Debug")
    daemon = nitro.launch("--debug-mode")
    reader = subprocess.Popen([str(harness.program("cmaw-launch")), "console", "--state-dir", str(nitro.state), "--name", "claims"], stdout=subprocess.PIPE)
    try:
        assert select.select([reader.stdout], [], [], 180)[0] and reader.stdout.readline() == b"hello from the console\n"
        assert nitro.describe()[0]["Flags"] == "DEBUG_MODE"
        daemon.stop()
        assert reader.wait(60) == 0 and nitro.running() == []
    finally:
        reader.kill()
        reader.wait()
    assert 'line="hello from the console"' in nitro.log()


def test_a_console_cannot_steer_the_terminal(nitro):
    """What an enclave prints is its own to a file or a pipe, and text alone to a person."""
    nitro.plan(console="\x1b[2J\x1b]0;title\x07one\ttwo \u00e4")
    daemon = nitro.launch("--debug-mode")
    ours, theirs = os.openpty()
    reader = subprocess.Popen([str(harness.program("cmaw-launch")), "console", "--state-dir", str(nitro.state), "--name", "claims"], stdout=theirs)
    os.close(theirs)
    try:
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            seen = b""
            while b"\n" not in seen:
                assert select.select([terminal], [], [], 180)[0]
                seen += terminal.read(4096)
        assert b"".join(seen.split()) == b"?[2J?]0;title?onetwo??"
    finally:
        reader.kill()
        reader.wait()
        daemon.stop()


def test_what_cannot_be_terminated_is_killed_with_its_process(nitro):
    daemon = nitro.launch()
    nitro.plan(**{"terminate-enclave": {"codes": ["E38"]}})
    daemon.stop()
    assert nitro.running() == [] and "enclave.killed name=claims" in nitro.log()


@pytest.mark.parametrize("plan", [{"print": '{"Terminated": false}'}, {"print": "gone"}, {"print": " " * 4096, "times": 100}])
def test_an_answer_to_terminate_that_does_not_say_so_is_not_believed(nitro, plan):
    daemon = nitro.launch()
    nitro.plan(**{"terminate-enclave": plan})
    daemon.stop()
    assert nitro.running() == [] and "enclave.killed" in nitro.log()


def test_starts_wait_for_each_other(nitro):
    """The stand-in fails like hardware if two start at once."""
    names = ["one", "two"]
    started = [nitro.start(name=name) for name in names]
    try:
        harness.wait_for(lambda: all("enclave.up" in nitro.log(name) or p.poll() is not None for p, name in zip(started, names)), "both are up")
        assert sorted(e["EnclaveName"] for e in nitro.running()) == names, [nitro.log(n) for n in names]
        cpus = [e["CPUIDs"] for e in nitro.running()]
        assert sorted(cpus) == [[2, 3], [4, 5]]
        assert "to have 2 CPUs, and of the 4 set aside 0 are free" in nitro.refuse()
    finally:
        for process in started:
            process.terminate()
        assert [process.wait(60) for process in started] == [0, 0]
    assert nitro.running() == []


def has_vsock():
    try:
        with socket.socket(socket.AF_VSOCK) as probe:
            probe.bind((socket.VMADDR_CID_ANY, 9001))
        return True
    except OSError:
        return False


def test_one_launcher_has_the_logs_and_the_other_takes_over(nitro):
    if not has_vsock():
        pytest.skip("this system has no AF_VSOCK, or somebody listens on its port 9001")
    first, second = nitro.launch(name="first"), nitro.launch(name="second")
    assert "enclave.logs_elsewhere" not in nitro.log("first") and "enclave.logs_elsewhere name=second cid=17" in nitro.log("second")
    first.stop()
    harness.wait_for(lambda: "enclave.logs_here name=second" in nitro.log("second"), "the second one listens")
    second.stop()


def test_stopped_while_it_starts_and_while_it_waits(nitro):
    os.mkfifo(nitro.folder / "go")
    nitro.plan(**{"run-enclave": {"fifo": "go"}})
    first = nitro.start(name="first")
    harness.wait_for((nitro.folder / "waiting").exists, "the first one starts")
    second = nitro.start(name="second")
    harness.wait_for(lambda: "launch.waiting" in nitro.log("second"), "the second one waits")
    second.terminate()
    assert second.wait(60) == 0 and not any("second" in call for call in nitro.calls())
    first.terminate()
    with open(nitro.folder / "go", "wb"):
        pass
    # it ends what it had started
    assert first.wait(60) == 0 and nitro.running() == [] and nitro.commands()[-1] == "terminate-enclave"


def test_the_page_s_commands(nitro):
    """As docs/nitro.md shows them, with the stand-in as nitro-cli and a folder as the parent."""
    home = nitro.folder / "home"
    (home / "bin").mkdir(parents=True)
    shutil.copy(nitro.eif, home / "claims.eif")
    (home / "bin/nitro-cli").symlink_to(STANDIN)
    launcher = home / "bin/cmaw-launch"
    launcher.write_text(f'#!/bin/sh\nexec {harness.program("cmaw-launch")} --host-root {nitro.root} "$@"\n')
    launcher.chmod(0o755)
    environment = pages.environment_of(home, PATH=f"{home / 'bin'}:{os.environ['PATH']}", CMAW_STANDIN=str(nitro.folder))
    command, = (b.text for b in pages.blocks((harness.ROOT / "docs/nitro.md").read_text()) if "cmaw-launch run" in b.text)
    with subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=home, env=environment, stdout=subprocess.PIPE, text=True) as serving:
        try:
            while serving.stdout.readline().rstrip() != "}":
                assert serving.poll() is None
            harness.wait_for(lambda: list((home / "enclaves").glob("*.json")), "its record")
            printed = pages.run("docs/nitro.md", home, environment)
            assert '"Terminated": true' in printed and serving.wait(60) == 0 and nitro.running() == []
        finally:
            serving.kill()
    assert "--eif-path claims.eif --cpu-count 2 --memory 256 --enclave-name claims --enclave-cid 16" in "".join(nitro.calls())
