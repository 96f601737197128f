"""cmaw-worker between a real Temporal server and real enclaves, driven by the peer: whole runs, failures, and kill -9 of each
part while runs are going on."""
import asyncio
import os
import re
import types

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

import harness
import orchestra
import sst1


@pytest.fixture(scope="module")
def host(folder, devd, images, launch, temporal):
    """A host of its own, whose parts the tests kill."""
    deployment = harness.Deployment(devd, images.pcrs, tenant="host")
    enclaves = {r: launch(f"host-{r}", images.eifs[r - 1]) for r in (1, 2)}
    for role in (1, 2):
        assert deployment.provision(enclaves[role], role).code == "OK"  # the worker configures them
    worker = orchestra.Worker(folder / "orchestra", temporal, deployment, enclaves)
    yield types.SimpleNamespace(deployment=deployment, enclaves=enclaves, worker=worker, temporal=temporal, devd=devd)
    worker.daemon.kill()


def play(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 600))


async def one_run(host, content=b"a letter", plan=None):
    client, run = await orchestra.connect(host.temporal), host.deployment.run(plan)
    sealed = run.seal(1, content)
    return await orchestra.finish(await orchestra.start(client, run, sealed), run, sealed)


def test_a_run_is_verified_and_opened_by_the_peer(host):
    assert play(one_run(host, b"the content")) == {3: b"the content"}


@pytest.mark.parametrize("size", [0, 1, 900_000, 1_834_000])
def test_sizes(host, size):
    content = os.urandom(size)
    assert play(one_run(host, content)) == {3: content}


def test_one_hundred_runs_at_once(host):
    async def all_of_them():
        client = await orchestra.connect(host.temporal)
        runs = [(host.deployment.run(), f"content {i}".encode()) for i in range(100)]
        inputs = [run.seal(1, content) for run, content in runs]
        handles = await asyncio.gather(*[orchestra.start(client, run, sealed) for (run, _), sealed in zip(runs, inputs)])
        results = await asyncio.gather(*[orchestra.finish(h, run, sealed) for h, (run, _), sealed in zip(handles, runs, inputs)])
        assert results == [{3: content} for _, content in runs]
    play(all_of_them())


def test_memory_of_the_worker(host):
    """After a hundred runs and the largest states."""
    resident = harness.resident_bytes(host.worker.daemon.process.pid)
    assert resident < 96 << 20, f"{resident >> 20} MiB"


async def outcome(host, make):
    """make(run) -> (states, overrides) starts something wrong; returns the failure's type."""
    client, run = await orchestra.connect(host.temporal), host.deployment.run()
    states, overrides = make(run)
    kind, _ = await orchestra.failure_of(await orchestra.start(client, run, *states, **overrides))
    return kind


@pytest.mark.parametrize("make,code", [
    (lambda h, run: ([h.deployment.run().seal(1, b"x")], {}), "BAD_REQUEST"),  # the worker sees that much
    (lambda h, run: ([sst1.seal_state(os.urandom(32), run.run_id, 1, run.agent_state(1, b"x"))], {}), "DENIED"),
    (lambda h, run: ([run.seal(1, b"x")], {"ticket": h.deployment.run().ticket}), "BAD_REQUEST"),
    (lambda h, run: ([run.seal(1, b"x")[:-1]], {}), "BAD_REQUEST"),
    (lambda h, run: ([run.seal(1, b"x")], {"plan": run.plan.bytes + b"\x00"}), "BAD_REQUEST"),
    (lambda h, run: ([], {}), "BAD_REQUEST"),
], ids=["state-of-another-run", "forged-state", "ticket-of-another-run", "cut-state", "plan-not-canonical", "no-input"])
def test_what_is_refused_ends_the_run_at_once(host, make, code):
    assert play(outcome(host, lambda run: make(host, run))) == code


def test_an_expired_ticket_ends_the_run(host):
    async def late():
        client, run = await orchestra.connect(host.temporal), host.deployment.run(expires_in_ms=-5000)
        return (await orchestra.failure_of(await orchestra.start(client, run, run.seal(1, b"x"))))[0]
    assert play(late()) == "EXPIRED"


def test_a_run_id_is_taken_once(host):
    async def twice():
        client, run = await orchestra.connect(host.temporal), host.deployment.run()
        sealed = run.seal(1, b"x")
        await orchestra.finish(await orchestra.start(client, run, sealed), run, sealed)
        with pytest.raises(Exception, match="already"):
            await orchestra.start(client, run, sealed)
    play(twice())


