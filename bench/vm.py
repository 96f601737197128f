#!/usr/bin/env python3
"""Measures an enclave of the demonstration in QEMU's machine, prints a table and writes build/bench-vm.json: how soon it is there, in how
little memory a step passes, what its image adds to the agent, and what it costs the host while it has nothing to do."""
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("vm", "e2e", "peer")]

import bare  # noqa: E402
import harness  # noqa: E402

AGENT = ROOT / "build" / "agents" / "intake"
LETTER = (ROOT / "agents" / "letters" / "01-water-approve.txt").read_bytes()
STARTS = 5
MEMORY_MIB = 96  # of the starts that are timed, and the aim
LARGEST_MIB, SMALLEST_MIB = 128, 32  # a step passes in the first; the kernel alone wants more than the second
AGAIN = 3  # a memory counts if a step passes in it each time
IDLE_S = 20
TICKS = os.sysconf("SC_CLK_TCK")


def note(text):
    print(text, file=sys.stderr, flush=True)


def processor_s(pids):
    stats = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.devd = bare.Devd(folder / "devd")
        self.eif, pcrs = bare.build_image(folder, "intake", self.devd, AGENT, content_type="application/json")
        self.deployment = bare.Deployment(self.devd, [pcrs], tenant="bench")
        self.number = 0

    def start(self, memory_mib):
        self.number += 1
        return bare.Enclave(self.folder / "enclaves", f"e{self.number}", self.eif, self.devd, machine_mib=memory_mib)

    def step(self, enclave):
        run = self.deployment.run(harness.one_step_plan(self.deployment))
        answer = harness.step(enclave, run, 1, run.seal(1, LETTER))
        assert answer.code == "OK", answer

    def times(self):
        """(s to the heartbeat, s to READY with a key that is born, the ms of a step) of one start."""
        started = time.monotonic()
        enclave = self.start(MEMORY_MIB)
        try:
            beat = time.monotonic()
            self.deployment.ready(enclave, 1)
            ready = time.monotonic()
            self.step(enclave)
            return beat - started, ready - started, time.monotonic() - ready
        finally:
            enclave.kill()

    def passes_in(self, memory_mib):
        try:
            enclave = self.start(memory_mib)
        except AssertionError: # it did not come to its heartbeat
            return False
        try:
            self.deployment.ready(enclave, 1)
            self.step(enclave)
            return True
        except (AssertionError, OSError):
            return False
        finally:
            enclave.kill()

    def smallest_memory(self):
        low, high = SMALLEST_MIB, LARGEST_MIB
        while high - low > 1:
            middle = (low + high) // 2
            fits = all(self.passes_in(middle) for _ in range(AGAIN))
            note(f"  {middle} MiB: {'a step passes' if fits else 'too little'}")
            low, high = (low, middle) if fits else (middle, high)
        return high

    def idle(self):
        """(share of a processor, bytes of the host's memory) that a ready enclave and what carries its vsock take."""
        enclave = self.start(MEMORY_MIB)
        try:
            self.deployment.ready(enclave, 1)
            self.step(enclave)
            pids = [enclave.launch.process.pid, *enclave.processes()]
            time.sleep(2)  # what follows a step is over
            before = processor_s(pids)
            time.sleep(IDLE_S)
            return (processor_s(pids) - before) / IDLE_S, sum(map(harness.resident_bytes, pids))
        finally:
            enclave.kill()


def measure(bench):
    note(f"{STARTS} starts with {MEMORY_MIB} MiB")
    beats, readies, steps = zip(*(bench.times() for _ in range(STARTS)))
    note(f"an idle enclave for {IDLE_S} s")
    idle, resident = bench.idle()
    note("the smallest memory")
    smallest = bench.smallest_memory()
    image, agent, kernel = (path.stat().st_size for path in (bench.eif, AGENT, bare.TOOLS / "bzImage"))
    return {"heartbeat_s": statistics.median(beats), "ready_s": statistics.median(readies), "step_s": statistics.median(steps),
            "smallest_memory_mib": smallest, "image_bytes": image, "agent_bytes": agent, "kernel_bytes": kernel, "idle_cpu": idle,
            "host_memory_bytes": resident}


def table(found):
    mib = 2**20
    rows = [("launch to heartbeat", f"{found['heartbeat_s']:.2f} s"), ("launch to READY, its key born", f"{found['ready_s']:.2f} s"),
            ("a step", f"{found['step_s']:.2f} s"),
            ("smallest memory in which a step passes", f"{found['smallest_memory_mib']} MiB"),
            ("image", f"{found['image_bytes'] / mib:.2f} MiB, of it the kernel {found['kernel_bytes'] / mib:.2f} MiB; "
                      f"the agent is {found['agent_bytes'] / mib:.2f} MiB before it is packed"),
            ("idle", f"{found['idle_cpu']:.1%} of a processor"),
            (f"of the host's memory, with {MEMORY_MIB} MiB", f"{found['host_memory_bytes'] / mib:.0f} MiB")]
    return "\n".join(f"{name:40} {value}" for name, value in rows)


def main():
    with tempfile.TemporaryDirectory(prefix="cmaw-bench-vm.") as folder:
        bench = Bench(pathlib.Path(folder))
        try:
            found = measure(bench)
        finally:
            bench.devd.daemon.stop()
    print(table(found))
    (ROOT / "build" / "bench-vm.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
