"""What an enclave must refuse in a step, over the real boundary (PROTOCOL.md section 7). Each refusal stands beside the same
request without the fault, which is accepted."""
import os
import time

import pytest

import harness
import pb
import sst1
from harness import step


@pytest.fixture
def one(chain):
    return chain.enclaves[1]


@pytest.fixture
def two(chain):
    return chain.enclaves[2]


@pytest.fixture
def run(chain):
    return chain.deployment.run()


def first(chain, run, content=b"a letter"):
    """Runs step 1; returns (the sealed input, its answer)."""
    sealed = run.seal(1, content)
    answer = step(chain.enclaves[1], run, 1, sealed)
    assert answer.code == "OK", answer
    return sealed, answer.body


def evidence_of(chain, run, answers, states):
    docs = list(dict.fromkeys(a["ak_doc"] for a in answers))
    return pb.encode("Evidence", {"manifest": chain.deployment.manifest.bytes, "plan": run.plan.bytes, "ticket_header": run.header.bytes,
                                  "ak_docs": docs, "receipts": [a["receipt"] for a in answers], "states": states})


def test_a_chain_of_two_steps_verifies_and_opens(chain, run):
    sealed, one = first(chain, run, b"the content")
    answer = step(chain.enclaves[2], run, 2, one["states"][0])
    assert answer.code == "OK"
    assert run.open(answer.body["states"][0])["content"] == b"the content"
    evidence = evidence_of(chain, run, [one, answer.body], [sealed, one["states"][0], answer.body["states"][0]])
    assert sst1.verify_run(evidence, chain.deployment.manifest.mh, run.secrets) == (run.run_id, [])


def test_the_verifier_refuses_a_receipt_of_another_run(chain, run):
    other = chain.deployment.run()
    sealed, one = first(chain, run)
    _, foreign = first(chain, other)
    answer = step(chain.enclaves[2], run, 2, one["states"][0]).body
    with pytest.raises(sst1.Refused):
        sst1.verify_run(evidence_of(chain, run, [foreign, answer], [sealed]), chain.deployment.manifest.mh)
    sst1.verify_run(evidence_of(chain, run, [one, answer], [sealed]), chain.deployment.manifest.mh)


def test_swapped_between_two_runs(chain, run, one):
    other = chain.deployment.run()
    mine, theirs = run.seal(1, b"mine"), other.seal(1, b"theirs")
    assert step(one, run, 1, theirs).code == "DENIED"
    assert step(one, other, 1, mine).code == "DENIED"
    assert step(one, run, 1, mine).code == step(one, other, 1, theirs).code == "OK"


def test_swapped_between_two_runs_with_the_header_adapted(chain, run, one):
    other = chain.deployment.run()
    theirs = pb.decode("State", other.seal(1, b"theirs"))
    header = pb.decode("StateHeader", theirs["header"])
    adapted = pb.encode("State", {**theirs, "header": pb.encode("StateHeader", {**header, "run": run.run_id})})
    assert step(one, run, 1, adapted).code == "DENIED"


def test_replayed_from_an_older_run(chain, two):
    old, new = chain.deployment.run(), chain.deployment.run()
    _, answer = first(chain, old)
    _, fresh = first(chain, new)
    assert step(two, new, 2, answer["states"][0]).code == "DENIED"
    assert step(two, new, 2, fresh["states"][0]).code == "OK"


def test_swapped_between_two_edges(chain, run, two):
    sealed, answer = first(chain, run)
    assert step(two, run, 2, sealed).code == "DENIED"
    assert step(two, run, 2, answer["states"][0]).code == "OK"


def test_swapped_between_two_edges_with_the_header_adapted(chain, run, two):
    sealed, answer = first(chain, run)
    state = sst1.State(answer["states"][0])
    moved = pb.encode("State", {"header": state.header, "ciphertext": sst1.State(sealed).ciphertext})
    assert step(two, run, 2, moved).code == "DENIED"


def test_made_by_the_host_that_knows_every_public_key(chain, run, one):
    forged = sst1.seal_state(os.urandom(32), run.run_id, 1, run.agent_state(1, b"forged"))
    assert step(one, run, 1, forged).code == "DENIED"


def reshaped(state, change):
    value = pb.decode("State", state)
    return pb.encode("State", {**value, "ciphertext": change(value["ciphertext"])})


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c[:-16], lambda c: c[:72], lambda c: c + b"\0", lambda c: c + c[-1040:],
                                    lambda c: c[:-1] + bytes([c[-1] ^ 1]), lambda c: bytes([c[0] ^ 1]) + c[1:],
                                    lambda c: c[:40] + bytes([c[40] ^ 0x80]) + c[41:]],
                         ids=["cut-1", "cut-16", "cut-to-nothing", "longer-1", "longer", "last-bit", "salt-bit", "commitment-bit"])
