"""Enemies that need time or memory: those that hold a call until its deadline, that come again and again, that bring what they have
recorded; and what an endpoint with a right certificate can do at birth."""
import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import enemies
import harness
from enemies import HOLD, MIB, Reply, endpoint, ok, relay
from enemy_rig import BAD, HURRIED, NO_END, PATIENT, REFUSED, check_failed
from test_enemies import ROWS


@pytest.fixture
def boot(rig):
    started = []

    def start(role):
        started.append(rig.boot(role))
        return started[-1]
    yield start
    for enclave in started:
        enclave.kill()


def silent(enemy, connection):
    enemy.hold(connection)


def trickled(answer):
    def pieces(enemy, request):
        whole = answer(enemy, request)
        for i in range(len(whole) - 1):
            enemy.holding.set()
            yield whole[i:i + 1]
            if enemy.let_go.wait(0.05):
                return
        yield HOLD
    return pieces


def held_in_answer(rig):
    """The answer, but for its last byte, and then nothing; neither an end."""
    def pieces(enemy, request):
        yield rig.genuine(enemy, request)[:-1]
        yield HOLD
    return endpoint(rig.context, pieces)


def carried(rig, down, up=lambda pieces: pieces):
    behave = relay(rig.devd, down, up)

    def holding(enemy, connection):
        enemy.holding.set()
        behave(enemy, connection)
        enemy.gone.set()
    return holding


def slowly(pieces):
    for piece in pieces:
        for i in range(len(piece)):
            yield piece[i:i + 1]
            time.sleep(0.05)  # what is tested


# those who hold the connection: (what the enemy does, type)
HELD = {
    "silence": (lambda r: silent, "ConnectFailed"),
    "handshake-trickled": (lambda r: carried(r, slowly), "ConnectFailed"),
    "silence-after-the-request": (lambda r: endpoint(r.context, lambda enemy, request: (HOLD,)), NO_END),
    "answer-without-its-end": (held_in_answer, NO_END),
    "trickle": (lambda r: endpoint(r.context, trickled(lambda enemy, request: ok(b"{" + b" " * 60000 + b"}"))), NO_END),
    "answer-never-carried": (lambda r: carried(r, *enemies.in_answer(lambda record: b"", more=True)), NO_END),
}


@pytest.mark.parametrize("row", HELD)
def test_who_holds_a_call_holds_it_until_its_deadline(rig, boot, row):
    """Not longer: it ends while an image that waits longer still waits for the same enemy, attacked before it."""
    make, type = HELD[row]
    hurried, patient = boot(HURRIED), boot(PATIENT)
    with ThreadPoolExecutor(1) as pool:
        other = enemies.Enemy(patient.way, make(rig))
        late = pool.submit(rig.call, patient, "configure")
        try:
            assert other.holding.wait(100)
            enemy, answer, raw = rig.attack(hurried, make(rig), hangs_up=True)
            still_held = not late.done()
        finally:
            other.close()
        assert late.result()[0].code == "KMS_UNAVAILABLE"
    check_failed(rig, hurried, enemy, answer, raw, type, None)
    assert still_held
    rig.configure_honestly(hurried)


AGAIN = ("endless-handshake", "endless-warnings", "cut-after-600", "answer-flipped", "other-authority", "endless-header", "endless-body", "100-mib",
         "deep-json", "error-page", "other-recipient", "other-key-renamed", "envelope-flipped-0", "plaintext-beside")


def test_memory_stays_flat(rig, boot):
    """After each round of attacks as much is resident as after the first ones."""
    enclave, resident = boot(PATIENT), []
    for _ in range(5):
        for row in AGAIN:
            make, type, _ = ROWS[row]
            _, answer, _ = rig.attack(enclave, make(rig))
            assert answer.kms_error["type"] == type
        resident.append(sum(map(harness.resident_bytes, enclave.processes())))
    assert resident[-1] < resident[1] + MIB // 2, resident
    rig.configure_honestly(enclave)


def test_an_enclave_is_not_fooled_by_its_own_earlier_answers(rig, boot):
    """Each is KMS's genuine answer to this very enclave, about the right key; another call has asked for it."""
    enclave, said = boot(PATIENT), {}

    def record(enemy, request):
        said[enemies.operation(request)] = answer = rig.genuine(enemy, request)
        return None if enemies.operation(request) == "Decrypt" else answer
    assert rig.attack(enclave, endpoint(rig.context, record), "provision")[1].code == "OK"
    assert rig.attack(enclave, endpoint(rig.context, record))[1].kms_error["type"] == NO_END
    for name in ("DescribeKey", "GenerateDataKey", "Decrypt"):
        enemy, answer, raw = rig.attack(enclave, rig.says(said[name]))
        check_failed(rig, enclave, enemy, answer, raw, BAD, 1)
    rig.configure_honestly(enclave)


