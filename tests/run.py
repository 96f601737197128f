#!/usr/bin/env python3
"""Runs the stages of the test suite, shows each as it goes, and closes with "N passed, N failed"."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

import failures

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
NOT_BUILT = 3  # how scripts/vm --if-built ends


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures, self.skips, self.counts = [], [], []  # failures: (name, lines of what it said)

    def add_junit(self, path, stage):
        """Adds the cases of a JUnit file; a file that is missing or empty is a failure of its stage."""
        before = self.passed + self.failed + self.skipped
        if path.exists():
            for case in ET.parse(path).getroot().iter("testcase"):
                name = f'{stage}: {case.get("classname", "")} {case.get("name", "")}'.strip()
                if case.find("failure") is not None or case.find("error") is not None:
                    self.fail(name, failures.of_case(case))
                elif case.find("skipped") is not None:
                    self.skipped += 1
                    self.skips.append(f'{name}: {case.find("skipped").get("message", "")}')
                else:
                    self.passed += 1
        if self.passed + self.failed + self.skipped == before:
            self.fail(f"{stage}: ran no test")

    def add_meson(self, logs, stage):
        """The same of meson's folder of logs, where a program that ends badly after its last case, or before its first, is in no case."""
        self.add_junit(logs / "testlog.junit.xml", stage)
        lines = (logs / "testlog.json").read_text().splitlines() if (logs / "testlog.json").exists() else []
        for result in map(json.loads, lines):
            if result["result"] not in ("OK", "SKIP"):
                self.fail(f'{stage}: {result["name"]} ended with {result["result"]}', failures.of_program(result))

    def fail(self, name, said=()):
        self.failed += 1
        self.failures.append((name, said))

    def add(self, other):
        self.passed, self.failed, self.skipped = self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        self.failures += other.failures
        self.skips += other.skips


def run(command, log, **more):
    with open(log, "w") as out:
        return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, stdin=subprocess.DEVNULL, **more).returncode


def show_log(log, lines=60):
    print("".join(f"    {line}\n" for line in log.read_text(errors="replace").splitlines()[-lines:]), end="", flush=True)


def meson(tally, stage, folder, suite="unit"):
    log, logs = BUILD / f"test-{stage}.log", ROOT / folder / "meson-logs"
    for name in ("testlog.junit.xml", "testlog.json"):
        (logs / name).unlink(missing_ok=True)
    run(["meson", "test", "-C", folder, "--no-rebuild", "--suite", suite, "--num-processes", "2", "--print-errorlogs"], log)
    tally.add_meson(logs, stage)
    return log


def pytest(tally, stage, folder, **more):
    log, junit = BUILD / f"test-{stage}.log", BUILD / f"test-{stage}.xml"
    junit.unlink(missing_ok=True)
    status = run([sys.executable, "-m", "pytest", "-q", "-ra", f"--junitxml={junit}", "-o", "junit_logging=all", "-p", "no:cacheprovider", folder], log,
                 **more)
    failed = tally.failed
    tally.add_junit(junit, stage)
    if status not in (0, 1, 5) and tally.failed == failed:
        tally.fail(f"{stage}: pytest ended with {status}", failures.end_of(log.read_text(errors="replace")))
    tally.counts += [line for line in log.read_text(errors="replace").splitlines() if line.startswith("count: ")]
    return log


def machine(tally):
    """The tests in a virtual machine, where its tools are: without them the stage is a line."""
    tools = subprocess.run([ROOT / "scripts" / "vm", "--if-built"], capture_output=True, text=True)
    if tools.returncode == NOT_BUILT:
        print("   skipped: the virtual machine's tools are not built (make vm)", flush=True)
        return None
    if tools.returncode:
        tally.fail(f"vm: scripts/vm ended with {tools.returncode}: {tools.stderr.strip()}")
        return None
    return pytest(tally, "vm", "tests/vm", env={**os.environ, "CMAW_VM": tools.stdout.strip()})


STAGES = {
    "unit": lambda t: meson(t, "unit", "build"),
    "address": lambda t: meson(t, "address", "build-asan"),
    "thread": lambda t: meson(t, "thread", "build-tsan"),
    "integration": lambda t: meson(t, "integration", "build", "integration"),
    "artifact": lambda t: pytest(t, "artifact", "tests/artifact"),
    "languages": lambda t: pytest(t, "languages", "tests/languages"),
    "peer": lambda t: pytest(t, "peer", "tests/peer"),
    "fuzz": lambda t: pytest(t, "fuzz", "tests/fuzz"),
    "e2e": lambda t: pytest(t, "e2e", "tests/e2e"),
    "vm": machine,
}


# What runs beside the end-to-end tests, which wait more than they work; all else has both cores to itself.
BESIDE_E2E = ("artifact", "languages", "peer", "vm")
screen = threading.Lock()


def run_stage(name):
    print(f"== {name}", flush=True)
    tally, started = Tally(), time.monotonic()
    log = STAGES[name](tally)
    with screen:
        for line in tally.counts:
            print(f"   {line}")
        print(f"   {name}: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped in {time.monotonic() - started:.0f} s", flush=True)
        if tally.failed and log:
            show_log(log)
    return tally


def run_stages(names):
    beside = [name for name in names if name in BESIDE_E2E and "e2e" in names]
    for name in names:
        if name not in beside and name != "e2e":
            yield run_stage(name)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        e2e = [pool.submit(run_stage, name) for name in names if name == "e2e"]
        for name in beside:
            yield run_stage(name)
        yield from (future.result() for future in e2e)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="of " + ", ".join(STAGES) + "; all by default")
    names = parser.parse_args().stages or list(STAGES)
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        parser.error(f"no such stage: {unknown[0]}")
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    tally = Tally()
    for part in run_stages(names):
        tally.add(part)
    for text in tally.skips:
        print(f"skipped  {text}")
    failures.show(tally.failures)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