def test_truncated_extended_or_flipped(run, one, change):
    sealed = run.seal(1, b"content")
    assert step(one, run, 1, reshaped(sealed, change)).code == "DENIED"
    assert step(one, run, 1, sealed).code == "OK"


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + b"\0", lambda s: s + s[-2:], lambda s: b"\x0a\x00" + s],
                         ids=["cut", "longer", "field-of-its-own", "header-twice"])
def test_a_state_that_is_not_canonical(run, one, change):
    assert step(one, run, 1, change(run.seal(1, b"content"))).code == "BAD_REQUEST"


@pytest.mark.parametrize("field,value", [("kind", 2), ("parents", [bytes(32)]), ("size_class", 2), ("edge", 2)])
def test_a_header_of_another_state(run, one, field, value):
    state = pb.decode("State", run.seal(1, b"content"))
    header = {**pb.decode("StateHeader", state["header"]), field: value}
    assert step(one, run, 1, pb.encode("State", {**state, "header": pb.encode("StateHeader", header)})).code == "DENIED"


@pytest.mark.parametrize("field,value", [("version", 2), ("kind", 3), ("run", bytes(31)), ("parents", [bytes(31)]), ("size_class", 8)])
def test_a_header_of_no_form(run, one, field, value):
    state = pb.decode("State", run.seal(1, b"content"))
    header = {**pb.decode("StateHeader", state["header"]), field: value}
    assert step(one, run, 1, pb.encode("State", {**state, "header": pb.encode("StateHeader", header)})).code == "BAD_REQUEST"


def test_a_failure_state_is_no_input(run, one):
    failure = sst1.seal_state(run.secrets[1], run.run_id, 1, run.agent_state(1, b"AGENT_FAILED\n"), kind=sst1.FAILURE)
    assert step(one, run, 1, failure).code == "DENIED"


def test_a_larger_class_than_needed(run, one):
    assert step(one, run, 1, run.seal(1, b"content", size_class=2)).code == "DENIED"


def test_a_pad_byte_that_is_not_zero(run, one):
    values = run.agent_state(1, b"content")
    plain = pb.encode("AgentState", values)
    padded = sst1.lp(plain) + bytes(1024 - 5 - len(plain)) + b"\x01"
    header = pb.encode("StateHeader", {"version": 1, "run": run.run_id, "edge": 1, "kind": 1, "size_class": 1})
    key = sst1.state_key(run.secrets[1], run.run_id, 1)
    sealed = sst1.seal(key, sst1.ctx("state-aad", header), padded, digest=sst1.commit_of(values))
    assert step(one, run, 1, pb.encode("State", {"header": header, "ciphertext": sealed})).code == "DENIED"


def test_the_inputs_are_exactly_the_in_edges(run, one):
    sealed = run.seal(1, b"content")
    assert step(one, run, 1).code == "DENIED"
    assert step(one, run, 1, sealed, sealed).code == "DENIED"


def test_a_step_of_another_role(chain, run):
    _, answer = first(chain, run)
    assert step(chain.enclaves[1], run, 2, answer["states"][0]).code == "DENIED"


def test_a_step_that_the_plan_lacks(run, one):
    assert step(one, run, 3, run.seal(1, b"content")).code == "DENIED"


@pytest.mark.parametrize("attempt,code", [(0, "BAD_REQUEST"), (1, "OK"), (3, "OK"), (4, "BAD_REQUEST")])
def test_attempts(run, one, attempt, code):
    assert step(one, run, 1, run.seal(1, b"content"), attempt=attempt).code == code


def test_an_expired_ticket(chain, one):
    late = chain.deployment.run(expires_in_ms=-2000)  # an enclave's clock lags by the time a document takes
    assert step(one, late, 1, late.seal(1, b"content")).code == "EXPIRED"


def test_a_ticket_that_outlives_the_manifest(chain, one):
    over = chain.deployment.run(expires_in_ms=chain.deployment.manifest.not_after_ms - int(time.time() * 1000) + 60_000)
    assert step(one, over, 1, over.seal(1, b"content")).code == "DENIED"


def test_a_ticket_for_another_manifest(chain, devd, images, one):
    """Both manifests are genuine and name the same images; the enclave is locked to the first."""
    second = harness.Deployment(devd, images.pcrs, serial=2, keys=chain.deployment.keys, policies=False)
    foreign = sst1.Run(second.manifest, second.plan(), chain.deployment.role_keys(), int(time.time() * 1000) + 60_000)
    assert step(one, foreign, 1, foreign.seal(1, b"content")).code == "DENIED"
    own = chain.deployment.run()
    assert step(one, own, 1, own.seal(1, b"content")).code == "OK"


def test_a_ticket_for_another_plan(chain, run, one):
    other = chain.deployment.run(chain.deployment.plan("another"))
    request = {"plan": other.plan.bytes, "ticket": run.ticket, "step": 1, "inputs": [run.seal(1, b"content")], "attempt": 1}
    assert one.call("step", request).code == "DENIED"


def test_a_grant_of_another_run(chain, run, one):
    other = pb.decode("Ticket", chain.deployment.run().ticket)
    mixed = pb.encode("Ticket", {"header": run.header.bytes, "grants": other["grants"]})
    assert step(one, run, 1, run.seal(1, b"content"), ticket=mixed).code == "DENIED"


