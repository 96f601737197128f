"""Temporal and cmaw-worker for tests without the client: runs are started by the peer, over Temporal's Python SDK."""
import os
import pathlib
import socket
import subprocess

from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue, WorkflowIDReusePolicy

import harness
import pb
import sst1
from harness import ROOT


def temporal_program():
    return os.environ.get("CMAW_TEMPORAL") or subprocess.run([ROOT / "scripts/temporal"], capture_output=True, text=True, check=True).stdout.strip()


class Temporal:
    """The dev server with its state in a file, so that it may be killed and come back."""

    def __init__(self, folder, *arguments):
        self.arguments = arguments
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = harness.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def start(self):
        with open(self.folder / "temporal.log", "ab") as log:
            self.process = subprocess.Popen(
                [temporal_program(), "server", "start-dev", "--headless", "--port", str(self.port), "--db-filename", self.folder / "temporal.db",
                 "--log-level", "error", *self.arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder), "TEMPORAL_VERSION_CHECK_DISABLED": "1"})
        harness.wait_for(self.listens, "Temporal", 60)

    def listens(self):
        assert self.process.poll() is None, (self.folder / "temporal.log").read_text()[-2000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait(60)


class Worker:
    def __init__(self, folder, temporal, deployment, enclaves, *arguments, env=None):
        """enclaves: {role id: Enclave}; every role must have been born. env: where its AWS credentials are; the parent's access key by default."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.deployment, manifest = deployment, deployment.manifest
        bundle = folder / "bundle.bin"
        bundle.write_bytes(pb.encode("Bundle", {"manifest": manifest.bytes, "roles": [
            {"role": r, "birth_cert": b["birth_cert"], "ak_doc": b["ak_doc"], "kms_blob": b["kms_blob"]} for r, b in sorted(deployment.births.items())]}))
        if env is None:
            key = deployment.devd.credentials(harness.PARENT)
            env = {**os.environ, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        routes = [word for r, e in enclaves.items() for word in ("--enclave", f"{manifest.roles[r]['name']}=uds:{e.socket}:{harness.RPC_PORT}")]
        self.daemon = harness.Daemon("cmaw-worker", folder / "worker.log", "--temporal", temporal.address, "--bundle", bundle, *routes, *arguments,
                                     env=env)


def payload(message, data, run_id=None):
    metadata = {"encoding": b"binary/encrypted" if run_id else b"binary/protobuf", "messageType": f"cmaw.v1.{message}".encode()}
    if run_id:
        metadata["encryption-key-id"] = f"sst/1:{run_id.hex()}".encode()
    return RawValue(Payload(metadata=metadata, data=data))


def queue(manifest):
    return f"cmaw.{manifest.tenant}.{manifest.mh.hex()[:8]}"


async def start(client, run, *states, plan=None, ticket=None):
    arguments = [payload("Plan", plan or run.plan.bytes), payload("Ticket", ticket or run.ticket, run.run_id),
                 *(payload("State", s, run.run_id) for s in states)]
    return await client.start_workflow("cmaw.run", args=arguments, id=sst1.workflow_id(run.run_id), task_queue=queue(run.manifest),
                                       id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE, result_type=RawValue)


async def connect(temporal):
    return await Client.connect(temporal.address)


async def finish(handle, run, *inputs):
    """Waits, checks the run as its owner, and returns the opened results by edge."""
    result = (await handle.result()).payload
    assert result.metadata["encoding"] == b"binary/encrypted" and result.metadata["messageType"] == b"cmaw.v1.RunResult"
    value = pb.decode("RunResult", result.data)
    evidence = pb.encode("Evidence", {
        "manifest": run.manifest.bytes, "plan": run.plan.bytes, "ticket_header": run.header.bytes, "ak_docs": value["ak_docs"],
        "receipts": value["receipts"], "states": sorted([*inputs, *value["states"]], key=lambda s: sst1.State(s).edge)})
    assert sst1.verify_run(evidence, run.manifest.mh, run.secrets) == (run.run_id, [])
    return {sst1.State(s).edge: run.open(s)["content"] for s in value["states"]}


async def failure_of(handle):
    """The type of the application failure that ended a workflow, and its details."""
    try:
        await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
        while getattr(cause, "cause", None) is not None and not getattr(cause, "type", None):
            cause = cause.cause
        return cause.type, cause
    raise AssertionError("the workflow completed")
