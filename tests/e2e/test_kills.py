"""Kill -9 of each part while runs are going on: every run completes once the part is back, with one result."""
import asyncio
import concurrent.futures
import json
import os
import signal

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

import harness
from stack import CLAIM, LETTERS, letter_text

IN_FLIGHT = 24
BATCHES = 5


def submit(stack, folder, index):
    text, payable = letter_text(index, f"K-{index}")
    letter = folder / f"{index}.txt"
    letter.write_text(text)
    value = stack.cmaw("submit", CLAIM, letter, "--json").json()
    return value["run_id"], value["workflow_id"], payable


async def until_one_has_completed(address, workflow_ids):
    """Returns how many are still open at that moment."""
    client = await Client.connect(address)
    handles = [client.get_workflow_handle(i) for i in workflow_ids]
    while True:
        names = [d.status.name for d in await asyncio.gather(*[h.describe() for h in handles])]
        if "COMPLETED" in names:
            return names.count("RUNNING")
        await asyncio.sleep(0.01)  # Temporal tells the end of one run, not of the first of many


async def completions(address, workflow_id):
    """How many runs the workflow id has had in all, and how often one completed."""
    client = await Client.connect(address)
    runs = [w async for w in client.list_workflows(f'WorkflowId = "{workflow_id}"')]
    events = [e async for e in client.get_workflow_handle(workflow_id).fetch_history_events()]
    return len(runs), sum(e.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED for e in events)


def go_on_together(stack, pool, folder, first):
    """Submits runs while the worker stands still, so that they are open together when it goes on. Returns the runs, and how many were
    still open once one had completed."""
    os.kill(stack.pid("worker"), signal.SIGSTOP)
    try:
        runs = list(pool.map(lambda i: submit(stack, folder, i), range(first, first + IN_FLIGHT)))
    finally:
        os.kill(stack.pid("worker"), signal.SIGCONT)
    return runs, asyncio.run(until_one_has_completed(stack.temporal(), [w for _, w, _ in runs]))


def victim(stack, part):
    pid = stack.pid(part.split("/")[0])
    return harness.descendants(pid)[0] if part.endswith("/init") else pid


@pytest.mark.parametrize("part", ["worker", "enclave-intake", "enclave-adjudicate/init", "proxy", "devd", "temporal"])
def test_runs_survive_the_kill_of(stack, tmp_path, part):
    """Some have completed by then, and some are open. If we were so slow to look that all had completed, others are begun."""
    name = part.split("/")[0]
    supervised = stack.pid(name)
    target = victim(stack, part)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        runs, open_runs = [], 0
        while open_runs == 0:
            assert len(runs) < BATCHES * IN_FLIGHT, "every run had ended before the kill"
            more, open_runs = go_on_together(stack, pool, tmp_path, len(runs))
            runs += more
        stack.kill(target)
        stack.back(name, supervised)

        def finish(run):
            waited = stack.cmaw("wait", run[0], timeout=600)
            assert waited.status == 0, waited.err
            opened = stack.cmaw("open", run[0])
            assert opened.status == 0, opened.err
            return json.loads(opened.out)["payable"]["minor"]
        assert list(pool.map(finish, runs)) == [payable for _, _, payable in runs]
    for _, workflow, _ in runs[:3]:
        assert asyncio.run(completions(stack.temporal(), workflow)) == (1, 1)
    print(f"{open_runs} of {len(runs)} were open when {part} was killed")
    verified = stack.cmaw("verify", runs[-1][0])
    assert verified.status == 0, verified.out + verified.err


def test_every_proof_holds_after_many_kills(stack, tmp_path):
    """What programs log in distress is theirs, whatever words of a letter it uses."""
    letters = sorted(p for p in LETTERS.iterdir() if p.suffix in (".txt", ".eml"))
    runs = []
    for part in ("temporal", "worker", "proxy", "devd") * 3:
        runs += [stack.cmaw("submit", CLAIM, letter, "--json").json()["run_id"] for letter in letters[len(runs) % 3::3]]
        supervised = stack.pid(part)
        stack.kill(supervised)
        stack.back(part, supervised)
    for run in runs:
        assert stack.cmaw("wait", run, timeout=600).status == 0
    for run in runs[-len(letters):]:
        verified = stack.cmaw("verify", run)
        assert verified.status == 0, verified.out + verified.err


@pytest.mark.parametrize("line, passes", [
    ("error: workflow execution already completed, namespace not found", True),  # both are Temporal's own words
    ("the ring was found in the kitchen", False),
    ('{"msg":"found"}', False),
    ("K-33117-found", False),
])
def test_only_fixed_texts_explain_a_word_in_a_log(stack, tmp_path, line, passes):
    text, _ = letter_text(1, "K-33117-found")
    letter = tmp_path / "letter.txt"
    letter.write_text(text.replace("Nobody was hurt", "Nobody was found, nothing is completed, nobody was hurt"))
    run = stack.run(letter).json()["run_id"]
    log = stack.dir / "logs" / "worker.log"
    before = log.stat().st_size
    try:
        with log.open("a") as out:
            out.write(line + "\n")
        verified = stack.cmaw("verify", run, "--json")
        value = json.loads(verified.out)["confidentiality"]
    finally:
        os.truncate(log, before)
    assert (verified.status == 0, value["pass"]) == (passes, passes), value
    explained = sum(s["explained"] for s in value["sources"] if s["source"].endswith("worker.log"))
    assert not passes or explained > 0
