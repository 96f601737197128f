"""Kill -9 of each part while runs are going on: every run completes once the part is back, with one result."""
import asyncio
import concurrent.futures
import json

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

import harness
from stack import CLAIM, letter_text

IN_FLIGHT = 12


def submit(stack, folder, index):
    text, payable = letter_text(index, f"K-{index}")
    letter = folder / f"{index}.txt"
    letter.write_text(text)
    value = stack.cmaw("submit", CLAIM, letter, "--json").json()
    return value["run_id"], value["workflow_id"], payable


async def statuses(address, workflow_ids):
    client = await Client.connect(address)
    return [(await client.get_workflow_handle(i).describe()).status.name for i in workflow_ids]


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
    name = part.split("/")[0]
    supervised = stack.pid(name)
    target = victim(stack, part)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        runs = list(pool.map(lambda i: submit(stack, tmp_path, i), range(IN_FLIGHT // 2)))
        late = [pool.submit(submit, stack, tmp_path, i) for i in range(IN_FLIGHT // 2, IN_FLIGHT)]
        if part != "temporal":  # what cannot reach Temporal is refused with an error, which another test looks at
            harness.wait_for(lambda: any(f.done() for f in late), "a submission")
        else:
            runs += [f.result() for f in late]
            late = []
        open_runs = asyncio.run(statuses(stack.temporal(), [w for _, w, _ in runs])).count("RUNNING")
        stack.kill(target)
        runs += [f.result() for f in late]
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
    assert stack.cmaw("verify", runs[-1][0]).status == 0
