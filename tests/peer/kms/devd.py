"""Runs cmaw-devd and plays an enclave against it, with nothing of ours in between: cbor2 and cryptography decode what it makes."""
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

import ports
from whole import whole_answers

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("CMAW_BUILD", ROOT / "build"))
PROGRAM = BUILD / "dev" / "cmaw-devd"
ACCOUNT = "111122223333"
REGION = "eu-central-1"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/kms-admin"
PARENT = f"arn:aws:iam::{ACCOUNT}:role/enclave-parent"


LOG_LINES = 30


def wait_for(condition):
    """Whether it comes to hold."""
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


class Devd:
    """One cmaw-devd with its folder; start, kill and start again at will. Whatever fails meanwhile is shown with the end of its log."""

    serving = []

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        # tests look at events as often as they like, but for those of the limit itself
        self.options = options if "--lookup-rate" in options else ("--lookup-rate", "0", *options)
        self.process = None
        self.port = ports.free_port()
        subprocess.run([PROGRAM, "init", "--dir", self.folder], check=True, timeout=120)

    def start(self, *more, **popen):
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--dir", self.folder, "--port", str(self.port), "--ready-fd", str(write_end), *self.options, *more],
            pass_fds=[write_end], stderr=subprocess.PIPE, text=True, **popen)
        os.close(write_end)
        ready, _, _ = select.select([read_end], [], [], 120)
        line = os.read(read_end, 16) if ready else b""
        os.close(read_end)
        if line != b"ready\n":
            self.process.kill()
            raise AssertionError(f"cmaw-devd did not become ready:\n{self.process.stderr.read()}")
        self.log = []
        for text in self.process.stderr:
            self.log.append(text)
            if " serving " in text:
                self.port = int(text.split("port=")[1].split()[0])
                break
        # the rest of the log goes where it can be read at any time
        self.log_file = open(self.folder / "devd.log", "ab")
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=self.log_file)
        Devd.serving.append(self)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.stop() == 0

    def kill(self):
        self.process.kill()
        self._reap()

    def stop(self):
        if self.process is None:
            return 0
        self.process.terminate()
        code = self._reap()
        assert code == 0, f"cmaw-devd ended with {code}:\n{self.log_end()}"
        return code

    def _reap(self):
        code = self.process.wait(timeout=120)
        self.drain.wait(timeout=120)
        self.process.stderr.close()
        self.log_file.close()
        self.process = None
        Devd.serving.remove(self)
        return code

    def log_text(self):
        return (self.folder / "devd.log").read_text()

    def log_end(self):
        return "".join(self.log_text().splitlines(keepends=True)[-LOG_LINES:])

    def wait_log(self, text, count=1):
        """Whether the log has text so often, waiting for it."""
        return wait_for(lambda: self.log_text().count(text) >= count)

    def _policy_file(self, option, policy):
        if policy is None:
            return []
        path = self.folder / f"{option}.json"
        path.write_text(json.dumps(policy))
        return [f"--{option}", path]

    def access_key(self, arn, policy=None, session=False, expires_in=None):
        command = [PROGRAM, "access-key", "--dir", self.folder, "--arn", arn, *self._policy_file("policy", policy)]
        command += ["--session"] if session else []
        command += ["--expires-in", str(expires_in)] if expires_in is not None else []
        return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)

    def role(self, arn, trust, policy=None):
        """A role that may be assumed by whom its trust policy says."""
        command = [PROGRAM, "role", "--dir", self.folder, "--arn", arn, *self._policy_file("trust", trust), *self._policy_file("policy", policy)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def client(self, service, key):
        return whole_answers(boto3.client(
            service, region_name=REGION, endpoint_url=f"https://localhost:{self.port}", verify=str(self.folder / "tls-ca.pem"),
            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key.get("SessionToken"),
            config=botocore.config.Config(retries={"total_max_attempts": 1}, max_pool_connections=64, connect_timeout=180, read_timeout=120)))


def refused(call, **arguments):
    """The type and message of the error that a call must end with, and all of its answer."""
    try:
        answer = call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"], error.response
    raise AssertionError(f"not refused: {arguments} -> {answer}")


def code(call, **arguments):
    return refused(call, **arguments)[0]


def signed_headers(devd, key, service, target, body):
    """Headers of a request signed here, by hand, with more of them than boto3 signs."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"content-type": "application/x-amz-json-1.1", "host": f"127.0.0.1:{devd.port}", "x-amz-date": now, "x-amz-target": target,
               "x-amz-content-sha256": digest, "amz-sdk-request": "attempt=1;  max=3"}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    scope = f"{now[:8]}/{REGION}/{service}/aws4_request"
    request = hashlib.sha256(f"POST\n/\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()
    secret = b"AWS4" + key["SecretAccessKey"].encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{request}"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={key['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={secret.hex()}"
    return headers


def request_bytes(devd, key, operation, body):
    """A signed call of KMS as it goes over a connection."""
    data = json.dumps(body).encode()
    headers = signed_headers(devd, key, "kms", f"TrentService.{operation}", data)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(data)}\r\n\r\n".encode() + data


def post(devd, key, service, target, body):
    """A call on a connection of its own. Returns (status, JSON)."""
    headers = signed_headers(devd, key, service, target, body)
    context = ssl.create_default_context(cafile=devd.folder / "tls-ca.pem")
    try:
        with urllib.request.urlopen(urllib.request.Request(f"https://{headers['host']}/", body, headers), context=context, timeout=120) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read() or b"null")


def pcr(text):
    """A register of an image that is called text."""
    return hashlib.sha384(text.encode()).digest()


def extended(*data):
    value = bytes(48)
    for part in data:
        value = hashlib.sha384(value + part).digest()
    return value


class NsmError(Exception):
    pass


class Enclave:
    """An enclave's side of the NSM socket."""

    def __init__(self, folder, image="good", debug=False, token=None, name="i-0123456789abcdef0-enc0123456789abcdef",
                 registers=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(120)
        self.socket.connect(str(pathlib.Path(folder) / "nsm.sock"))
        self.image = image
        if token is None:
            values = {i: pcr(image + str(i)).hex() for i in (0, 1, 2)} | {3: pcr("parent-role").hex(), 4: pcr("parent-id").hex(), 8: "-"}
            registers = (values | (registers or {})).values()
            line = f"NEW {name} {int(debug)} {' '.join(registers)}\n"
        else:
            line = f"RESUME {token}\n"
        self.socket.sendall(line.encode())
        answer = self._line()
        if not answer.startswith("OK "):
            raise NsmError(answer)
        self.token = answer[3:]
        self.key = None

    def close(self):
        self.socket.close()

    def _line(self):
        line = b""
        while not line.endswith(b"\n"):
            part = self.socket.recv(1)
            if not part:
                raise EOFError
            line += part
        return line[:-1].decode()

    def _exact(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def ioctl(self, request):
        self.socket.sendall(struct.pack(">I", len(request)) + request)
        errno, size = struct.unpack(">II", self._exact(8))
        return errno, self._exact(size)

    def call(self, request):
        errno, response = self.ioctl(cbor2.dumps(request))
        if errno != 0:
            raise OSError(errno, "ioctl")
        answer = cbor2.loads(response)
        if isinstance(answer, dict) and "Error" in answer:
            raise NsmError(answer["Error"])
        return answer

    def extend_and_lock(self, index, data):
        value = self.call({"ExtendPCR": {"index": index, "data": data}})["ExtendPCR"]["data"]
        assert self.call({"LockPCR": {"index": index}}) == "LockPCR"
        return value

    def attest(self, public_key=None, user_data=None, nonce=None):
        fields = {"user_data": user_data, "nonce": nonce, "public_key": public_key}
        return self.call({"Attestation": fields})["Attestation"]["document"]

    def recipient(self, bits=2048):
        """A Recipient with a fresh key and a fresh document."""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        return recipient_of(self.attest(public_key=spki(self.key)))

    def open(self, response):
        return open_envelope(response["CiphertextForRecipient"], self.key)


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def recipient_of(document):
    return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}


# -- documents ------------------------------------------------------------------------------------------------------

def split_document(document):
    """(protected, payload map, signature, raw payload)"""
    protected, unprotected, payload, signature = cbor2.loads(document)
    assert document[:1] == b"\x84" and unprotected == {}
    return protected, cbor2.loads(payload), signature, payload


def verify_document(document, root_der):
    """Chain and signature by an independent library; returns the payload."""
    protected, fields, signature, payload = split_document(document)
    assert cbor2.loads(protected) == {1: -35}
    assert fields["cabundle"][0] == root_der
    chain = [x509.load_der_x509_certificate(der) for der in [*fields["cabundle"], fields["certificate"]]]
    for issuer, subject in zip(chain, chain[1:]):
        subject.verify_directly_issued_by(issuer)
    tbs = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    chain[-1].public_key().verify(utils.encode_dss_signature(r, s), tbs, ec.ECDSA(hashes.SHA384()))
    return fields, chain


# -- CMS ------------------------------------------------------------------------------------------------------------

def ber(data, at=0):
    """One BER item: (tag, content or list of items, end). Indefinite lengths where constructed."""
    tag, first = data[at], data[at + 1]
    at += 2
    if first == 0x80:
        items = []
        while data[at:at + 2] != b"\0\0":
            item = ber(data, at)
            items.append(item)
            at = item[2]
        return tag, items, at + 2
    if first > 0x80:
        size = int.from_bytes(data[at:at + (first & 0x7f)], "big")
        at += first & 0x7f
    else:
        size = first
    if not tag & 0x20:
        return tag, data[at:at + size], at + size
    items, end = [], at + size
    while at < end:
        item = ber(data, at)
        items.append(item)
        at = item[2]
    return tag, items, end


def open_envelope(envelope, key):
    return envelope_parts(envelope, key)[3]


def envelope_parts(envelope, key):
    """(content key, IV, wrapped key, plaintext)"""
    tag, content_info, end = ber(envelope)
    assert end == len(envelope) and tag == 0x30
    assert content_info[0][1].hex() == "2a864886f70d010703"
    version, recipients, encrypted = content_info[1][1][0][1]
    assert version[1] == b"\x02" and len(recipients[1]) == 1
    _, key_id, algorithm, wrapped = recipients[1][0][1]
    assert key_id[1] == hashlib.sha256(spki(key)).digest()
    assert algorithm[1][0][1].hex() == "2a864886f70d010107"
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    cek = key.decrypt(wrapped[1], oaep)
    _, cipher, content = encrypted[1]
    assert cipher[1][0][1].hex() == "60864801650304012a"
    body = content[1] if content[0] == 0x80 else b"".join(part[1] for part in content[1])
    decryptor = Cipher(algorithms.AES(cek), modes.CBC(cipher[1][1][1])).decryptor()
    padded = decryptor.update(body) + decryptor.finalize()
    assert 1 <= padded[-1] <= 16 and padded.endswith(padded[-1:] * padded[-1])
    return cek, cipher[1][1][1], wrapped[1], padded[:-padded[-1]]


# -- policies -------------------------------------------------------------------------------------------------------

CONTEXT = {"sst": "1", "tenant": "acme", "role": "1", "manifest": "ab" * 32}
ROLE_LOCK = b"role-lock"


def allow(principal, actions, condition=None):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Resource": "*"}
    return statement | ({"Condition": condition} if condition else {})


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


ADMINISTRATION = allow(ADMIN, ["kms:Describe*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:EnableKey", "kms:DisableKey",
                               "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:*Alias", "kms:TagResource", "kms:UntagResource",
                               "kms:UpdateKeyDescription"])


def hardened(image="good", lock=ROLE_LOCK, context=None):
    """PROTOCOL.md section 5: Decrypt and GenerateDataKey under PCR0, PCR16 and the exact context; nothing unattested."""
    context = CONTEXT if context is None else context
    registers = {"kms:RecipientAttestation:PCR0": pcr(image + "0").hex(), "kms:RecipientAttestation:PCR16": extended(lock).hex()}
    deny = [{"Effect": "Deny", "Principal": "*", "Resource": "*",
             "Action": ["kms:Decrypt", "kms:GenerateDataKey*", "kms:Encrypt", "kms:ReEncrypt*", "kms:CreateGrant", "kms:ReplicateKey"],
             "Condition": {"StringNotEqualsIgnoreCase": {name: value}}} for name, value in registers.items()]
    exact = {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    use = allow(PARENT, ["kms:Decrypt", "kms:GenerateDataKey"],
                {"StringEqualsIgnoreCase": registers, "StringEquals": exact,
                 "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": list(context)}})
    return policy(use, allow(PARENT, ["kms:DescribeKey"]), *deny, ADMINISTRATION)
