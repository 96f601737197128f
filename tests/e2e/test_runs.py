"""Whole runs on a whole stack: letters in, decisions out, and what the three proofs say of them."""
import concurrent.futures
import json
import os
import re
import subprocess

import pytest

import harness
import pb
import sst1
from stack import CLAIM, EXPECTED, LETTERS, letter_text

TEXTS = sorted(p for p in LETTERS.iterdir() if p.suffix in (".txt", ".eml"))


@pytest.mark.parametrize("letter", TEXTS, ids=lambda p: p.stem)
def test_letters_are_decided_as_by_hand(stack, letter):
    decision = stack.decision(stack.run(letter))
    expected = json.loads((EXPECTED / f"{letter.stem}.expected.json").read_text())
    assert decision["decision"] == expected["decision"]
    assert [r["rule"] for r in decision["reasons"]] == expected["rules"]
    assert (decision["payable"] or {}).get("minor") == (expected["payable"] or {}).get("minor")
    assert {k: v for k, v in decision["claim"].items() if k in expected["claim"]} == expected["claim"]
    assert [entry["agent"] for entry in decision["trail"]] == ["intake", "adjudicate"]


def test_a_letter_that_is_no_text_fails_the_run(stack):
    result = stack.run(LETTERS / "11-not-text-failed.bin")
    assert result.status == 1 and "AGENT_FAILED" in result.err + result.out
    assert "not text" in result.err + result.out  # the owner reads what the agent said, and only the owner


@pytest.fixture(scope="module")
def finished(stack):
    return stack.run(LETTERS / "01-water-approve.txt").json()["run_id"]


def test_the_three_proofs_pass(stack, finished):
    result = stack.cmaw("verify", finished)
    assert result.status == 0, result.err
    for proof in ("confidentiality", "attestation", "integrity"):
        assert re.search(rf"(?im)^.*{proof}.*PASS|PASS.*{proof}", result.out + result.err), result.out


def test_evidence_is_accepted_by_three_verifiers(stack, finished, tmp_path):
    evidence = tmp_path / "evidence.bin"
    assert stack.cmaw("verify", finished, "--evidence", evidence).status == 0
    data = evidence.read_bytes()
    manifest = sst1.Manifest(pb.decode("Evidence", data)["manifest"])
    assert manifest.bytes == (stack.dir / "manifest.bin").read_bytes()
    run_id, _ = sst1.verify_run(data, manifest.mh)
    assert run_id.hex() == finished
    offline = [harness.program("cmaw-verify"), evidence, "--manifest-hash", manifest.mh.hex()]
    assert subprocess.run(["unshare", "-rn", *offline], capture_output=True).returncode == 0
    for damaged in (data[:-1], data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]):
        evidence.write_bytes(damaged)
        assert subprocess.run(offline, capture_output=True).returncode == 1
    evidence.write_bytes(data)
    assert subprocess.run([*offline[:-1], "00" * 32], capture_output=True).returncode == 1


def assert_shown(evidence, manifest, edge, content):
    """cmaw-verify --show prints the content of an edge, or nothing and fails."""
    result = subprocess.run([harness.program("cmaw-verify"), evidence, "--manifest-hash", manifest, "--show", edge], capture_output=True)
    assert (result.stdout, result.returncode) == (content, 0 if content else 1), result.stderr


def test_evidence_discloses_what_it_is_told_to(stack, finished, tmp_path):
    evidence = tmp_path / "run.evidence"
    said = stack.cmaw("evidence", finished, "-o", evidence, "--disclose", "decision", "--json").json()
    data = pb.decode("Evidence", evidence.read_bytes())
    assert said == {"run_id": finished, "manifest": sst1.Manifest(data["manifest"]).mh.hex(), "file": str(evidence)}
    assert evidence.stat().st_mode & 0o777 == 0o600
    shown = [sst1.parse_agent_state(d["agent_state"]) for d in data["disclosures"]]
    assert [json.loads(s["content"])["schema"] for s in shown] == ["decision/1"]
    assert (LETTERS / "01-water-approve.txt").read_bytes()[:40] not in evidence.read_bytes()
    text = stack.cmaw("evidence", finished, "-o", evidence).out
    command = re.search(r"cmaw-verify \S+ --manifest-hash \w+", text)[0].split()
    assert subprocess.run([harness.program("cmaw-verify"), *command[1:]], capture_output=True).returncode == 0
    assert_shown(evidence, said["manifest"], "decision", b"")
    evidence.write_bytes(pb.encode("Evidence", data))
    assert_shown(evidence, said["manifest"], "decision", shown[0]["content"])
    assert_shown(evidence, said["manifest"], "letter", b"")
    assert_shown(evidence, "00" * 32, "decision", b"")
    assert stack.cmaw("evidence", finished, "-o", evidence, "--disclose", "nothing").status == 2
    assert stack.cmaw("evidence", finished).status == 2


