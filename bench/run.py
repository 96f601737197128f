#!/usr/bin/env python3
"""Measures everything in one run on one machine, prints a table and writes build/bench.json. Figures are compared as ratios
within the run; absolute ones are those of this machine."""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
RUNS = {1: 30, 16: 150, 64: 300}
ROUNDS = 3  # ours and the peer's in turn
QUICK_RUNS = {1: 2, 16: 16}
SIZE = 900  # fits the smallest size class


def note(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **more):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def status(pid, field):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def children(pid):
    found = [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [below for child in found for below in children(child)]


class Stack:
    """A stack of its own in a temporary folder."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(os.environ, CMAW_DIR=str(folder / "stack"), CMAW_STORE=str(folder / "store.db"))
        started = time.monotonic()
        self.cmaw("up", ROOT / "bench" / "stack.yaml")
        self.up_seconds = time.monotonic() - started

    def cmaw(self, *words):
        result = subprocess.run([BUILD / "client" / "cmaw", *words], env=self.environment, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"bench: cmaw {words[0]}: {result.stderr}")
        return result.stdout

    def report(self):
        return json.loads(self.cmaw("status", "--json"))

    def pid(self, name):
        return next(process["pid"] for process in self.report()["processes"] if process["name"] == name)

    def process(self, part):
        return next(process for process in self.report()["processes"] if part in process["name"])


def stamp(line):
    return datetime.strptime(line.split(" ", 1)[0], "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()


def launch_to_ready(stack, role):
    """Kills an enclave and reads in its log how long the next one took from its launcher's start to READY."""
    process = stack.process(role)
    log = pathlib.Path(process["log"])
    before = log.stat().st_size
    os.kill(process["pid"], signal.SIGKILL)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        lines = [line for line in log.read_bytes()[before:].decode(errors="replace").splitlines() if re.match(r"\d{4}-\d\d-\d\dT", line)]
        ready = [line for line in lines if " enclave.ready " in line]
        if ready:
            return stamp(ready[0]) - stamp(lines[0])
        time.sleep(0.01)
    sys.exit("bench: the enclave did not come back\nhint: see " + str(log))


def memory(stack):
    sizes = {}
    for process in stack.report()["processes"]:
        pids = [process["pid"], *children(process["pid"])]
        sizes[process["name"]] = {"rss": sum(status(pid, "VmRSS") for pid in pids), "peak": sum(status(pid, "VmHWM") for pid in pids)}
    return sizes


def throughput(stack, all_runs, rounds):
    report, python = stack.report(), os.environ["CMAW_VENV"] + "/bin/python"
    address = report["addresses"]["temporal"]
    rows = {}
    for in_flight, runs in all_runs.items():
        ours, peers = [], []
        for turn in range(rounds):
            note(f"  {in_flight} in flight, round {turn + 1} of {rounds}")
            ours.append(json.loads(run(BUILD / "bench" / "load", address, report["bundle"], in_flight, runs, SIZE)))
            peers.append(json.loads(run(python, ROOT / "bench" / "peer" / "peer.py", "--temporal", address, "--in-flight", in_flight, "--runs", runs, "--size", SIZE)))
        rows[in_flight] = {"cmaw": middle(ours), "peer": middle(peers)}
    return rows


def middle(results):
    return {key: statistics.median(result[key] for result in results) for key, value in results[0].items() if isinstance(value, (int, float))}


def mib(size):
    return f"{size / 1048576:.1f} MiB"


def table(result):
    print("\n(a) a step inside the enclave, without its agent, beside its primitives")
    for size, row in result["step"].items():
        print(f"    {size:>8}  p50 {row['step_p50_us']:8.1f} us  p99 {row['step_p99_us']:8.1f} us  primitives p50 {row['primitives_p50_us']:8.1f} us"
              f"  p99 {row['primitives_p99_us']:8.1f} us  ratio {row['ratio']:.2f}  (at most 2)")
    agent = result["agent"]
    print("(b) one agent, start to end, beside a bare posix_spawn")
    print(f"    p50 {agent['sandboxed_p50_us']} us, p99 {agent['sandboxed_p99_us']} us; posix_spawn p50 {agent['posix_spawn_p50_us']} us, p99 {agent['posix_spawn_p99_us']} us;"
          f" ratio {agent['ratio']:.2f}  (at most 2)")
    print(f"(c) two-step workflows of {SIZE} bytes on one dev server, beside Temporal's Python SDK with an AES-GCM codec (medians of {result['rounds']} rounds)")
    for in_flight, row in result["workflows"].items():
        ours, peer = row["cmaw"], row["peer"]
        print(f"    {in_flight:>3} in flight  cmaw {ours['workflows_per_s']:6.1f}/s p50 {ours['p50_ms']:7.0f} ms p99 {ours['p99_ms']:7.0f} ms"
              f"   peer {peer['workflows_per_s']:6.1f}/s p50 {peer['p50_ms']:7.0f} ms p99 {peer['p99_ms']:7.0f} ms"
              f"   ratio {ours['workflows_per_s'] / peer['workflows_per_s']:.2f}")
    print(f"    memory at its highest: cmaw-worker {mib(result['worker_peak'])}, the peer's worker {mib(result['peer_peak'])}"
          f"   ratio {result['worker_peak'] / result['peer_peak']:.2f}  (at most 0.5)")
    print("(d) start and memory")
    print(f"    cmaw up, images built: {result['up_seconds']:.1f} s; an enclave from launch to READY: {result['launch_to_ready_s']:.2f} s")
    for name, sizes in result["memory"].items():
        print(f"    {name:<24} resident {mib(sizes['rss']):>10}   at its highest {mib(sizes['peak']):>10}")
    kms, parts = result["kms"], result["kms"]["primitives"]
    print(f"(e) Decrypt by the KMS emulator, {kms['clients']} connections")
    for name in ("plain", "attested"):
        print(f"    {name:<10} {kms[name]['per_second']:7.0f} a second   {kms[name]['cpu_ms']:6.2f} ms of processor time for one")
    print(f"    of an attested one: document {parts['document_us'] / 1000:.2f} ms (its five signatures alone {parts['signatures_us'] / 1000:.2f}), "
          f"envelope {parts['envelope_us'] / 1000:.2f} (OAEP alone {parts['oaep_us'] / 1000:.2f}), blob {parts['blob_us'] / 1000:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds of each: whether all of it works, not how fast")
    parser.add_argument("--output", type=pathlib.Path, default=BUILD / "bench.json", metavar="FILE", help="the JSON (%(default)s)")
    options = parser.parse_args()
    result = {"machine": {"cpus": os.cpu_count(), "kernel": platform.release()}, "rounds": 1 if options.quick else ROUNDS}
    note("steps and primitives")
    result["step"] = json.loads(run(BUILD / "bench" / "step_bench"))
    note("agents")
    result["agent"] = json.loads(run(BUILD / "bench" / "agent_bench", BUILD / "bench" / "echo_agent"))
    note("KMS emulator")
    result["kms"] = json.loads(run(sys.executable, ROOT / "bench" / "kms.py", *(["0.5"] if options.quick else [])))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cmaw-bench-"))
    try:
        note("stack")
        stack = Stack(folder)
        try:
            result["up_seconds"] = stack.up_seconds
            result["launch_to_ready_s"] = statistics.median(launch_to_ready(stack, "one") for _ in range(3))
            note("workflows")
            result["workflows"] = throughput(stack, QUICK_RUNS if options.quick else RUNS, result["rounds"])
            result["memory"] = memory(stack)
            result["worker_peak"] = status(stack.process("worker")["pid"], "VmHWM")
            result["peer_peak"] = max(row["peer"]["peak_rss_bytes"] for row in result["workflows"].values())
        finally:
            stack.cmaw("down")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    table(result)


if __name__ == "__main__":
    main()
