"""Enclaves for an enemy to be tried on, what the enemy can have recorded before, and what must hold after each attack."""
import base64
import json
import os
import pathlib
import time
import types

import enemies
import harness
import pb
from enemies import MIB, Reply, endpoint, ok

PATIENT, HURRIED = 1, 2  # roles, by their deadline for KMS
DEADLINES_S = {PATIENT: 25, HURRIED: 6}
MARK = "what-the-enemy-says"
FOREIGN_TSK = b"a key that the enemy has chosen!"
FOR_ANYBODY = {"Sid": "anybody", "Effect": "Allow", "Principal": {"AWS": harness.PARENT}, "Resource": "*", "Action": ["kms:Encrypt", "kms:Decrypt"]}
NO_TLS, NO_END, BAD, REFUSED = "TlsFailed", "NoAnswer", "BadAnswer", "KeyRefused"


class Rig:
    """Two images that trust a certificate authority of the tests' own beside the emulator's, their births, and answers of KMS to others."""

    def __init__(self, folder, devd):
        self.folder, self.devd = folder, devd
        folder.mkdir()
        self.own, self.other = enemies.Authority(folder, "own"), enemies.Authority(folder, "other")
        self.context = self.own.child("genuine").context()
        roots = folder / "roots.pem"
        roots.write_bytes(devd.tls_ca.read_bytes() + self.own.pem())
        trusted = types.SimpleNamespace(root=devd.root, tls_ca=roots)
        agent = {"/bin/agent": harness.program("echo_agent").read_bytes()}
        self.images = {role: harness.peer_image(folder, f"role{role}", trusted, agent, **{"kms.deadline_s": seconds})
                       for role, seconds in DEADLINES_S.items()}
        self.deployment = harness.Deployment(devd, [self.images[role][1] for role in DEADLINES_S])
        session = devd.session(harness.PARENT)
        self.credentials = {"access_key_id": session["AccessKeyId"], "secret_access_key": session["SecretAccessKey"],
                            "session_token": session["SessionToken"]}
        self.parent = devd.client("kms", harness.PARENT)
        self.foreign_key = self.deployment.admin.create_key(Policy=harness.key_policy(None, None, FOR_ANYBODY))["KeyMetadata"]["Arn"]
        self.foreign_blob = self.parent.encrypt(KeyId=self.foreign_key, Plaintext=FOREIGN_TSK)["CiphertextBlob"]
        self.recorded = {}
        self.record()

    def boot(self, role):
        enclave = harness.Enclave(self.folder, f"e{role}-{os.urandom(3).hex()}", self.images[role][0], self.devd)
        enclave.role, enclave.way = role, pathlib.Path(f"{enclave.socket}_8000")
        enclave.proxy.kill()
        return enclave

    def record(self):
        """Births over an endpoint that only listens: what the rows change is good as it is."""
        def listen(enemy, request):
            self.recorded[enemies.operation(request)] = answer = enemies.ask_kms(self.devd, request)
            return answer
        for role in DEADLINES_S:
            enclave = self.boot(role)
            enemy = enemies.Enemy(enclave.way, endpoint(self.context, listen))
            try:
                for call in ("provision", "configure"):
                    answer, _ = self.call(enclave, call)
                    assert answer.code == "OK", (answer, enclave.launch.tail())
                    self.deployment.births.setdefault(role, answer.body)
            finally:
                enemy.close()
                enclave.kill()

    def call(self, enclave, name, birth=None):
        """Returns the answer, also as bytes."""
        birth = (birth or self.deployment.births.get(enclave.role, {})) if name == "configure" else {}
        values = {"manifest": self.deployment.manifest.bytes, "role": enclave.role, "credentials": self.credentials,
                  **{member: birth[member] for member in ("kms_blob", "birth_cert", "ak_doc") if birth}}
        with enclave.connect(120) as rpc:
            raw = rpc.exchange(pb.encode("EnclaveRequest", {name: values}))
        return harness.Answer(pb.decode("EnclaveResponse", raw)), raw

    def attack(self, enclave, behave, call="configure", birth=None, hangs_up=False):
        """hangs_up: the enclave must end the connection."""
        enemy = enemies.Enemy(enclave.way, behave)
        try:
            started = time.monotonic()
            answer, raw = self.call(enclave, call, birth)
            enemy.took_s = time.monotonic() - started
            assert not hangs_up or enemy.gone.wait(100)
        finally:
            enemy.close()
        return enemy, answer, raw

    def configure_honestly(self, enclave):
        """Over cmaw-proxy. A busy machine may need more than the time of a hurried image."""
        enclave.way.unlink(missing_ok=True)
        enclave.proxy.start()
        answers = []
        while not answers or (answers[-1].code == "KMS_UNAVAILABLE" and len(answers) < 10):
            answers.append(self.call(enclave, "configure")[0])
        assert answers[-1].code == "OK", (answers, enclave.launch.tail())
        described = enclave.call("describe")
        assert described.body["state"] == 3 and described.kms_error is None

    # answers of an endpoint whose certificate is right

    def genuine(self, enemy, request):
        return enemies.ask_kms(self.devd, request)

    def data(self, change):
        """change(reply) of the answers that carry a key."""
        def answer(enemy, request):
            reply = Reply(self.genuine(enemy, request))
            return reply.raw() if enemies.operation(request) == "DescribeKey" else change(reply)
        return endpoint(self.context, answer)

    def says(self, answer):
        """Always the same: bytes, or pieces."""
        return endpoint(self.context, lambda enemy, request: answer)

    def flip(self, at):
        def change(reply):
            envelope = bytearray(base64.b64decode(json.loads(reply.body)["CiphertextForRecipient"]))
            envelope[at] ^= 1
            return reply.json(CiphertextForRecipient=base64.b64encode(envelope).decode())
        return self.data(change)

    def foreign_answer(self, request, **members):
        """KMS's own answer to this enclave's document, about another key."""
        recipient = json.loads(request.split(enemies.HEAD_END)[1])["Recipient"]
        recipient["AttestationDocument"] = base64.b64decode(recipient["AttestationDocument"])
        made = self.parent.decrypt(KeyId=self.foreign_key, CiphertextBlob=self.foreign_blob, Recipient=recipient)
        return ok(json.dumps({"KeyId": made["KeyId"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                              "CiphertextForRecipient": base64.b64encode(made["CiphertextForRecipient"]).decode(), **members}).encode())

    def foreign(self, **members):
        return endpoint(self.context, lambda enemy, request: self.foreign_answer(request, **members))

    def with_identity(self, identity):
        return endpoint(identity.context(), self.genuine)


def peak_bytes(enclave):
    """The most that the enclave's processes have had resident since forget_peak."""
    return sum(int(line.split()[1]) * 1024 for pid in enclave.processes()
               for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))