def test_temporal_holds_no_word_of_the_letter(stack, tmp_path):
    """A search of our own beside the client's: random words that occur nowhere else, in the server's files and all logs."""
    words = ["".join(chr(97 + b % 26) for b in os.urandom(12)) for _ in range(5)]
    text, _ = letter_text(1, " ".join(words))
    letter = tmp_path / "letter.txt"
    letter.write_text(text)
    assert stack.run(letter).status == 0
    files = [p for p in stack.dir.rglob("*") if p.is_file()]
    assert any(p.suffix == ".db" for p in files) and any(p.suffix == ".log" for p in files)
    for word in words:
        forms = [word.encode(), word.encode().hex().encode(), word.encode("utf-16le")]
        for path in files:
            data = path.read_bytes()
            assert not any(form in data for form in forms), path
    assert words[0].encode() in letter.read_bytes()  # the search finds what is there


def test_one_hundred_runs_at_once(stack, tmp_path):
    def submit(index):
        text, payable = letter_text(index, f"R-{index}")
        letter = tmp_path / f"{index}.txt"
        letter.write_text(text)
        return stack.cmaw("submit", CLAIM, letter, "--json", timeout=600).json()["run_id"], payable

    def finish(run):
        assert stack.cmaw("wait", run[0], timeout=600).status == 0
        opened = stack.cmaw("open", run[0], timeout=600)
        assert opened.status == 0, opened.err
        return json.loads(opened.out)["payable"]["minor"], run[1]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(submit, range(100)))
        results = list(pool.map(finish, runs))
    assert len({run for run, _ in runs}) == 100
    assert [got for got, _ in results] == [want for _, want in results]


def test_memory_after_many_runs(stack):
    """After the hundred: an enclave under 16 MiB beyond its agent, the worker under 96 MiB."""
    assert harness.resident_bytes(stack.pid("worker")) < 96 << 20
    for name, pid in stack.processes().items():
        if name.startswith("enclave-"):
            inside = [p for p in harness.descendants(pid) if harness.resident_bytes(p)]
            assert inside and sum(map(harness.resident_bytes, inside)) < 16 << 20, name


def test_the_worker_s_memory_holds_no_word_of_the_letter(stack, tmp_path):
    words = ["".join(chr(97 + b % 26) for b in os.urandom(10)) for _ in range(4)]
    text, _ = letter_text(2, " ".join(words))
    letter = tmp_path / "letter.txt"
    letter.write_text(text)
    before = core_of(stack.pid("worker"), tmp_path / "before")
    assert stack.run(letter).status == 0
    after = core_of(stack.pid("worker"), tmp_path / "after")
    assert b"cmaw.step" in after  # it is this process's memory
    spoken = {w for w in map(str.encode, re.findall(r"[A-Za-z]{5,}", text)) if w not in before}  # also inside longer words of the program
    assert {w.encode() for w in words} <= spoken
    found = sorted(w for w in spoken if w in after or w.decode().encode("utf-16le") in after)
    assert found == []
    holder = subprocess.Popen(["sleep", "60"], env={"LETTER": text})  # and where the words are, the search finds them
    try:
        assert words[0].encode() in core_of(holder.pid, tmp_path / "holder")
    finally:
        holder.kill()
        holder.wait()


def core_of(pid, path):
    subprocess.run(["gcore", "-o", str(path), str(pid)], capture_output=True, check=True, timeout=120)
    core = path.with_name(f"{path.name}.{pid}")
    data = core.read_bytes()
    core.unlink()
    return data
