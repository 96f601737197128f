"""A local stack as `cmaw up` makes it, for tests: its own folder, store and passphrase."""
import contextlib
import hashlib
import json
import os
import pathlib
import signal
import sqlite3
import struct
import subprocess

import harness
import pb
import sst1_crypto
from harness import ROOT

CLAIM = ROOT / "agents" / "claim.yaml"
LETTERS = ROOT / "agents" / "letters"
EXPECTED = ROOT / "tests" / "data" / "agents"


class Result:
    def __init__(self, process):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr

    def json(self):
        assert self.status == 0, f"{self.status}: {self.err}{self.out}"
        return json.loads(self.out)

    def assert_one_line_error(self, *words, status=1, hint=True):
        """One line in lower case that names the program, with a hint, and no more but the progress of a run."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        errors = [line for line in lines if not line.startswith(("hint: ", "cmaw: step "))]
        assert self.status == status, (self.status, self.err, self.out)
        assert len(errors) == 1 and errors[0].startswith("cmaw"), self.err
        assert not hint or any(line.startswith("hint: ") for line in lines), self.err
        for word in words:
            assert word in self.err, (word, self.err)


def lock_cheaply(cmaw, store, passphrase):
    """A new store whose passphrase costs a thousandth of what cmaw makes it cost: tests use it thousands of times, and guess nothing."""
    assert cmaw("list").status == 0  # makes the file
    kdf = struct.pack(">III", 10, 8, 1) + os.urandom(16)
    key = hashlib.scrypt(passphrase, salt=kdf[12:], n=1 << 10, r=8, p=1, dklen=32)
    context = b"cmaw-store/1 " + sst1_crypto.lp(b"store-key") + sst1_crypto.lp(b"")
    with contextlib.closing(sqlite3.connect(store, timeout=30)) as database, database:
        database.execute("INSERT INTO meta(key, value) VALUES('lock', ?)", (kdf + sst1_crypto.seal(key, context, os.urandom(32)),))


class Stack:
    def __init__(self, folder, yaml=None, up=(), switches=()):
        """up: further words of `cmaw up`; switches: words of every verb that verifies a document."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dir, self.store = self.folder / "stack", self.folder / "store.db"
        passphrase = self.folder / "passphrase"
        harness.write_secret(passphrase, "correct horse battery staple\n")
        self.yaml, self.up_words, self.switches = yaml, up, switches
        self.env = {**os.environ, "CMAW_DIR": str(self.dir), "CMAW_STORE": str(self.store), "CMAW_PASSPHRASE_FILE": str(passphrase)}
        self.env.pop("CMAW_BIN", None)
        if len(harness.BUILDS) > 1:
            self.env["CMAW_BIN"] = ":".join(str(p) for build in harness.BUILDS for p in build.rglob("*") if p.is_dir() and p.suffix != ".p")
        if not self.store.exists():
            lock_cheaply(self.cmaw, self.store, b"correct horse battery staple")

    def program(self, name, *arguments, timeout=600, env=None, cwd=None, stdin=None):
        return Result(subprocess.run([harness.program(name), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                                     env={**self.env, **(env or {})}, cwd=cwd, input=stdin or ""))

    def cmaw(self, *arguments, **more):
        return self.program("cmaw", *arguments, **more)

    def up(self):
        result = self.cmaw("up", *self.up_words, *([self.yaml] if self.yaml else []), timeout=600)
        assert result.status == 0, result.err
        self.up_said = result.err
        return self

    def trust(self, env=None):
        """Pins the stack's deployment; its attestation root is a simulation's, and has to be named."""
        result = self.cmaw("trust", self.dir / "bundle.bin", "--root", self.dir / "devd" / "attestation-root.der", *self.switches, env=env)
        assert result.status == 0, result.err
        return self

    def down(self):
        result = self.cmaw("down", timeout=300)
        assert result.status == 0, result.err

    def state(self):
        return json.loads((self.dir / "stack.json").read_text())

    def processes(self):
        """{name: pid} of what runs under the supervisor."""
        return {p["name"]: p["pid"] for p in self.state()["processes"] if p["pid"]}

    def pid(self, name):
        return self.processes()[name]

    def temporal(self):
        port = self.state()["ports"]["temporal"]
        return f"127.0.0.1:{port}"

    def run(self, letter, *arguments, timeout=600):
        return self.cmaw("run", CLAIM, letter, "--json", *self.switches, *arguments, timeout=timeout)

    def decision(self, result):
        value = result.json()
        text = pathlib.Path(value["output_file"]).read_text() if value.get("output_file") else value["output"]
        return json.loads(text) if isinstance(text, str) else text

    @contextlib.contextmanager
    def damaged(self, run_id):
        """One bit of a receipt, as the store keeps what came back, is another."""
        def put(value):
            with contextlib.closing(sqlite3.connect(self.store, timeout=180)) as database, database:
                database.execute("UPDATE runs SET result = ? WHERE hex(run_id) = ?", (value, run_id.upper()))
        with contextlib.closing(sqlite3.connect(self.store, timeout=180)) as database:
            good = database.execute("SELECT result FROM runs WHERE hex(run_id) = ?", (run_id.upper(),)).fetchone()[0]
        receipt = pb.decode("RunResult", good)["receipts"][0]
        at = good.index(receipt) + len(receipt) - 1  # the end of its signature
        put(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        try:
            yield
        finally:
            put(good)

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)

    def back(self, name, old):
        """Waits until another process of that name is ready."""
        def ready():
            for process in self.state()["processes"]:
                if process["name"] == name and process["pid"] not in (0, old) and process["state"] == "ready":
                    return process["pid"]
            return None
        return harness.wait_for(ready, f"{name} did not come back", 300)


def letter_text(index, marker):
    """A notice of loss of its own for every index, and what is payable for it: (text, minor units)."""
    cents = 50000 + 137 * index
    text = f"""Margarethe Vogel
Lindenstrasse 48, 70193 Stuttgart

Stuttgart, 19 January 2026

Policy number: HH-2204-118937

Dear Sir or Madam,

on 14 January 2026 a pipe burst in my kitchen and the parquet was soaked. Nobody was hurt and no third party is
involved. Reference {marker}.

The plumber charged EUR {cents // 100}.{cents % 100:02d}.

IBAN DE89 3704 0044 0532 0130 00

Yours faithfully,
Margarethe Vogel
"""
    return text, cents - 25000
