"""cmaw-verify's decisions on evidence that the peer makes: good runs, and a hundred thousand files with one field changed."""
import hashlib
import json
import os
import pathlib
import pty
import random
import subprocess
import threading
import tty

import pytest

import evidence_world
import mutate
import sst1

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
MUTATIONS = int(os.environ.get("CMAW_MUTATIONS", "100000"))
WORKERS = 2


def decide(file, mh, *words):
    return subprocess.run([BUILD / "client" / "cmaw-verify", file, "--manifest-hash", mh.hex(), *words], capture_output=True, text=True)


@pytest.fixture(scope="module")
def small():
    """Two steps of two roles, one with a state and one with a disclosure: every kind of field is in it."""
    return evidence_world.evidence(evidence_world.Authority(("root", "issuer")), 2, with_states=(1, 2), disclosed=(2, 3))


@pytest.mark.parametrize("steps", [1, 2, 5, 64])
def test_a_good_run_is_accepted(steps, tmp_path):
    mh, evidence = evidence_world.evidence(evidence_world.Authority(), steps, with_states=(1,), disclosed=(steps + 1,))
    sst1.verify_run(evidence, mh)
    (tmp_path / "run.evidence").write_bytes(evidence)
    text = decide(tmp_path / "run.evidence", mh)
    assert text.returncode == 0, text.stdout + text.stderr
    answer = json.loads(decide(tmp_path / "run.evidence", mh, "--json").stdout)
    assert answer["verified"] is True and len(answer["steps"]) == steps


def test_what_is_shown_cannot_steer_a_terminal(tmp_path):
    """What an agent wrote may be what a stranger told it to: a terminal gets text, a pipe the bytes."""
    said = b"\x1b]0;title\x07\x1b[2Jedge %d\r\nsays \xc2\x9b1A\x9b1A yes\rno \xc3\xa4\tend\0"
    mh, evidence = evidence_world.evidence(evidence_world.Authority(), 1, disclosed=(2,), said=said)
    file = tmp_path / "run.evidence"
    file.write_bytes(evidence)
    command = [BUILD / "client" / "cmaw-verify", file, "--manifest-hash", mh.hex(), "--show", "e2"]
    assert subprocess.run(command, capture_output=True).stdout == said % 2
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    assert subprocess.run(command, stdout=theirs).returncode == 0
    assert os.read(ours, 4096) == "?]0;title??[2Jedge 2\r\nsays ??1A?1A yes?no ä\tend?".encode()
    os.close(ours)
    os.close(theirs)


def test_a_run_of_64_documents_costs_its_signatures(tmp_path):
    """64 steps with 64 documents: at most 1.3 times what the signatures in them cost by themselves."""
    mh, evidence = evidence_world.evidence(evidence_world.Authority(), 64)
    (tmp_path / "run.evidence").write_bytes(evidence)
    cost = json.loads(subprocess.run([BUILD / "tests" / "evidence" / "evidence-cost", tmp_path / "run.evidence", mh.hex()],
                                     capture_output=True, text=True, check=True).stdout)
    print(cost)
    assert cost["signatures"] == 3 + 3 * 64  # what stands above all leaves; a leaf, its document and a receipt for each step
    assert cost["ratio"] <= 1.3


class Stream:
    """evidence-stream, and what it says. Its answers are read while it is written to."""

    def __init__(self, mh):
        self.process = subprocess.Popen([BUILD / "tests" / "evidence" / "evidence-stream", mh.hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self.reader.start()

    def put(self, evidence):
        self.process.stdin.write(len(evidence).to_bytes(4, "big") + evidence)

    def end(self):
        """(numbers of the accepted, number of the refused)"""
        self.process.stdin.close()
        self.reader.join()
        assert self.process.wait() == 0
        return [int(line) for line in self.lines[:-1]], int(self.lines[-1].split()[0])


def generate(evidence, seed, count, put):
    """Puts that many different mutations, going round all fields; returns how often each field was changed."""
    rng, fields, seen, changed = random.Random(seed), mutate.Fields(evidence).leaves, {hashlib.sha256(evidence).digest()}, {}
    tries = 0
    while len(seen) <= count:
        path, make = fields[tries % len(fields)]
        tries += 1
        assert tries < 20 * count, "the fields do not give so many"
        mutant = make(rng)
        digest = hashlib.sha256(mutant).digest()
        if digest not in seen:
            seen.add(digest)
            changed[path] = changed.get(path, 0) + 1
            put(path, mutant)
    return changed


def test_every_single_field_mutation_is_refused(small, record_property):
    mh, evidence = small
    streams = [Stream(mh) for _ in range(WORKERS)]
    paths = [[] for _ in range(WORKERS)]
    number = 0

    def put(path, mutant):
        nonlocal number
        paths[number % WORKERS].append(path)
        streams[number % WORKERS].put(mutant)
        number += 1
    changed = generate(evidence, 1, MUTATIONS, put)
    for stream in streams:
        stream.put(evidence)  # the control: at the end the stream still accepts
    ends = [stream.end() for stream in streams]
    for (accepted, _), names in zip(ends, paths):
        assert [names[i] if i < len(names) else "control" for i in accepted] == ["control"]
    refused = sum(count for _, count in ends)
    print(f"{refused} mutations of {len(changed)} fields refused")
    record_property("mutations", refused)
    assert refused == MUTATIONS and len(changed) > 150


def test_the_program_refuses_them_too(small, tmp_path):
    """The same fields by cmaw-verify itself, each once, and the exit code that says so."""
    mh, evidence = small
    file = tmp_path / "run.evidence"
    file.write_bytes(evidence)
    assert decide(file, mh).returncode == 0
    rng = random.Random(2)
    for path, make in mutate.Fields(evidence).leaves[::5]:
        mutant = make(rng)
        if mutant != evidence:
            file.write_bytes(mutant)
            result = decide(file, mh, "--json")
            assert result.returncode == 1 and json.loads(result.stdout)["verified"] is False, path
