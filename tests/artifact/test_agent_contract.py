"""The numbers in docs/write-an-agent.md are those of the sources."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "write-an-agent.md").read_text()


def constant(path, name):
    return int(re.search(rf"\b{name} = (\d+)", (ROOT / path).read_text())[1])


def test_limits_and_their_defaults():
    shown = {name: int(default) for name, default in re.findall(r"^\| `(\w+)` \|[^|]*\| (\d+) \|", PAGE, re.M)}
    built = re.findall(r'\{"(\w+)", offsetof\(struct image_limits, \w+\), (\d+), ([^,]+), (\d+)\}', (ROOT / "image" / "conf.c").read_text())
    assert len(built) == 6 and shown == {name: int(default) for name, _, _, default in built}
    assert {name: (least, most) for name, least, most, _ in built}["output_kib"][1] == "4096" and "standard output, 4096 at most" in PAGE
    assert {name: least for name, least, _, _ in built}["open_files"] == "8" and "descriptors, 8 at least" in PAGE


def test_sizes():
    assert f"first {constant('enclave/agent/run.h', 'CMAW_AGENT_ERRORS_MAX'):,} bytes" in PAGE
    assert f"{constant('enclave/agent/run.h', 'CMAW_AGENT_ERRORS_READ_MAX')} MiB at most: an agent that writes more has failed" in PAGE
    assert f"at most {constant('agents/agent.h', 'CMAW_AGENT_INPUT_MAX'):,} bytes" in PAGE
    assert f"user | number {constant('enclave/agent/sandbox.h', 'CMAW_AGENT_UID')}" in PAGE


def test_what_the_runtime_sets():
    told = set(re.findall(r"`(CMAW_\w+)` \|", PAGE))
    assert told == set(re.findall(r'"(CMAW_\w+)=%', (ROOT / "enclave" / "agent" / "sandbox.c").read_text()))