def forget_peak(enclave):
    for pid in enclave.processes():
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def check_silence(rig, enclave, enemy, raw):
    """Neither who asked, nor the log, nor the enemy has learnt a secret; nothing that the enemy said comes back."""
    described = enclave.connect()
    with described:
        shown = described.exchange(pb.encode("EnclaveRequest", {"describe": {}}))
    secrets = [FOREIGN_TSK, FOREIGN_TSK.hex().encode(), base64.b64encode(FOREIGN_TSK), rig.credentials["secret_access_key"].encode()]
    for where, text in (("answer", raw), ("describe", shown), ("log", enclave.launch.log.read_bytes()), ("enemy", bytes(enemy.seen))):
        for secret in [*secrets, MARK.encode()]:
            assert secret not in text, (where, secret)
    for text in (raw, shown, enclave.launch.log.read_bytes()):
        assert rig.credentials["session_token"].encode() not in text


def check_failed(rig, enclave, enemy, answer, raw, type, requests):
    assert answer.code in ("KMS_UNAVAILABLE", "DENIED") and answer.body is None and answer.kms_error["type"] == type, (answer, enclave.launch.tail())
    assert (answer.code == "DENIED") == (type in (BAD, REFUSED, "UnsuitableKey", "AccessDeniedException")), answer
    error = answer.kms_error
    assert requests is None or (len(enemy.requests) == requests and error["recipient_sent"] == any(b"Recipient" in r for r in enemy.requests[-1:]))
    assert error["message"].isascii() and error["message"].isprintable() and len(error["message"]) <= 512
    described = enclave.call("describe")
    assert described.body["state"] == 2 and described.kms_error == answer.kms_error
    check_silence(rig, enclave, enemy, raw)
