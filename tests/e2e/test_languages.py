"""The examples in Python, Go and shell in their enclaves: one stack of the three, a workflow for each."""
import json
import pathlib

import pytest
import yaml

import examples
from harness import ROOT
from stack import Stack


THERE = [name for name in examples.WORKFLOWS if not examples.missing(name)]


def stack_of(path):
    """agents/languages.yaml with the examples that are there."""
    recipe = yaml.safe_load((ROOT / "agents" / "languages.yaml").read_text())
    recipe["roles"] = [{**role, "image": str(ROOT / "agents" / role["image"])} for role in recipe["roles"] if role["name"] in THERE]
    path.write_text(yaml.safe_dump(recipe))
    return path


def test_every_example_is_there():
    missing = [examples.missing(name) for name in examples.WORKFLOWS if name not in THERE]
    if missing:
        pytest.skip("; ".join(missing))


@pytest.fixture(scope="module")
def languages(folder):
    running = Stack(folder / "languages", stack_of(folder / "languages.yaml"))
    try:
        yield running.up().trust()
    finally:
        running.down()


def sizes(stack):
    return {name: (stack.dir / "images" / f"{name}.eif").stat().st_size for name in THERE}


@pytest.mark.parametrize("name,case", [(name, case) for name in THERE for case in examples.cases(name)])
def test_an_example_in_its_enclave(languages, tmp_path, name, case):
    content, expected = examples.cases(name)[case]
    (tmp_path / "input").write_bytes(content)
    ran = languages.cmaw("run", ROOT / "agents" / f"{examples.WORKFLOWS[name]}.yaml", tmp_path / "input", "--json", "--output", tmp_path / "output")
    if expected is None:
        complaint = (ROOT / "agents" / name / "tests" / f"{case}.fails").read_text().strip()
        assert ran.status == 1 and json.loads(ran.out)["message"] == f"AGENT_FAILED\n{complaint}\n", (ran.err, ran.out)
    else:
        assert ran.json()["status"] == "completed" and (tmp_path / "output").read_bytes() == expected


@pytest.mark.parametrize("name", THERE)
def test_the_proofs_hold(languages, tmp_path, name):
    content, _ = next(iter(examples.cases(name).values()))
    (tmp_path / "input").write_bytes(content)
    assert languages.cmaw("run", ROOT / "agents" / f"{examples.WORKFLOWS[name]}.yaml", tmp_path / "input", "--output", tmp_path / "output").status == 0
    proven = languages.cmaw("verify", "last", "--json").json()
    assert [proven[proof]["verdict"] for proof in ("confidentiality", "attestation", "integrity")] == ["pass"] * 3


def test_images_are_small(languages, record_property):
    """Beside the agent's own files an image is under 8 MiB."""
    record_property("measured", "images (sim), MiB: " + ", ".join(f"{name} {size / (1 << 20):.1f}" for name, size in sizes(languages).items()))
    own = {"deidentify": ROOT / "build/agents/deidentify.tar", "sanctions": ROOT / "build/agents/sanctions", "totals": pathlib.Path("/bin/busybox")}
    assert {name: size - own[name].stat().st_size < 8 << 20 for name, size in sizes(languages).items()} == dict.fromkeys(THERE, True)