def test_a_grant_with_a_secret_that_the_ticket_does_not_commit_to(chain, run, one):
    grants = pb.decode("Ticket", run.ticket)["grants"]
    secrets = {1: os.urandom(32), 2: run.secrets[2]}
    grants[0] = sst1.make_grant(chain.deployment.role_keys()[1], run.run_id, 1, secrets)
    ticket = pb.encode("Ticket", {"header": run.header.bytes, "grants": grants})
    forged = sst1.seal_state(secrets[1], run.run_id, 1, run.agent_state(1, b"forged"))
    assert step(one, run, 1, forged, ticket=ticket).code == "DENIED"


def test_a_grant_with_an_edge_too_many(chain, run, one):
    grants = pb.decode("Ticket", run.ticket)["grants"]
    grants[0] = sst1.make_grant(chain.deployment.role_keys()[1], run.run_id, 1, run.secrets)
    ticket = pb.encode("Ticket", {"header": run.header.bytes, "grants": grants})
    assert step(one, run, 1, run.seal(1, b"content"), ticket=ticket).code == "DENIED"


def test_an_all_zero_shared_secret(run, one):
    ticket = pb.decode("Ticket", run.ticket)
    ticket["grants"][0]["enc"] = bytes(32)
    assert step(one, run, 1, run.seal(1, b"content"), ticket=pb.encode("Ticket", ticket)).code == "DENIED"


def test_grants_of_the_wrong_roles_are_no_form(run, one):
    ticket = pb.decode("Ticket", run.ticket)
    short = pb.encode("Ticket", {**ticket, "grants": ticket["grants"][:1]})
    turned = pb.encode("Ticket", {**ticket, "grants": ticket["grants"][::-1]})
    for bad in (short, turned):
        assert step(one, run, 1, run.seal(1, b"content"), ticket=bad).code == "BAD_REQUEST"




TYPE = "application/octet-stream"


def content_of(size_class, more=0):
    """As many bytes as fill the class exactly, with a salt and the content type that these agents give."""
    low, high = 0, sst1.CLASS_SIZES[size_class]
    values = {"content_type": TYPE, "salt": bytes(range(1, 33))}
    while low < high:
        middle = (low + high + 1) // 2
        fits = 4 + len(pb.encode("AgentState", {**values, "content": bytes(middle)})) <= sst1.CLASS_SIZES[size_class]
        low, high = (middle, high) if fits else (low, middle - 1)
    return os.urandom(low + more)


@pytest.mark.parametrize("size_class", sorted(sst1.CLASS_SIZES))
def test_states_that_fill_a_class(chain, run, size_class):
    content = content_of(size_class)
    sealed = run.seal(1, content, content_type=TYPE)
    answer = step(chain.enclaves[1], run, 1, sealed)
    assert answer.code == "OK" and sst1.State(sealed).size_class == size_class
    answer = answer.body
    state = sst1.State(answer["states"][0])
    assert state.size_class == size_class and sst1.open_state(run.secrets[2], state, 0)["content"] == content


def test_one_byte_more_than_the_largest_class(chain, run):
    """The input fills the largest class with a short content type; with the agent's longer one the output does not fit."""
    content = content_of(7, more=1)
    sealed = run.seal(1, content, content_type="text/plain")
    assert step(chain.enclaves[1], run, 1, sealed).code == "TOO_LARGE"
    with pytest.raises(sst1.Refused) as refusal:
        run.seal(1, content, content_type=TYPE)
    assert refusal.value.code == "TOO_LARGE"


def test_an_empty_state(chain, run):
    _, answer = first(chain, run, b"")
    assert sst1.open_state(run.secrets[2], sst1.State(answer["states"][0]), 0)["content"] == b""


def test_an_output_of_one_byte_more_than_the_class_of_its_edge(chain):
    """The input may be of any class; what leaves is planned as class 1."""
    run = chain.deployment.run(chain.deployment.plan("narrow", classes=(0, 1, 0)))
    fits = len(content_of(1))
    assert step(chain.enclaves[1], run, 1, run.seal(1, bytes(fits))).code == "OK"
    assert step(chain.enclaves[1], run, 1, run.seal(1, bytes(fits + 1))).code == "TOO_LARGE"


def test_inputs_over_the_sum(run, one):
    sealed = run.seal(1, content_of(7), content_type=TYPE)
    assert step(one, run, 1, sealed, run.seal(1, content_of(4))).code == "TOO_LARGE"


def test_two_states_of_the_same_content_differ(chain, run):
    sealed = run.seal(1, b"the same")
    answers = [step(chain.enclaves[1], run, 1, sealed).body["states"][0] for _ in range(2)]
    assert answers[0] != answers[1]
    assert sst1.commit_of(sst1.open_state(run.secrets[2], sst1.State(answers[0]), 0)) != \
        sst1.commit_of(sst1.open_state(run.secrets[2], sst1.State(answers[1]), 0))
