"""Many connections at once: all answered, memory and descriptors bounded, and beyond the limit a refusal instead of silence."""
import base64
import functools
import http.client
import json
import os
import resource
import socket
import ssl

import pytest

import devd as world
from devd import CONTEXT

IN_FLIGHT = 1000
AT_A_TIME = 100
REQUEST_LINE = b"POST / HTTP/1.1\r\n"
MEMORY_MIB = 128  # for all of them


@pytest.fixture(autouse=True)
def descriptors():
    """This process has as many connections as the one that it tests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192) if hard != resource.RLIM_INFINITY else 8192, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def start(tmp_path):
    started = []

    def one(*options, **more):
        started.append(world.Devd(tmp_path / "devd", *options).start(**more))
        return started[-1]
    yield one
    for devd in started:
        assert devd.stop() == 0


@functools.cache
def trusting(ca):
    return ssl.create_default_context(cafile=ca)


def connect(devd, timeout=120):
    plain = socket.create_connection(("127.0.0.1", devd.port), timeout=timeout)
    try:
        return trusting(devd.folder / "tls-ca.pem").wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


def answer(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read() or b"null")


def status_of(devd, name):
    for line in open(f"/proc/{devd.process.pid}/status"):
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise KeyError(name)


def open_files(devd):
    return len(os.listdir(f"/proc/{devd.process.pid}/fd"))


def connect_all(devd):
    """Connections, and how much of the request line has gone over each: none falls silent for so long that it is closed."""
    opened = []
    while len(opened) < IN_FLIGHT:
        opened += [(connect(devd), 0) for _ in range(AT_A_TIME)]
        for connection, sent in opened:
            connection.sendall(REQUEST_LINE[sent:sent + 1])
        opened = [(connection, sent + 1) for connection, sent in opened]
    return opened


def test_a_thousand_decrypts_in_flight(start):
    """A thousand TLS connections; all requests are sent before one reply is read; every other one with a recipient."""
    devd = start()
    files, memory = open_files(devd), status_of(devd, "VmRSS")
    admin, key = devd.client("kms", devd.access_key(world.ADMIN)), devd.access_key(world.PARENT)
    parent = devd.client("kms", key)
    arn = admin.create_key(Policy=world.policy(world.ADMINISTRATION, world.allow(world.PARENT, ["kms:Encrypt", "kms:Decrypt"])))["KeyMetadata"]["Arn"]
    blobs = [base64.b64encode(parent.encrypt(KeyId=arn, Plaintext=f"plaintext {n}".encode(), EncryptionContext=CONTEXT)["CiphertextBlob"]).decode()
             for n in range(20)]
    opened = connect_all(devd)
    connections = [connection for connection, _ in opened]
    assert open_files(devd) >= files + IN_FLIGHT
    enclave = world.Enclave(devd.folder)
    recipient = enclave.recipient()
    recipient["AttestationDocument"] = base64.b64encode(recipient["AttestationDocument"]).decode()
    for number, (connection, sent) in enumerate(opened):
        body = {"CiphertextBlob": blobs[number % 20], "KeyId": arn, "EncryptionContext": CONTEXT}
        request = world.request_bytes(devd, key, "Decrypt", body | ({"Recipient": recipient} if number % 2 else {}))
        assert request.startswith(REQUEST_LINE)
        connection.sendall(request[sent:])
    seen = set()
    for number, connection in enumerate(connections):
        status, got = answer(connection)
        assert status == 200, (number, got)
        wanted = f"plaintext {number % 20}".encode()
        if number % 2:
            assert "Plaintext" not in got and enclave.open({"CiphertextForRecipient": base64.b64decode(got["CiphertextForRecipient"])}) == wanted
            seen.add(got["CiphertextForRecipient"])
        else:
            assert base64.b64decode(got["Plaintext"]) == wanted
    assert len(seen) == IN_FLIGHT // 2
    peak = status_of(devd, "VmHWM")
    print(f"resident before {memory} kB, at most {peak} kB, {status_of(devd, 'Threads')} threads")
    assert peak < MEMORY_MIB * 1024, f"{peak} kB"
    assert status_of(devd, "Threads") < 100
    for connection in connections:
        connection.close()
    # boto3 keeps a connection or two, and SQLite has opened its log
    assert world.wait_for(lambda: open_files(devd) <= files + 10), (files, open_files(devd))
    trail = devd.client("cloudtrail", devd.access_key(world.ADMIN))
    pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "Decrypt"}])
    assert sum(len(page["Events"]) for page in pages) == IN_FLIGHT


def refused(devd):
    """Whether a new connection is closed without an answer, at once rather than by our own time limit."""
    try:
        connection = connect(devd, timeout=180)
    except (ssl.SSLError, ConnectionError) as refusal:
        assert not isinstance(refusal, TimeoutError)
        return True
    connection.close()
    return False


def random_number(devd, key, connection):
    connection.sendall(world.request_bytes(devd, key, "GenerateRandom", {"NumberOfBytes": 8}))
    return answer(connection)[0] == 200


def test_beyond_the_limit_connections_are_refused(start):
    devd = start("--connections", "40")
    key = devd.access_key(world.PARENT)
    connections = [connect(devd) for _ in range(40)]
    for _ in range(200):
        assert refused(devd)
    assert all(random_number(devd, key, connection) for connection in connections)
    assert devd.wait_log("http.refused") and devd.log_text().count("http.refused") == 1
    for connection in connections[:5]:
        connection.close()
    assert world.wait_for(lambda: not refused(devd))
    assert all(random_number(devd, key, connection) for connection in connections[5:])
    for connection in connections:
        connection.close()


def test_the_limit_of_open_files_lowers_that_of_connections(start):
    """With 300 descriptors there are fewer connections, which is said, and no failing accept."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    devd = start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)))
    assert "http.limit" in "".join(devd.log) and "connections=44" in "".join(devd.log)
    connections = [connect(devd) for _ in range(44)]
    assert refused(devd)
    key_program = devd.access_key(world.PARENT)
    assert all(random_number(devd, key_program, connection) for connection in connections)
    for connection in connections:
        connection.close()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_those_who_connect_and_say_nothing_hinder_nobody(start):
    """Half-open TLS handshakes and half-sent requests hold their connection only."""
    devd = start()
    key = devd.access_key(world.PARENT)
    silent = [socket.create_connection(("127.0.0.1", devd.port)) for _ in range(200)]
    halves = [connect(devd) for _ in range(100)]
    for connection in halves:
        connection.sendall(world.request_bytes(devd, key, "GenerateRandom", {"NumberOfBytes": 8})[:200])
    with connect(devd) as connection:
        assert all(random_number(devd, key, connection) for _ in range(20))
    for connection in silent + halves:
        connection.close()
