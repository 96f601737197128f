"""What every verb with --json prints is what docs/json.md says, field by field (issue 5, item 7)."""
import copy
import json
import os
import pathlib
import subprocess

import pytest

import harness
import json_shapes
from harness import ROOT
from images import Signer, build
from stack import CLAIM, LETTERS, Result

SHAPES = json_shapes.shapes()
CMAW = harness.program("cmaw")
LETTER = LETTERS / "01-water-approve.txt"
DOCUMENTS = pathlib.Path(os.environ.get("CMAW_SHARED", ROOT.parent / "shared")) / "vectors" / "nitro"
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Sid": "All", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
    {"Sid": "Not", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}]}


def printed(*command, env=None, status=(0, 1)):
    result = Result(subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env, timeout=300))
    assert result.status in status, (command, result.status, result.err)
    return json.loads(result.out)


def is_json(text):
    try:
        return json.loads(text) is not None
    except ValueError:
        return False


class Actual:
    """Real outputs of a verb: one method for each, so that a verb without one is noticed."""

    def __init__(self, stack, tmp_path):
        self.stack, self.tmp = stack, tmp_path

    def cmaw(self, *arguments, **more):
        return printed(CMAW, *arguments, env=self.stack.env, **more)

    def up(self):
        yield self.cmaw("up", "--json")

    def status(self):
        yield self.cmaw("status", "--json")

    def agent_test(self):
        folder = self.tmp / "agent-to-test"
        printed_by = subprocess.run([CMAW, "agent", "new", folder.name, "--lang", "sh"], cwd=self.tmp, capture_output=True, text=True)
        assert printed_by.returncode == 0, printed_by.stderr
        yield self.cmaw("agent", "test", folder, "--json")
        (folder / "tests" / "words.out").write_text("something else\n")
        yield self.cmaw("agent", "test", folder, "--json", status=(1,))

    def credentials(self):
        keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
        for more in ({}, {"AWS_SESSION_TOKEN": "y", "AWS_REGION": "eu-central-1"}):
            yield printed(CMAW, "credentials", "--json", "--credentials", "environment", env={"HOME": str(self.tmp), **keys, **more})

    def kms_lint(self):
        policy, identity = self.tmp / "policy.json", self.tmp / "identity.json"
        policy.write_text(json.dumps(POLICY))
        identity.write_text(json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}))
        yield self.cmaw("kms", "lint", policy, "--json")
        yield self.cmaw("kms", "lint", policy, "--iam", identity, "--json")

    def trust(self):
        yield self.cmaw("trust", "--json")

    def manifest_show(self):
        yield self.cmaw("manifest", "show", self.stack.dir / "manifest.bin")

    def run(self):
        yield self.cmaw("run", CLAIM, LETTER, "--json")
        yield self.cmaw("run", CLAIM, LETTER, "--json", "--output", self.tmp / "out")

    def submit(self):
        yield self.cmaw("submit", CLAIM, LETTER, "--json")

    def wait(self):
        yield self.cmaw("wait", "last", "--json")

    def open(self):
        yield self.cmaw("open", "last", "--json")

    def list(self):
        yield self.cmaw("list", "--json")

    def verify(self):
        yield self.cmaw("verify", "last", "--json")

    def evidence(self):
        yield self.cmaw("evidence", "last", "-o", self.tmp / "evidence", "--disclose", "claim", "--json")

    def store_export(self):
        harness.write_secret(self.tmp / "secret", "for the road\n")
        yield self.cmaw("store", "export", "last", "-o", self.tmp / "runs", "--export-passphrase-file", self.tmp / "secret", "--json")

    def store_import(self):
        next(self.store_export())
        bring = ["store", "import", self.tmp / "runs", "--export-passphrase-file", self.tmp / "secret", "--json", "--store", self.tmp / "other.db"]
        yield self.cmaw(*bring)
        yield self.cmaw(*bring, "--trust", self.cmaw("status", "--json")["manifest"])

    def codec(self):
        serving = subprocess.Popen([str(CMAW), "codec", "--json"], env=self.stack.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            lines = ""
            while not lines or not is_json(lines):
                line = serving.stdout.readline()
                assert line, lines
                lines += line
            yield json.loads(lines)
        finally:
            serving.terminate()
            serving.wait(60)
            serving.stdout.close()

    def verifier(self):
        made = next(self.evidence())
        yield printed(harness.program("cmaw-verify"), made["file"], "--manifest-hash", made["manifest"], "--json", status=(0,))
        yield printed(harness.program("cmaw-verify"), made["file"], "--manifest-hash", "00" * 32, "--json", status=(1,))

    def image_build(self):
        for options in ((), Signer(self.tmp / "signer").options):
            built = build(self.tmp, "--kernel", "none", *options)
            assert built.returncode == 0, built.stderr
            yield json.loads(built.stdout)

    def image_of(self, *verb):
        for _ in self.image_build():
            yield self.cmaw("image", *verb, self.tmp / "x.eif")

    def image_measure(self):
        return self.image_of("measure")

    def image_describe(self):
        return self.image_of("describe")

    def image_extract(self):
        return self.image_of("extract", "--force", "-o", self.tmp / "sections")

    def attest_verify(self):
        for name in ("good", "bad"):
            for document in sorted((DOCUMENTS / name).iterdir())[:3]:
                yield self.cmaw("attest", "verify", document, "--any-pcr-insecure", "--at", "made", "--json")


METHODS = {"cmaw-verify": "verifier"}


def method_of(name):
    return METHODS.get(name) or name.removeprefix("cmaw ").replace(" ", "_")


@pytest.fixture
def actual(stack, tmp_path):
    stack.run(LETTER)
    return Actual(stack, tmp_path)


def test_every_verb_with_json_is_documented():
    tables = json.loads(subprocess.run([CMAW, "usage"], capture_output=True, text=True, check=True).stdout)
    verbs = {f"cmaw {usage['verb']}" for verb in tables for usage in verb["usages"] if any(o["name"] == "json" for o in usage["options"])}
    missing = sorted(verb for verb in verbs if not any(name == verb or name.startswith(f"{verb} ") for name in SHAPES))
    assert not missing, f"{missing} have --json: describe what they print in docs/json.md, under a heading of that name"


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_printed_is_what_is_documented(actual, name):
    assert hasattr(Actual, method_of(name)), f"docs/json.md describes {name}: add a method to Actual in this file that has it print something"
    if name == "cmaw attest verify" and not DOCUMENTS.is_dir():
        pytest.skip(f"no documents in {DOCUMENTS} (set CMAW_SHARED)")
    values = list(getattr(actual, method_of(name))())
    assert values
    for value in values:
        assert SHAPES[name].faults(value) == []


def test_a_failed_run(stack, tmp_path):
    """code, step and message are there when a step fails for good."""
    workflow = tmp_path / "once.yaml"
    workflow.write_text(CLAIM.read_text().replace("to: adjudicate, size_class: 0", "to: adjudicate, size_class: 1"))
    letter = tmp_path / "long.txt"
    letter.write_text(LETTER.read_text() * 20)
    for name, verb in (("cmaw run", ["run", workflow, letter]), ("cmaw wait", ["wait", "last"]), ("cmaw open", ["open", "last"])):
        result = stack.cmaw(*verb, "--json")
        assert result.status == 1 and result.err.count("\n") >= 1
        value = json.loads(result.out)
        assert value["status"] == "failed" and value["code"] and SHAPES[name].faults(value) == []


def test_the_checker_finds_faults(actual):
    """Each field that must be there, taken away, changed or invented, is found."""
    good = next(actual.status())
    shape = SHAPES["cmaw status"]
    assert shape.faults(good) == []
    for break_it, fault in ((lambda v: v.pop("ready"), "ready is missing"), (lambda v: v.update(more=1), "more is not in"),
                            (lambda v: v["processes"][0].pop("pid"), "processes.[].pid is missing"),
                            (lambda v: v["processes"][0].update(pid="1"), "not number"), (lambda v: v.update(manifest="XY"), "not hex"),
                            (lambda v: v["ports"].update(ui=True), "not number"), (lambda v: v["addresses"].pop("ui"), "addresses.ui is missing")):
        value = copy.deepcopy(good)
        break_it(value)
        assert any(fault in found for found in shape.faults(value)), (fault, shape.faults(value))
    verdict = next(actual.verify())
    del verdict["integrity"]["verdict"]
    assert SHAPES["cmaw verify"].faults(verdict) == ["integrity.verdict is missing"]
