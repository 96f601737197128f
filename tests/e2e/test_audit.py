"""`cmaw verify` and CloudTrail: what an attacker with the keys' administration really did, events that come late or never, pages and rate limits."""
import contextlib
import http.client
import json
import os
import pty
import select
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time

import botocore.exceptions
import pytest

import harness
import pb
import sst1
from harness import ROOT
from stack import CLAIM, LETTERS, Result, Stack

sys.path.append(str(ROOT / "tests" / "peer" / "kms"))
import devd as simulator  # noqa: E402


class Audited(Stack):
    """A stack with one finished run, and the hands of somebody who administers its keys."""

    def __init__(self, folder):
        super().__init__(folder)
        self.up().trust()
        self.devd = harness.Devd.__new__(harness.Devd)
        self.devd.folder, self.devd.keys, self.devd.port = self.dir / "devd", {}, self.state()["ports"]["devd"]
        self.devd.tls_ca = self.devd.folder / "tls-ca.pem"
        self.admin, self.parent = self.devd.client("kms", harness.ADMIN), self.devd.client("kms", harness.PARENT)
        self.bundle = pb.decode("Bundle", (self.dir / "bundle.bin").read_bytes())
        self.manifest = sst1.Manifest(self.bundle["manifest"])
        self.key = self.manifest.roles[1]["kms_key_arn"]
        self.blob = self.bundle["roles"][0]["kms_blob"]
        self.context = sst1.encryption_context(self.manifest, 1)
        self.policy = self.admin.get_key_policy(KeyId=self.key, PolicyName="default")["Policy"]
        next_second()  # CloudTrail's times are seconds: what follows is after the birth
        self.run_id = self.run(LETTERS / "01-water-approve.txt").json()["run_id"]
        next_second()

    def sql(self, text, *values):
        with contextlib.closing(sqlite3.connect(self.devd.folder / "devd.db", timeout=180)) as database, database:
            return database.execute(text, values).fetchall()

    @contextlib.contextmanager
    def undone(self):
        """Afterwards CloudTrail has forgotten what happened meanwhile, and the policy is what it was."""
        last = self.sql("SELECT max(seq) FROM event")[0][0]
        try:
            yield
        finally:
            self.put(self.policy)
            self.sql("DELETE FROM event WHERE seq > ?", last)

    def put(self, policy):
        self.admin.put_key_policy(KeyId=self.key, PolicyName="default", Policy=policy)

    def loosen(self):
        self.put(json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": [harness.ADMIN, harness.PARENT]}, "Action": "kms:*", "Resource": "*"}]}))

    def late(self, ms, where="name = 'Decrypt'"):
        self.sql(f"UPDATE event SET visible_ms = ? WHERE {where}", int(time.time() * 1000) + ms)

    @contextlib.contextmanager
    def hidden(self, where="name = 'Decrypt'"):
        self.late(3600_000, where)
        try:
            yield
        finally:
            self.sql("UPDATE event SET visible_ms = time_ms")

    def verify(self, *arguments, env=None):
        return self.cmaw("verify", self.run_id, "--json", *arguments, env=env)


def next_second():
    """Until the clock's second is another one."""
    start = int(time.time())
    harness.wait_for(lambda: int(time.time()) > start, "the next second")


@pytest.fixture(scope="module")
def audited(folder):
    stack = Audited(folder / "audited")
    yield stack
    stack.down()


def attestation(result):
    return json.loads(result.out)["attestation"]


def assert_verdict(result, verdict, *words, status=None):
    """Of the attestation; status is the program's, where another proof decides it."""
    assert result.status == (status or {"pass": 0, "fail": 1, "incomplete": 4}[verdict]), (result.out, result.err)
    value = attestation(result)
    assert (value["verdict"], value["pass"]) == (verdict, verdict == "pass"), value
    for word in words:
        assert word in result.out + result.err, (word, result.out)


def text_of(stack, *arguments, env=None):
    return stack.cmaw("verify", stack.run_id, *arguments, env=env).out


def foreign_recipient(stack):
    """A good document of an enclave that the manifest does not list, of the same instance."""
    with contextlib.closing(simulator.Enclave(stack.devd.folder)) as enclave:
        return enclave.recipient()


ATTACKS = {
    "decrypt": ("without a recipient", lambda s: s.parent.decrypt(CiphertextBlob=s.blob, KeyId=s.key, EncryptionContext=s.context)),
    "generate": ("without a recipient", lambda s: s.parent.generate_data_key(KeyId=s.key, KeySpec="AES_256", EncryptionContext=s.context)),
    "other enclave": ("that the manifest does not list",
                      lambda s: s.parent.decrypt(CiphertextBlob=s.blob, KeyId=s.key, EncryptionContext=s.context, Recipient=foreign_recipient(s))),
    "blob only": ("GenerateDataKeyWithoutPlaintext was granted",
                  lambda s: s.parent.generate_data_key_without_plaintext(KeyId=s.key, KeySpec="AES_256", EncryptionContext=s.context)),
    "pair": ("GenerateDataKeyPair was granted",
             lambda s: s.parent.generate_data_key_pair(KeyId=s.key, KeyPairSpec="ECC_NIST_P256", EncryptionContext=s.context)),
    "encrypt": ("Encrypt was granted", lambda s: s.parent.encrypt(KeyId=s.key, Plaintext=b"mine", EncryptionContext=s.context)),
    "re-encrypt": ("ReEncrypt was granted", lambda s: s.parent.re_encrypt(
        CiphertextBlob=s.blob, SourceEncryptionContext=s.context, DestinationKeyId=s.key, DestinationEncryptionContext={"mine": "1"})),
    "grant": ("CreateGrant was granted", lambda s: s.parent.create_grant(KeyId=s.key, GranteePrincipal=harness.PARENT, Operations=["Decrypt"])),
}


def measured_recipient(stack):
    """A good document with the measurements of the role, of another enclave."""
    measurement = stack.manifest.roles[1]["measurements"][0]
    registers = {i: measurement[f"pcr{i}"].hex() for i in (0, 1, 2)}
    with contextlib.closing(simulator.Enclave(stack.devd.folder, registers=registers)) as enclave:
        return enclave.recipient()


def test_the_run_of_nobody_s_attack_passes(audited):
    result = audited.verify()
    assert_verdict(result, "pass")
    assert [k["missing"] for k in attestation(result)["keys"]] == [0, 0]


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_found(audited, name):
    words, attack = ATTACKS[name]
    with audited.undone():
        audited.loosen()
        try:
            attack(audited)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "UnsupportedOperationException":
                raise
            pytest.skip(f"{name}: the emulator does not have this operation")
        result = audited.verify("--wait", "1")
        assert_verdict(result, "fail")
        text = text_of(audited)
        assert "FAIL attestation" in text and "BAD        " in text and words in text, text
        assert "the key's policy was changed" in text  # it could not have happened otherwise
    assert_verdict(audited.verify(), "pass")


def test_a_key_of_two_manifests(audited):
    """The uses of the other one are told apart by their encryption context; of another image they are findings, and say why."""
    def birth_of_another(recipient):
        audited.parent.generate_data_key(KeyId=audited.key, KeySpec="AES_256", EncryptionContext=audited.context | {"manifest": "11" * 32},
                                         Recipient=recipient)
    with audited.undone():
        audited.loosen()
        birth_of_another(measured_recipient(audited))
        assert_verdict(audited.verify("--wait", "1"), "pass", "other roles or manifests: 1;")
        birth_of_another(foreign_recipient(audited))
        assert_verdict(audited.verify("--wait", "1"), "fail", "for an enclave of another manifest")


def test_what_the_policy_refuses_is_no_finding(audited):
    with audited.undone():
        for _, attack in ATTACKS.values():
            with pytest.raises(botocore.exceptions.ClientError):
                attack(audited)
        assert_verdict(audited.verify(), "pass")


def test_a_policy_that_was_loose_for_a_while(audited):
    """Between birth and run it is a finding, though nobody was seen to use it; the same policy again is none, nor is one after the run."""
    seqs = audited.sql("SELECT max(seq) FROM event")[0][0]
    with audited.undone():
        audited.put(audited.policy)
        assert_verdict(audited.verify(), "pass")
        audited.loosen()
        assert_verdict(audited.verify(), "pass")
        text = text_of(audited)
        assert "note       the key's policy was changed" in text and "after the run" in text
    with audited.undone():
        audited.loosen()
        audited.put(audited.policy)
        next_second()
        run = audited.run(LETTERS / "12-expired-deny.txt").json()["run_id"]
        result = audited.cmaw("verify", run, "--json")
        assert_verdict(result, "fail")
        assert "between the key's birth and the end of the run" in audited.cmaw("verify", run).out
    assert audited.sql("SELECT max(seq) FROM event")[0][0] == seqs


def test_late_events_are_waited_for(audited):
    with audited.hidden():
        verifying = subprocess.Popen([harness.program("cmaw"), "verify", audited.run_id, "--json", "--wait", "600"], env=audited.env,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = verifying.stderr.readline()
    out, more = verifying.communicate(timeout=600)
    verifying.stdout, verifying.stderr = out, said + more
    assert_verdict(Result(verifying), "pass")
    assert "waiting for CloudTrail: 2 of 4 uses of the keys are there" in said
    assert "\r" not in said + more  # no terminal: plain lines


@pytest.mark.parametrize("where", ["name = 'Decrypt'", "name = 'GenerateDataKey'", "name = 'Decrypt' AND resource LIKE '%{}'"])
def test_what_is_not_there_is_not_proven(audited, where):
    with audited.hidden(where.format(audited.key[-12:])):
        result = audited.verify("--wait", "1")
        assert_verdict(result, "incomplete", "not complete")
        text = text_of(audited, "--wait", "0")
        assert "INCOMPLETE attestation" in text and "MISSING" in text and "PASS attestation" not in text
    assert_verdict(audited.verify(), "pass")


def test_a_finding_counts_more_than_what_is_missing(audited):
    with audited.undone(), audited.hidden("name = 'GenerateDataKey'"):
        audited.loosen()
        ATTACKS["decrypt"][1](audited)
        assert_verdict(audited.verify("--wait", "600"), "fail")


def test_interrupted_on_a_terminal(audited):
    """One line that changes, and Ctrl-C ends with what is known."""
    with audited.hidden():
        main, end = pty.openpty()
        process = subprocess.Popen([harness.program("cmaw"), "verify", audited.run_id, "--wait", "600"], env=audited.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=end, text=True)
        os.close(end)
        seen = b""
        while b"waiting for CloudTrail" not in seen:
            assert select.select([main], [], [], 180)[0], seen
            seen += os.read(main, 4096)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=180)
        os.close(main)
    assert process.returncode == 4 and b"\r\x1b[K" in seen
    assert "INCOMPLETE attestation: interrupted" in out and "PASS integrity" in out


def test_hundreds_of_events_in_pages(audited):
    with audited.undone():
        for _ in range(320):
            audited.admin.describe_key(KeyId=audited.key)
        result = audited.verify()
        assert_verdict(result, "pass")
        assert attestation(result)["pages"] >= 8
        assert max(k["events"] for k in attestation(result)["keys"]) > 320


def test_a_use_on_the_last_page_is_found(audited):
    with audited.undone():
        audited.loosen()
        ATTACKS["decrypt"][1](audited)
        for _ in range(120):
            audited.admin.describe_key(KeyId=audited.key)
        assert_verdict(audited.verify(), "fail")


def test_throttled_by_others(audited):
    """Others of the account use up the rate: it goes on when there is room, and says how often it had to."""
    stop, busy, body = threading.Event(), threading.Event(), b'{"MaxResults": 1}'
    key, trust = audited.devd.credentials(harness.AUDITOR), ssl.create_default_context(cafile=audited.devd.tls_ca)

    def others():
        """As often as can be: by no client that has more to do."""
        with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", audited.devd.port, timeout=180, context=trust)) as connection:
            while not stop.is_set():
                connection.request("POST", "/", body, simulator.signed_headers(audited.devd, key, "cloudtrail", "CloudTrail_20131101.LookupEvents", body))
                with connection.getresponse() as answer:
                    if b"ThrottlingException" in answer.read():
                        busy.set()
    started = time.monotonic()
    assert_verdict(audited.verify(), "pass")
    undisturbed_s = time.monotonic() - started
    threads = [threading.Thread(target=others) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert busy.wait(180)
        verifying = subprocess.Popen([harness.program("cmaw"), "verify", audited.run_id], env=audited.env, stdout=subprocess.PIPE, text=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            verifying.wait(timeout=3 + 5 * undisturbed_s)  # until it has asked, however slow this machine is
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    out = verifying.communicate(timeout=600)[0]
    assert verifying.returncode == 0, out
    assert "PASS attestation" in out and " 0 times throttled" not in out, out


def elsewhere(stack, tmp_path, **more):
    """The environment of a machine that knows the run, but not the stack."""
    key = stack.devd.credentials(harness.AUDITOR)
    return {"CMAW_DIR": str(tmp_path / "nothing"), "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_CA_BUNDLE": str(stack.devd.tls_ca), **more}


def test_from_another_machine_with_one_s_own_credentials(audited, tmp_path):
    url = f"https://localhost:{audited.devd.port}"
    result = audited.verify("--cloudtrail-endpoint", url, env=elsewhere(audited, tmp_path))
    assert_verdict(result, "pass", status=4)  # the server's database and the logs are not there
    assert json.loads(result.out)["confidentiality"]["verdict"] == "incomplete"
    for name in ("AWS_ENDPOINT_URL_CLOUDTRAIL", "AWS_ENDPOINT_URL"):
        assert_verdict(audited.verify(env=elsewhere(audited, tmp_path, **{name: url + "/"})), "pass", status=4)
    text = text_of(audited, "--cloudtrail-endpoint", url, env=elsewhere(audited, tmp_path))
    assert "not in sight: uses of the last 15 minutes" in text
    with audited.hidden():
        assert_verdict(audited.verify("--cloudtrail-endpoint", url, "--wait", "0", env=elsewhere(audited, tmp_path)), "incomplete")


def test_what_keeps_one_from_asking(audited, tmp_path):
    url = f"https://localhost:{audited.devd.port}"
    env = elsewhere(audited, tmp_path, AWS_ENDPOINT_URL_CLOUDTRAIL=url)
    nobody = audited.verify("--credentials", "environment", env={**env, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert_verdict(nobody, "incomplete", "cannot be looked at")
    for change, status, words in [({"AWS_CA_BUNDLE": ""}, 1, "certificate"),
                                  ({"AWS_SECRET_ACCESS_KEY": "x" * 40}, 1, "InvalidSignatureException"),
                                  ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, 1, "UnrecognizedClientException"),
                                  ({"AWS_ENDPOINT_URL_CLOUDTRAIL": f"https://localhost:{harness.free_port()}"}, 3, "cannot reach"),
                                  ({"AWS_ENDPOINT_URL_CLOUDTRAIL": "http://localhost:1"}, 2, "https://HOST"),
                                  ({"AWS_ENDPOINT_URL_CLOUDTRAIL": "https://localhost:1/path"}, 2, "https://HOST")]:
        result = audited.cmaw("verify", audited.run_id, env={**env, **change})
        assert result.status == status and words in result.err, (change, result.status, result.err)
