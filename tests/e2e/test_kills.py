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
from stack import CLAIM, letter_text

IN_FLIGHT = 24


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


def victim(stack, part):
    pid = stack.pid(part.split("/")[0])
    return harness.descendants(pid)[0] if part.endswith("/init") else pid


@pytest.mark.parametrize("part", ["worker", "enclave-intake", "enclave-adjudicate/init", "proxy", "devd", "temporal"])
def test_runs_survive_the_kill_of(stack, tmp_path, part):
    """All runs are submitted while the worker stands still, so that they are open together when it goes on."""
    name = part.split("/")[0]
    supervised = stack.pid(name)
    target = victim(stack, part)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        os.kill(stack.pid("worker"), signal.SIGSTOP)
        try:
            runs = list(pool.map(lambda i: submit(stack, tmp_path, i), range(IN_FLIGHT)))
        finally:
            os.kill(stack.pid("worker"), signal.SIGCONT)
        open_runs = asyncio.run(until_one_has_completed(stack.temporal(), [w for _, w, _ in runs]))
        stack.kill(target)
        assert open_runs > 0, "every run had ended before the kill"
        stack.back(name, supervised)

        def finish(run):
            waited = stack.cmaw("wait", run[0], timeout=240)
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
