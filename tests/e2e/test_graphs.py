"""Steps with several edges: io: proto, fan-out and join, and states swapped where both are genuine and of one class."""
import types

import pytest

import harness
import pb
import sst1
from harness import step


@pytest.fixture(scope="module")
def graph(folder, devd, launch):
    """client -in-> split -left, right-> join -out-> client"""
    agent = harness.program("agent-join")
    built = [harness.build_image(folder / "images", name, devd, agent, arguments, io="proto")
             for name, arguments in (("split", ["left", "right"]), ("join", ["out"]))]
    deployment = harness.Deployment(devd, [pcrs for _, pcrs in built], tenant="graph", names=["split", "join"])
    enclaves = [None, *(launch(f"graph-{i}", eif) for i, (eif, _) in enumerate(built, 1))]
    for role in (1, 2):
        deployment.ready(enclaves[role], role)
    plan = sst1.Plan(pb.encode("Plan", {
        "version": 1, "name": "graph", "manifest": deployment.manifest.mh,
        "steps": [{"id": 1, "name": "split", "role": 1, "timeout_s": 30, "max_attempts": 1},
                  {"id": 2, "name": "join", "role": 2, "timeout_s": 30, "max_attempts": 1}],
        "edges": [{"id": 1, "from": 0, "to": 1, "name": "in"}, {"id": 2, "from": 1, "to": 2, "name": "left"},
                  {"id": 3, "from": 1, "to": 2, "name": "right"}, {"id": 4, "from": 2, "to": 0, "name": "out"}]}), deployment.manifest)
    return types.SimpleNamespace(deployment=deployment, enclaves=enclaves, plan=plan)


@pytest.fixture
def split(graph):
    """A run whose first step is done: (run, its sealed input, the answer)."""
    run = graph.deployment.run(graph.plan)
    sealed = run.seal(1, b"x")
    answer = step(graph.enclaves[1], run, 1, sealed)
    assert answer.code == "OK", answer
    return run, sealed, answer.body


def test_fan_out_and_join(graph, split):
    run, sealed, first = split
    assert [run.open(s)["content"] for s in first["states"]] == [b"in=x;", b"in=x;"]
    second = step(graph.enclaves[2], run, 2, *first["states"])
    assert second.code == "OK"
    opened = run.open(second.body["states"][0])
    assert opened["content"] == b"left=in=x;;right=in=x;;" and opened["content_type"] == "application/x-joined"
    evidence = pb.encode("Evidence", {
        "manifest": graph.deployment.manifest.bytes, "plan": run.plan.bytes, "ticket_header": run.header.bytes,
        "ak_docs": [first["ak_doc"], second.body["ak_doc"]], "receipts": [first["receipt"], second.body["receipt"]],
        "states": [sealed, *first["states"], *second.body["states"]]})
    assert sst1.verify_run(evidence, graph.deployment.manifest.mh, run.secrets) == (run.run_id, [])


def test_two_inputs_in_the_wrong_order(graph, split):
    run, _, first = split
    left, right = first["states"]
    assert step(graph.enclaves[2], run, 2, right, left).code == "DENIED"
    assert step(graph.enclaves[2], run, 2, left, right).code == "OK"


def test_two_inputs_with_their_ciphertexts_exchanged(graph, split):
    run, _, first = split
    left, right = (pb.decode("State", s) for s in first["states"])
    crossed = [pb.encode("State", {"header": a["header"], "ciphertext": b["ciphertext"]}) for a, b in ((left, right), (right, left))]
    assert step(graph.enclaves[2], run, 2, *crossed).code == "DENIED"


def test_one_input_missing_or_twice(graph, split):
    run, _, first = split
    left, right = first["states"]
    for inputs in ([left], [right], [left, left], [left, right, right]):
        assert step(graph.enclaves[2], run, 2, *inputs).code == "DENIED"


def test_a_header_with_other_parents(graph, split):
    """The parents are authenticated: a host cannot give a state another history."""
    run, _, first = split
    left, right = first["states"]
    state = pb.decode("State", left)
    header = {**pb.decode("StateHeader", state["header"]), "parents": [bytes(32)]}
    forged = pb.encode("State", {**state, "header": pb.encode("StateHeader", header)})
    assert step(graph.enclaves[2], run, 2, forged, right).code == "DENIED"


def test_a_raw_agent_takes_one_input_only(graph, chain):
    """What the image cannot do shows as a failed step, sealed for the owner, with a receipt of kind 2."""
    plan = sst1.Plan(pb.encode("Plan", {
        "version": 1, "name": "two-inputs", "manifest": chain.deployment.manifest.mh,
        "steps": [{"id": 1, "name": "one", "role": 1, "timeout_s": 30, "max_attempts": 1}],
        "edges": [{"id": 1, "from": 0, "to": 1, "name": "a"}, {"id": 2, "from": 0, "to": 1, "name": "b"},
                  {"id": 3, "from": 1, "to": 0, "name": "c"}]}), chain.deployment.manifest)
    run = chain.deployment.run(plan)
    answer = step(chain.enclaves[1], run, 1, run.seal(1, b"a"), run.seal(2, b"b"))
    assert answer.code == "AGENT_FAILED"


@pytest.fixture(scope="module")
def failing(folder, devd, launch):
    """A role whose agent ends with 1 and a line on standard error."""
    agent = harness.program("agent-join")
    eif, pcrs = harness.build_image(folder / "images", "failing", devd, agent, ["out"], io="raw")
    deployment = harness.Deployment(devd, [pcrs], tenant="failing")
    enclave = launch("failing", eif)
    deployment.ready(enclave, 1)
    plan = sst1.Plan(pb.encode("Plan", {
        "version": 1, "name": "fails", "manifest": deployment.manifest.mh,
        "steps": [{"id": 1, "name": "one", "role": 1, "timeout_s": 30, "max_attempts": 2}],
        "edges": [{"id": 1, "from": 0, "to": 1, "name": "in"}, {"id": 2, "from": 1, "to": 0, "name": "out"}]}), deployment.manifest)
    return types.SimpleNamespace(deployment=deployment, enclave=enclave, plan=plan)


def test_a_failure_reaches_its_owner_only(failing):
    run = failing.deployment.run(failing.plan)
    answer = step(failing.enclave, run, 1, run.seal(1, b"not a message"))
    assert answer.code == "AGENT_FAILED"
    body = answer.body
    opened = sst1.verify_failure(failing.deployment.manifest, failing.plan, run.header, body["ak_doc"], body["receipt"], body["states"][0],
                                 run.secrets[2])
    assert opened["content"].startswith(b"AGENT_FAILED\njoin: the input is not one message")
    assert b"join:" not in b"".join([body["states"][0], body["receipt"], body["ak_doc"]])
    with pytest.raises(sst1.Refused):  # and it is no result
        sst1.verify_run(pb.encode("Evidence", {
            "manifest": failing.deployment.manifest.bytes, "plan": run.plan.bytes, "ticket_header": run.header.bytes,
            "ak_docs": [body["ak_doc"]], "receipts": [body["receipt"]]}), failing.deployment.manifest.mh)
