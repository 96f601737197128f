#!/usr/bin/env python3
"""What a user would pick instead of cmaw: Temporal's Python SDK with an AES-GCM payload codec. Two trivial activities in one
worker, a two-step workflow, the same server and the same payload size as bench/load. The worker is a process of its own, so
that its memory can be told from the load generator's. Prints one JSON object.

Kept honest: the workflow runner is unsandboxed (the sandbox costs the SDK a good part of its speed), the worker's limits are
above what is in flight, the codec does no more than Temporal's own sample does, and a warm-up is not counted."""
import argparse
import asyncio
import dataclasses
import json
import multiprocessing
import os
import resource
import sys
import time
import uuid
from datetime import timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

KEY_ID = b"bench"


class AesGcmCodec(PayloadCodec):
    """Temporal's encryption sample: the whole payload sealed with AES-256-GCM under one key."""

    def __init__(self, key):
        self.cipher = AESGCM(key)

    async def encode(self, payloads):
        return [Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": KEY_ID}, data=self.seal(p.SerializeToString()))
                for p in payloads]

    async def decode(self, payloads):
        return [Payload.FromString(self.open(p.data)) if p.metadata.get("encoding") == b"binary/encrypted" else p for p in payloads]

    def seal(self, data):
        nonce = os.urandom(12)
        return nonce + self.cipher.encrypt(nonce, data, None)

    def open(self, data):
        return self.cipher.decrypt(data[:12], data[12:], None)


@activity.defn
async def first(data: bytes) -> bytes:
    return data


@activity.defn
async def second(data: bytes) -> bytes:
    return data


@workflow.defn
class TwoSteps:
    @workflow.run
    async def run(self, data: bytes) -> bytes:
        timeout = timedelta(seconds=60)
        data = await workflow.execute_activity(first, data, start_to_close_timeout=timeout)
        return await workflow.execute_activity(second, data, start_to_close_timeout=timeout)


async def connect(address, namespace, key):
    converter = dataclasses.replace(DataConverter.default, payload_codec=AesGcmCodec(key))
    return await Client.connect(address, namespace=namespace, data_converter=converter)


async def serve(address, namespace, queue, key, ready, stop):
    worker = Worker(await connect(address, namespace, key), task_queue=queue, workflows=[TwoSteps], activities=[first, second],
                    workflow_runner=UnsandboxedWorkflowRunner(), max_concurrent_activities=200, max_concurrent_workflow_tasks=200,
                    max_cached_workflows=1000)
    async with worker:
        ready.set()
        await asyncio.get_running_loop().run_in_executor(None, stop.wait)


def worker_process(address, namespace, queue, key, ready, stop):
    asyncio.run(serve(address, namespace, queue, key, ready, stop))


async def load(client, queue, runs, in_flight, size):
    """Latencies in ms of the runs, and the seconds that all took."""
    left, latencies, content = iter(range(runs)), [], os.urandom(size)

    async def one_after_another():
        for _ in left:
            started = time.monotonic()
            result = await client.execute_workflow(TwoSteps.run, content, id=f"peer-{uuid.uuid4()}", task_queue=queue)
            latencies.append((time.monotonic() - started) * 1000)
            if result != content:
                sys.exit("peer: a workflow gave another result")
    started = time.monotonic()
    await asyncio.gather(*[one_after_another() for _ in range(in_flight)])
    return sorted(latencies), time.monotonic() - started


def status_kib(pid, field):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(latencies, share):
    return round(latencies[min(len(latencies) - 1, int(len(latencies) * share))], 2)


async def measure(options, queue, key, pid):
    client = await connect(options.temporal, options.namespace, key)
    await load(client, queue, max(8, options.in_flight), options.in_flight, options.size)
    worker_before, own_before = cpu_seconds(pid), resource.getrusage(resource.RUSAGE_SELF)
    latencies, seconds = await load(client, queue, options.runs, options.in_flight, options.size)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "in_flight": options.in_flight, "runs": options.runs, "size": options.size,
        "workflows_per_s": round(options.runs / seconds, 2), "p50_ms": percentile(latencies, 0.50), "p99_ms": percentile(latencies, 0.99),
        "rss_bytes": status_kib(pid, "VmRSS") * 1024, "peak_rss_bytes": status_kib(pid, "VmHWM") * 1024,
        "worker_cpu_s": round(cpu_seconds(pid) - worker_before, 2),
        "client_cpu_s": round(own.ru_utime + own.ru_stime - own_before.ru_utime - own_before.ru_stime, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--temporal", required=True, metavar="HOST:PORT")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--size", type=int, default=1024, help="bytes of the payload")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    queue, key = f"peer-{uuid.uuid4()}", os.urandom(32)
    worker = context.Process(target=worker_process, args=(options.temporal, options.namespace, queue, key, ready, stop), daemon=True)
    worker.start()
    if not ready.wait(60):
        sys.exit("peer: the worker did not start\nhint: is Temporal at the address of --temporal?")
    result = asyncio.run(measure(options, queue, key, worker.pid))
    stop.set()
    worker.join(30)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
