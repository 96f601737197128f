"""A hostile proxy and a hostile KMS endpoint against a booted enclave. Each row ends in an error of its kind within the deadline of the
image, says nothing secret and releases nothing, and the same enclave is then configured over the honest way."""
import base64
import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

import enemies
import harness
from enemies import MIB, endpoint, ok, relay
from enemy_rig import BAD, DEADLINES_S, FOREIGN_TSK, MARK, NO_END, NO_TLS, PATIENT, REFUSED, Rig, check_failed, forget_peak, peak_bytes



@pytest.fixture
def enclave(rig):
    enclave = rig.boot(PATIENT)
    yield enclave
    enclave.kill()


def raw_bytes(said):
    """Answers the handshake with bytes of no TLS."""
    def behave(enemy, connection):
        enemy.seen += connection.recv(65536)
        for piece in said:
            connection.sendall(piece)
    return behave


def repeated(piece, count=1 << 20):
    return (piece for _ in range(count))


def flood(head, piece=MARK.encode() * 400, size=1 << 40):
    """A new generator for each request: the head, then size bytes."""
    def answer(enemy, request):
        yield head
        for _ in range(size // len(piece)):
            yield piece
    return answer


def error(status, type, message, *lines):
    return ok(json.dumps({"__type": type, "message": message}).encode(), *lines).replace(b" 200 OK", b" %d X" % status, 1)


HEAD = b"HTTP/1.1 200 OK\r\n"
WARNING, HUGE_HANDSHAKE = b"\x15\x03\x03\x00\x02\x01\x5a", b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" + bytes(16380)

# name: (what the enemy does, type of the error that is told, how many requests it got to read; None: it cannot tell)
ROWS = {
    # another endpoint
    "other-authority": (lambda r: r.with_identity(r.other.child("a")), NO_TLS, 0),
    "self-signed": (lambda r: r.with_identity(enemies.Authority(r.folder, "alone", host=harness.KMS_HOST, is_ca=False)), NO_TLS, 0),
    "wrong-name": (lambda r: r.with_identity(r.own.child("b", host="kms.cmaw.example")), NO_TLS, 0),
    "name-as-prefix": (lambda r: r.with_identity(r.own.child("c", host=f"{harness.KMS_HOST}.example")), NO_TLS, 0),
    "common-name-only": (lambda r: r.with_identity(r.own.child(harness.KMS_HOST, host=None)), NO_TLS, 0),
    "expired": (lambda r: r.with_identity(r.own.child("d", days=(-30, -1))), NO_TLS, 0),
    "not-yet-valid": (lambda r: r.with_identity(r.own.child("e", days=(5, 30))), NO_TLS, 0),
    "certificate-of-a-client": (lambda r: r.with_identity(r.own.child("f", usage=ExtendedKeyUsageOID.CLIENT_AUTH)), NO_TLS, 0),
    "leaf-as-authority": (lambda r: r.with_identity(r.own.child("leaf", host="x.example").child("g")), NO_TLS, 0),
    "tls-1.1": (lambda r: endpoint(r.own.child("h").context((ssl.TLSVersion.TLSv1_1,) * 2), r.genuine), NO_TLS, 0),
    "plain-http": (lambda r: raw_bytes([ok(b"{}")]), NO_TLS, 0),
    "zeros": (lambda r: raw_bytes([bytes(4096)]), NO_TLS, 0),
    "endless-warnings": (lambda r: raw_bytes(repeated(WARNING)), NO_TLS, 0),
    "endless-handshake": (lambda r: raw_bytes(repeated(HUGE_HANDSHAKE)), NO_TLS, 0),
    # a proxy that meddles
    "closed-at-once": (lambda r: lambda enemy, connection: None, "ConnectFailed", 0),
    **{f"cut-after-{n}": (lambda r, n=n: relay(r.devd, down=enemies.cut_after(n)), "ConnectFailed", None) for n in (1, 100, 600)},
    "hello-flipped": (lambda r: relay(r.devd, up=lambda pieces: map(enemies.flipped, pieces)), NO_TLS, None),
    "handshake-flipped": (lambda r: relay(r.devd, down=enemies.on_record(0, enemies.flipped)), NO_TLS, None),
    "handshake-reordered": (lambda r: relay(r.devd, down=enemies.pairs_swapped), NO_TLS, None),
    "answer-cut": (lambda r: relay(r.devd, *enemies.in_answer(lambda record: record[:20])), NO_END, None),
    "answer-withheld": (lambda r: relay(r.devd, *enemies.in_answer(lambda record: b"")), NO_END, None),
    "answer-flipped": (lambda r: relay(r.devd, *enemies.in_answer(enemies.flipped)), NO_END, None),
    "request-flipped": (lambda r: relay(r.devd, up=enemies.on_record(1, enemies.flipped)), NO_END, None),
    "request-twice": (lambda r: relay(r.devd, up=enemies.on_record(1, lambda record: record * 2)), NO_END, None),
    # an endpoint that does not end its answers, or not as HTTP wants
    "truncated-head": (lambda r: r.says((HEAD,)), NO_END, 1),
    "truncated-body": (lambda r: r.says((HEAD + b"Content-Length: 1000\r\n\r\n{",)), NO_END, 1),
    "no-answer": (lambda r: r.says(None), NO_END, 1),
    "endless-status": (lambda r: endpoint(r.context, flood(b"HTTP/1.1 200 ")), BAD, 1),
    "endless-header": (lambda r: endpoint(r.context, flood(HEAD + b"A: ")), BAD, 1),
    "endless-headers": (lambda r: endpoint(r.context, flood(HEAD, b"A: b\r\n" * 1000)), BAD, 1),
    "endless-body": (lambda r: endpoint(r.context, flood(HEAD + b"Content-Length: 60000\r\n\r\n")), BAD, 1),
    "100-mib": (lambda r: endpoint(r.context, flood(HEAD + b"Content-Length: %d\r\n\r\n" % (100 * MIB), size=100 * MIB)), BAD, 1),
    "60-mib": (lambda r: endpoint(r.context, flood(HEAD + b"Content-Length: %d\r\n\r\n" % (60 * MIB), size=60 * MIB)), BAD, 1),
    "100-mib-without-length": (lambda r: endpoint(r.context, flood(HEAD + b"\r\n", size=100 * MIB)), BAD, 1),
    "100-mib-chunked": (lambda r: endpoint(r.context, flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(65536) + b"\r\n",
                                                            100 * MIB)), BAD, 1),
    "two-lengths": (lambda r: r.says(HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), BAD, 1),
    "two-answers": (lambda r: r.data(lambda reply: reply.raw() * 2), BAD, 1),
    "redirect": (lambda r: r.says(b"HTTP/1.1 307 X\r\nLocation: https://kms.cmaw.test/\r\nContent-Length: 0\r\n\r\n"), BAD, 1),
    "http-1.0": (lambda r: r.data(lambda reply: reply.raw().replace(b"HTTP/1.1", b"HTTP/1.0")), BAD, 1),
    "deep-json": (lambda r: r.says(ok(b"[" * 60000)), BAD, 1),
    # one that refuses, in KMS's words or its own
    "error-page": (lambda r: r.says(error(400, "AccessDeniedException", "%s%n\x1b[2J\r\n" * 2000)), "AccessDeniedException", 1),
    "throttled-for-ever": (lambda r: r.says(error(400, "ThrottlingException", "")), "ThrottlingException", 3),
    "broken-for-ever": (lambda r: r.says(error(503, "", "")), "UnknownError", 3),
    "clock-of-2100": (lambda r: r.says(error(403, "InvalidSignatureException", "Signature expired", b"Date: Fri, 01 Jan 2100 00:00:07 GMT")),
                      "InvalidSignatureException", 2),
    # one that answers with what KMS did not say to this call
    "other-key": (lambda r: r.foreign(), BAD, 1),
    "other-key-renamed": (lambda r: r.foreign(KeyId=r.deployment.keys[0]), REFUSED, 1),
    "other-recipient": (lambda r: r.says(r.recorded["Decrypt"]), BAD, 1),
    "other-operation": (lambda r: r.says(r.recorded["DescribeKey"]), BAD, 1),
    "other-key-id": (lambda r: r.data(lambda reply: reply.json(KeyId=r.deployment.keys[1])), BAD, 1),
    "alias-as-key-id": (lambda r: r.data(lambda reply: reply.json(KeyId=r.deployment.keys[0].split("/")[1])), BAD, 1),
    "plaintext-beside": (lambda r: r.data(lambda reply: reply.json(Plaintext=base64.b64encode(FOREIGN_TSK).decode())), BAD, 1),
    "plaintext-instead": (lambda r: r.data(lambda reply: reply.json(Plaintext=base64.b64encode(FOREIGN_TSK).decode(), CiphertextForRecipient=None)), BAD, 1),
    **{f"envelope-flipped-{at}": (lambda r, at=at: r.flip(at), BAD, 1) for at in (0, 30, 80, 200, -1, -10)},
    "iv-flipped": (lambda r: r.flip(420), REFUSED, 1),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
@pytest.mark.parametrize("row", ROWS)
def test_an_enemy(rig, enclave, row):
    behave, type, requests = ROWS[row]
    forget_peak(enclave)
    enemy, answer, raw = rig.attack(enclave, behave(rig))
    attacked = peak_bytes(enclave)
    check_failed(rig, enclave, enemy, answer, raw, type, requests)
    assert enemy.took_s < DEADLINES_S[PATIENT]
    forget_peak(enclave)
    rig.configure_honestly(enclave)
    assert attacked < peak_bytes(enclave) + MIB  # what an honest call takes


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_the_enemy_of_tls_1_1_speaks_it(rig):
    """So that its row is about the version, and not about an enemy that fails by itself."""
    context = ssl.create_default_context(cadata=rig.own.pem().decode())
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    ours, theirs = socket.socketpair()
    server = rig.own.child("i").context((ssl.TLSVersion.TLSv1_1,) * 2)
    with ThreadPoolExecutor(1) as pool, ours, theirs:
        accepted = pool.submit(server.wrap_socket, theirs, server_side=True)
        with context.wrap_socket(ours, server_hostname=harness.KMS_HOST) as stream, accepted.result(60):
            assert stream.version() == "TLSv1.1"
