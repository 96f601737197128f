#!/usr/bin/env python3
"""Decrypts of the KMS emulator, by clients that keep their connections and send requests that were signed before, beside the
primitives of one; 4 seconds of each kind, or as many as the argument says. Prints one JSON object."""
import base64
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "peer" / "kms"), str(ROOT / "tests")]
import devd as world  # noqa: E402

CLIENTS = 32
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 4


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def exchange(connection, request):
    """Sends a request and reads its answer, of which only the status and the size matter."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"bench: {data.decode(errors='replace')}")
    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += connection.recv(65536)


def rate(devd, key, body):
    """(Decrypts a second, milliseconds of the emulator's processor time for one)"""
    request = world.request_bytes(devd, key, "Decrypt", body)
    context = ssl.create_default_context(cafile=devd.folder / "tls-ca.pem")
    counts, end = [0] * CLIENTS, time.monotonic() + SECONDS

    def client(number):
        with world.socket.create_connection(("127.0.0.1", devd.port)) as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
            while time.monotonic() < end:
                exchange(connection, request)
                counts[number] += 1
    before, started = cpu_seconds(devd.process.pid), time.monotonic()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"per_second": sum(counts) / (time.monotonic() - started), "cpu_ms": (cpu_seconds(devd.process.pid) - before) * 1000 / sum(counts)}


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cmaw-bench-kms-"))
    devd = world.Devd(folder / "devd").start()
    try:
        admin, key = devd.client("kms", devd.access_key(world.ADMIN)), devd.access_key(world.PARENT)
        policy = world.policy(world.ADMINISTRATION, world.allow(world.PARENT, ["kms:Encrypt", "kms:Decrypt"]))
        arn = admin.create_key(Policy=policy)["KeyMetadata"]["Arn"]
        blob = devd.client("kms", key).encrypt(KeyId=arn, Plaintext=bytes(32))["CiphertextBlob"]
        recipient = world.Enclave(devd.folder).recipient()
        document = folder / "document"
        document.write_bytes(recipient["AttestationDocument"])
        recipient["AttestationDocument"] = base64.b64encode(recipient["AttestationDocument"]).decode()
        body = {"CiphertextBlob": base64.b64encode(blob).decode(), "KeyId": arn}
        result = {"clients": CLIENTS, "plain": rate(devd, key, body), "attested": rate(devd, key, body | {"Recipient": recipient}),
                  "primitives": json.loads(subprocess.run([world.BUILD / "bench" / "kms_bench", document], check=True, capture_output=True).stdout)}
        print(json.dumps(result))
    finally:
        devd.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
