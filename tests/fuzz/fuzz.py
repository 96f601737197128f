#!/usr/bin/env python3
"""Runs the fuzz targets, two at a time: each over its seeds, then over inputs that it finds. The input of a crash is kept and named;
nothing is written beside the seeds. Exit code 0: none failed; 1: some did; 130: ended by Ctrl-C."""
import argparse
import concurrent.futures
import dataclasses
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build-fuzz"
JOBS = 2


def names():
    return [path.stem.removesuffix("_fuzz") for path in sorted(HERE.glob("*_fuzz.c"))]


@dataclasses.dataclass
class Result:
    name: str
    runs: int
    fault: str = ""                     # empty: none
    crash: pathlib.Path | None = None   # its input

    def line(self):
        kept = f", input kept in {self.crash}" if self.crash else ""
        return f"FAILED  {self.name}{kept}\n{self.fault}" if self.fault else f"ok      {self.name}: {self.runs} inputs"


class Runner:
    """Programs that run, so that all can be ended."""

    def __init__(self, seconds, build=BUILD, seed=0):
        """seed: of libFuzzer's choices; 0: another one each time."""
        self.seconds, self.build, self.crashes, self.seed = seconds, build, build / "crashes", seed
        self.lock, self.children, self.ended = threading.Lock(), set(), False

    def start(self, command):
        with self.lock:
            if self.ended:
                return None
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                     errors="replace", start_new_session=True)
            self.children.add(child)
            return child

    def end(self):
        """Those that run are killed, those that do not yet never will."""
        with self.lock:
            self.ended = True
            for child in self.children:
                child.kill()

    def run(self, name):
        program = self.build / "tests" / "fuzz" / f"{name}_fuzz"
        if not program.exists():
            return Result(name, 0, f"    {program.name} is not built: is it in tests/fuzz/meson.build?")
        seeds = HERE / "corpus" / name
        self.crashes.mkdir(exist_ok=True)
        # new inputs go into the first folder: never the seeds'
        with tempfile.TemporaryDirectory(prefix=f"{name}-fuzz-") as found:
            child = self.start([program, f"-max_total_time={self.seconds}", "-rss_limit_mb=1024", "-timeout=60", "-print_final_stats=1",
                                f"-seed={self.seed}", f"-artifact_prefix={self.crashes / name}-", found, *([seeds] if seeds.is_dir() else [])])
            if child is None:
                return Result(name, 0, "    not begun")
            said = child.communicate()[1]
            with self.lock:
                self.children.discard(child)
        return self.result_of(name, child.returncode, said)

    def result_of(self, name, status, said):
        runs = re.search(r"number_of_executed_units:\s*(\d+)", said)
        result = Result(name, int(runs[1]) if runs else 0)
        if status != 0 or result.runs == 0:
            kept = re.search(r"Test unit written to (\S+)", said)
            result.crash = pathlib.Path(kept[1]) if kept else None
            result.fault = "".join(f"    {line}\n" for line in [f"ended with {status}", *said.splitlines()[-40:]])
        return result


def say(line):
    sys.stdout.write(line + "\n")  # at once: several threads write lines
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all by default: " + ", ".join(names()))
    parser.add_argument("--seconds", type=int, default=30, help="of each (default: 30)")
    options = parser.parse_args()
    targets = options.targets or names()
    runner, failed = Runner(options.seconds), []
    # awaited in a thread: a handler's exception can miss a main thread that is about to wait for the others
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def end_early():
        signal.sigwait(signals)
        runner.end()

    def one(name):
        if not runner.ended:
            say(f"        {name} …")
        return runner.run(name)

    print(f"== {len(targets)} targets, {options.seconds} s each, {JOBS} at a time", flush=True)
    threading.Thread(target=end_early, daemon=True).start()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for done, future in enumerate(concurrent.futures.as_completed([pool.submit(one, name) for name in targets]), 1):
            result = future.result()
            failed += [result] if result.fault else []
            if not runner.ended:
                say(f"{done:2}/{len(targets)} {result.line()}")
    if runner.ended:
        print("ended", flush=True)
        return 130
    print(f"{len(targets) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
