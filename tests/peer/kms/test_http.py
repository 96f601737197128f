"""Requests that no SDK would send."""
import concurrent.futures
import http.client
import json
import socket
import ssl
import urllib.request

import boto3
import pytest
from botocore.exceptions import SSLError

import devd as world


@pytest.fixture(scope="module")
def key(devd):
    return devd.access_key(world.PARENT)


def connect(devd):
    context = ssl.create_default_context(cafile=devd.folder / "tls-ca.pem")
    return http.client.HTTPSConnection("localhost", devd.port, context=context, timeout=120)


def alive(devd, key):
    return world.post(devd, key, "kms", "TrentService.GenerateRandom", b'{"NumberOfBytes": 1}')[0] == 200


@pytest.mark.parametrize("body, name", [
    (b"x", "SerializationException"), (b"[]", "SerializationException"), (b'{"NumberOfBytes": 1}x', "SerializationException"),
    (b'{"NumberOfBytes": 1, "NumberOfBytes": 2}', "SerializationException"), (b'{"NumberOfBytes": "1"}', "SerializationException"),
    (b'{"NumberOfBytes": 1.5}', "SerializationException"), (b'{"NumberOfBytes": 9223372036854775808}', "SerializationException"),
    (b'{"NumberOfBytes": -1}', "ValidationException"), (b'{"a": "\\u0000"}', "SerializationException"), (b'{"a": "\xff"}', "SerializationException"),
    (b"[" * 100000, "SerializationException"), (b'{"NumberOfBytes": 1, "Recipient": 1}', "SerializationException"),
    (b'{"NumberOfBytes": 1, "Recipient": {}}', "ValidationException"),
    (b'{"NumberOfBytes": 1, "Recipient": {"AttestationDocument": "*"}}', "SerializationException"),
    (b'{"NumberOfBytes": 1, "Recipient": {"AttestationDocument": ""}}', "ValidationException"),
    (b"", "ValidationException"), (b"{}", "ValidationException"), (b'{"NumberOfBytes": null}', "ValidationException"),
])
def test_bodies(devd, key, body, name):
    status, answer = world.post(devd, key, "kms", "TrentService.GenerateRandom", body)
    assert (status, answer["__type"]) == (400, name)


@pytest.mark.parametrize("body", [
    b'{"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": []}', b'{"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": {"a": 1}}',
    b'{"KeyId": 1, "Plaintext": "eA=="}', b'{"KeyId": "x", "Plaintext": "eA"}', b'{"KeyId": "x", "Plaintext": "eB=="}',
])
def test_types_of_members(devd, key, body):
    assert world.post(devd, key, "kms", "TrentService.Encrypt", body)[1]["__type"] == "SerializationException"


def test_sizes(devd, key):
    long_id = b'{"KeyId": "%s", "Plaintext": "eA=="}' % (b"k" * 2049)
    assert world.post(devd, key, "kms", "TrentService.Encrypt", long_id)[1]["__type"] == "ValidationException"
    context = b",".join(b'"%d": "%s"' % (i, b"v" * 100) for i in range(100))
    wide = b'{"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": {%s}}' % context
    assert world.post(devd, key, "kms", "TrentService.Encrypt", wide)[1]["__type"] == "ValidationException"
    assert world.post(devd, key, "kms", "TrentService.GenerateRandom", b" " * (512 * 1024 + 1))[0] == 413
    assert alive(devd, key)


def test_unknown_operations(devd, key):
    for target in ("TrentService.GenerateMacs", "TrentService.encrypt", "TrentService."):
        assert world.post(devd, key, "kms", target, b"{}")[1]["__type"] == "UnknownOperationException"
    assert world.post(devd, key, "cloudtrail", "CloudTrail_20131101.Nothing", b"{}")[1]["__type"] == "UnknownOperationException"
    assert world.post(devd, key, "sts", "TrentService.GenerateRandom", b"{}")[1]["__type"] == "InvalidSignatureException"


def test_other_methods_and_paths(devd):
    for method, path in (("GET", "/"), ("POST", "/other"), ("POST", "/?Action=x"), ("PUT", "/"), ("DELETE", "/")):
        connection = connect(devd)
        connection.request(method, path)
        assert connection.getresponse().status in (404, 405)
        connection.close()


def test_headers(devd, key):
    connection = connect(devd)
    connection.request("POST", "/", b"{}", {f"h{i}": "v" for i in range(80)})
    assert connection.getresponse().status == 431
    connection.close()
    plain = socket.create_connection(("127.0.0.1", devd.port), timeout=180)
    plain.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200" not in plain.recv(4096)
    plain.close()
    assert alive(devd, key)


def test_a_user_agent_that_is_no_text(devd, admin):
    admin.meta.events.register_first("before-send.kms.ListKeys", lambda request, **_: request.headers.__setitem__("User-Agent", "\xff\xfe"))
    assert admin.list_keys()["Keys"] is not None


def test_connections_that_hang(devd, key):
    """Three hundred that never say anything do not keep others out."""
    idle = [socket.create_connection(("127.0.0.1", devd.port), timeout=180) for _ in range(300)]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert all(pool.map(lambda _: alive(devd, key), range(64)))
    for one in idle:
        one.close()


def test_unsigned_requests(devd):
    context = ssl.create_default_context(cafile=devd.folder / "tls-ca.pem")
    for target, name in (("TrentService.ListKeys", "MissingAuthenticationTokenException"), ("Other.Thing", "UnknownOperationException")):
        request = urllib.request.Request(f"https://127.0.0.1:{devd.port}/", b"{}", {"X-Amz-Target": target})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, context=context, timeout=180)
        assert caught.value.code == 400 and json.load(caught.value)["__type"] == name


def test_tls_needs_the_ca(devd):
    client = devd.client("kms", devd.access_key(world.PARENT))
    stranger = boto3.client("kms", region_name=world.REGION, endpoint_url=client.meta.endpoint_url, aws_access_key_id="a" * 16,
                            aws_secret_access_key="b")
    with pytest.raises(SSLError):
        stranger.generate_random(NumberOfBytes=1)
