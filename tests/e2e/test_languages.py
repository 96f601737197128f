"""The examples in Python, Go and shell in their enclaves: one stack of the three, a workflow for each."""
import json
import pathlib

import pytest

import examples
from harness import ROOT
from stack import Stack


@pytest.fixture(scope="module")
def languages(folder):
    if examples.missing("sanctions"):
        pytest.skip(examples.missing("sanctions"))
    running = Stack(folder / "languages", ROOT / "agents" / "languages.yaml")
    try:
        yield running.up().trust()
    finally:
        running.down()


def sizes(stack):
    return {name: (stack.dir / "images" / f"{name}.eif").stat().st_size for name in examples.WORKFLOWS}


@pytest.mark.parametrize("name,case", [(name, case) for name in examples.WORKFLOWS for case in examples.cases(name)])
def test_an_example_in_its_enclave(languages, tmp_path, name, case):
    content, expected = examples.cases(name)[case]
    (tmp_path / "input").write_bytes(content)
    ran = languages.cmaw("run", ROOT / "agents" / f"{examples.WORKFLOWS[name]}.yaml", tmp_path / "input", "--json", "--output", tmp_path / "output")
    if expected is None:
        complaint = (ROOT / "agents" / name / "tests" / f"{case}.fails").read_text().strip()
        assert ran.status == 1 and json.loads(ran.out)["message"] == f"AGENT_FAILED\n{complaint}\n", (ran.err, ran.out)
    else:
        assert ran.json()["status"] == "completed" and (tmp_path / "output").read_bytes() == expected


@pytest.mark.parametrize("name", examples.WORKFLOWS)
def test_the_proofs_hold(languages, tmp_path, name):
    content, _ = next(iter(examples.cases(name).values()))
    (tmp_path / "input").write_bytes(content)
    assert languages.cmaw("run", ROOT / "agents" / f"{examples.WORKFLOWS[name]}.yaml", tmp_path / "input", "--output", tmp_path / "output").status == 0
    proven = languages.cmaw("verify", "last", "--json").json()
    assert [proven[proof]["verdict"] for proof in ("confidentiality", "attestation", "integrity")] == ["pass"] * 3


def test_images_are_small(languages, record_property):
    """Beside the agent's own files an image is under 8 MiB."""
    record_property("measured", "images (sim), MiB: " + ", ".join(f"{name} {size / (1 << 20):.1f}" for name, size in sizes(languages).items()))
    own = {"deidentify": (ROOT / "build/agents/deidentify.tar").stat().st_size, "sanctions": (ROOT / "build/agents/sanctions").stat().st_size,
           "totals": pathlib.Path("/bin/busybox").stat().st_size}
    assert {name: size - own[name] < 8 << 20 for name, size in sizes(languages).items()} == dict.fromkeys(own, True)