def test_cancel_and_terminate(host):
    async def ended():
        client = await orchestra.connect(host.temporal)
        for verb in ("cancel", "terminate"):
            run = host.deployment.run()
            handle = await orchestra.start(client, run, run.seal(1, b"x" * 1_000_000))
            try:
                await getattr(handle, verb)()
            except RPCError:
                continue  # it was faster
            try:
                await handle.result()
            except WorkflowFailureError as error:
                assert verb == "terminate" or isinstance(error.cause, CancelledError)
    play(ended())


def test_what_temporal_keeps_has_no_word_of_the_content(host):
    word = "".join(chr(97 + b % 26) for b in os.urandom(16))
    assert play(one_run(host, word.encode() * 100))[3] == word.encode() * 100
    kept = [p for p in host.temporal.folder.iterdir() if p.is_file()]
    assert any("db" in p.name for p in kept) and any("log" in p.name for p in kept)
    for path in kept:
        data = path.read_bytes()
        for form in (word.encode(), word.encode().hex().encode(), word.encode("utf-16le")):
            assert form not in data, path


async def with_a_kill(host, kill, runs=16):
    """Starts runs, kills once the first has completed and others are open, brings the part back; every run ends well."""
    client = await orchestra.connect(host.temporal)
    all_runs = [(host.deployment.run(), os.urandom(2000)) for _ in range(runs)]
    inputs = [run.seal(1, content) for run, content in all_runs]
    handles = await asyncio.gather(*[orchestra.start(client, run, sealed) for (run, _), sealed in zip(all_runs, inputs)])
    waiting = [asyncio.create_task(h.result()) for h in handles]  # nothing but waits: to check the first takes as long as the others need
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    pending = sum(not task.done() for task in waiting)
    await asyncio.to_thread(kill)
    await asyncio.gather(*waiting, return_exceptions=True)  # our own connection to Temporal may break with it: ask again
    client, results = await orchestra.connect(host.temporal), []
    for handle, (run, _), sealed in zip(handles, all_runs, inputs):
        again = client.get_workflow_handle(handle.id, result_type=orchestra.RawValue)
        results.append(await orchestra.finish(again, run, sealed))
    assert results == [{3: content} for _, content in all_runs]
    assert pending > 0, "every run had ended before the kill"


def test_kill_the_worker(host):
    def kill():
        host.worker.daemon.kill()
        host.worker.daemon.start()
    play(with_a_kill(host, kill))


@pytest.mark.parametrize("role", [1, 2])
def test_kill_an_enclave(host, role):
    """A new one comes up from the image, without a key; the worker configures it."""
    def kill():
        host.enclaves[role].launch.kill()
        host.enclaves[role].launch.start()
    play(with_a_kill(host, kill))
    assert play(one_run(host)) == {3: b"a letter"}  # the runs of before may have been past this enclave: this one needs it
    assert host.enclaves[role].call("describe").body["state"] == 3


def test_kill_the_processes_inside_an_enclave(host):
    def kill():
        launcher = host.enclaves[1].launch
        for pid in harness.descendants(launcher.process.pid)[:1]:
            harness.kill_9(pid)
        assert launcher.process.wait(60) == 1  # the launcher says that it died
        launcher.start()
    play(with_a_kill(host, kill))


def test_kill_the_proxy_and_an_enclave(host):
    """The new enclave cannot reach KMS until the proxy is back."""
    def kill():
        enclave = host.enclaves[1]
        enclave.proxy.kill()
        enclave.launch.kill()
        enclave.launch.start()
        harness.wait_for(lambda: "kms" in enclave.launch.tail(600).lower() or "config" in enclave.launch.tail(600), "a vain attempt")
        enclave.proxy.start()
    play(with_a_kill(host, kill))


def test_kill_the_kms_emulator_and_an_enclave(host):
    def kill():
        host.devd.daemon.kill()
        host.enclaves[2].launch.kill()
        host.devd.daemon.start()
        host.enclaves[2].launch.start()
    play(with_a_kill(host, kill))


def test_kill_temporal(host):
    def kill():
        host.temporal.kill()
        host.temporal.start()
    play(with_a_kill(host, kill))


def test_the_worker_s_memory_holds_no_word_of_the_content(host, tmp_path):
    import subprocess
    word = "".join(chr(97 + b % 26) for b in os.urandom(16)).encode()
    assert play(one_run(host, word * 50))[3] == word * 50
    pid = host.worker.daemon.process.pid
    subprocess.run(["gcore", "-o", str(tmp_path / "core"), str(pid)], capture_output=True, check=True, timeout=120)
    core = (tmp_path / f"core.{pid}").read_bytes()
    assert re.search(rb"cmaw\.step", core) and word not in core and word.decode().encode("utf-16le") not in core


def test_sigterm_drains_and_ends(host):
    host.worker.daemon.stop()
    host.worker.daemon.start()
    assert play(one_run(host, b"after")) == {3: b"after"}