def at_birth(**answers):
    """answers by operation: answer(rig, reply), a changed genuine one."""
    def make(rig):
        def answer(enemy, request):
            reply, change = Reply(rig.genuine(enemy, request)), answers.get(enemies.operation(request))
            return change(rig, reply) if change else reply.raw()
        return endpoint(rig.context, answer)
    return make


def described_as(**members):
    return at_birth(DescribeKey=lambda r, reply: reply.json(KeyMetadata={**json.loads(reply.body)["KeyMetadata"], **members}))


# against Provision: (what the enemy does, type, requests)
AT_BIRTH = {
    "another-key-described": (lambda r: described_as(Arn=r.deployment.keys[1])(r), "UnsuitableKey", 1),
    "imported-key": (described_as(Origin="EXTERNAL"), "UnsuitableKey", 1),
    "several-regions": (described_as(MultiRegion=True), "UnsuitableKey", 1),
    "another-answer": (at_birth(DescribeKey=lambda r, reply: r.recorded["GenerateDataKey"]), "UnsuitableKey", 1),
    "answered-ahead": (at_birth(DescribeKey=lambda r, reply: reply.raw() + r.recorded["GenerateDataKey"]), BAD, 1),
    "another-recipient": (at_birth(GenerateDataKey=lambda r, reply: r.recorded["GenerateDataKey"]), BAD, 2),
    "no-ciphertext": (at_birth(GenerateDataKey=lambda r, reply: reply.json(CiphertextBlob="")), BAD, 2),
    "huge-ciphertext": (at_birth(GenerateDataKey=lambda r, reply: reply.json(CiphertextBlob="A" * 8196)), BAD, 2),
    "plaintext-beside": (at_birth(GenerateDataKey=lambda r, reply: reply.json(Plaintext="QUFB")), BAD, 2),
}


@pytest.mark.parametrize("row", AT_BIRTH)
def test_an_enemy_at_birth(rig, boot, row):
    make, type, requests = AT_BIRTH[row]
    enclave = boot(PATIENT)
    enemy, answer, raw = rig.attack(enclave, make(rig), "provision")
    check_failed(rig, enclave, enemy, answer, raw, type, requests)
    rig.configure_honestly(enclave)


def test_a_key_that_an_endpoint_chooses_at_birth_is_found_out_by_kms(rig, boot):
    """Who holds a certificate that the image trusts can give birth to a key that it knows; KMS's ciphertext does not hold it."""
    def answer(enemy, request):
        if enemies.operation(request) == "DescribeKey":
            return rig.genuine(enemy, request)
        blob = json.loads(Reply(rig.genuine(enemy, request)).body)["CiphertextBlob"]
        return rig.foreign_answer(request, KeyId=rig.deployment.keys[0], CiphertextBlob=blob)
    enclave, births = boot(PATIENT), rig.deployment.births
    _, born, _ = rig.attack(enclave, endpoint(rig.context, answer), "provision")
    assert born.code == "OK"
    enemy, answer, raw = rig.attack(enclave, relay(rig.devd), birth=born.body)
    check_failed(rig, enclave, enemy, answer, raw, REFUSED, None)
    rig.configure_honestly(enclave)


def test_nobody_listens(rig, boot):
    enclave = boot(PATIENT)
    enclave.way.unlink(missing_ok=True)
    answer, raw = rig.call(enclave, "configure")
    assert answer.code == "KMS_UNAVAILABLE" and answer.kms_error["type"] == "ProxyUnreachable" and answer.kms_error["recipient_sent"] == 0
    rig.configure_honestly(enclave)


def test_a_recorded_connection_is_worth_nothing(rig, boot):
    """A proxy sends KMS again what the enclave has sent: TLS has keys of its own for each connection."""
    enclave, decrypts = boot(PATIENT), lambda: sum(e["eventName"] == "Decrypt" for e in rig.devd.events())
    before = decrypts()
    enemy, answer, _ = rig.attack(enclave, relay(rig.devd))
    assert answer.code == "OK" and decrypts() == before + 1
    with enemies.to_kms(rig.devd) as kms, contextlib.suppress(OSError):  # it may hang up before all is sent
        kms.sendall(enemy.seen)
        kms.shutdown(socket.SHUT_WR)
        while kms.recv(65536):
            pass
    assert decrypts() == before + 1
    for word in (b"TrentService", rig.deployment.keys[0].encode(), rig.credentials["access_key_id"].encode()):
        assert word not in enemy.seen  # what a proxy sees is TLS
