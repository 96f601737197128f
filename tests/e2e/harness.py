"""Starts the real programs for tests: folders of their own, loopback, readiness by descriptor, every wait with an end."""
import contextlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import time

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILDS = [pathlib.Path(p) for p in os.environ.get("CMAW_BUILD", str(ROOT / "build")).split(":")]
sys.path[:0] = [str(ROOT / "tests" / "peer"), str(ROOT / "tests")]

import eif  # noqa: E402
import pb  # noqa: E402
import sst1  # noqa: E402
from ports import free_port  # noqa: E402
from whole import whole_answers  # noqa: E402

REGION, ACCOUNT = "eu-central-1", "111122223333"
KMS_HOST = "kms.cmaw.test"
RPC_PORT = 5000
FRAME_MAX = 4 << 20


def arn_of(role):
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


ADMIN, PARENT, AUDITOR = arn_of("kms-admin"), arn_of("enclave-parent"), arn_of("auditor")


def program(name):
    """A program of the build tree, wherever its folder is."""
    found = [p for build in BUILDS for p in build.rglob(name) if p.is_file() and os.access(p, os.X_OK)]
    assert found, f"{name} is not built in {BUILDS}"
    return found[0]


def run(*command, check=True, timeout=180, **more):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, **more)
    assert not check or result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def write_secret(path, text):
    """A file that nobody else can read: others are not taken as passphrases."""
    pathlib.Path(path).touch(mode=0o600)
    pathlib.Path(path).write_text(text)


def as_root(*command, **more):
    """For what a test's surroundings need, never for what is tested."""
    return run(*(() if os.geteuid() == 0 else ("sudo", "-n")), *command, **more)


class Daemon:
    """A program that says "ready" on a descriptor. Its standard error goes to a log file, which failures quote."""

    def __init__(self, name, log, *arguments, timeout=120, env=None):
        self.name, self.log = name, pathlib.Path(log)
        self.command = [str(program(name)), *map(str, arguments)]
        self.env = env
        self.start(timeout)

    def start(self, timeout=120):
        reader, writer = os.pipe()
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([*self.command, "--ready-fd", str(writer)], pass_fds=[writer], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, env=self.env)
        os.close(writer)
        try:
            said = b""
            end = time.monotonic() + timeout
            while not said.endswith(b"\n"):
                readable, _, _ = select.select([reader], [], [], max(0, end - time.monotonic()))
                piece = os.read(reader, 64) if readable else b""
                assert piece, f"{self.name} did not get ready ({'it ended' if readable else 'timeout'}):\n{self.tail()}"
                said += piece
            assert said == b"ready\n"
        except BaseException:
            self.kill()
            raise
        finally:
            os.close(reader)

    def tail(self, size=3000):
        return self.log.read_text(errors="replace")[-size:]

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)

    def stop(self, expected=0):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end on SIGTERM:\n{self.tail()}") from None
        assert status == expected, f"{self.name} ended with {status}:\n{self.tail()}"


class Devd:
    """cmaw-devd with its files and clients of the emulated services."""

    def __init__(self, folder, *arguments):
        self.folder, self.port = pathlib.Path(folder), free_port()
        run(program("cmaw-devd"), "init", "--dir", self.folder)
        self.daemon = Daemon("cmaw-devd", self.folder / "devd.log", "serve", "--dir", self.folder, "--port", self.port, "--lookup-rate", "0", *arguments)
        self.nsm = self.folder / "nsm.sock"
        self.root = self.folder / "attestation-root.der"
        self.tls_ca = self.folder / "tls-ca.pem"
        self.keys = {}

    def credentials(self, arn):
        if arn not in self.keys:
            out = run(program("cmaw-devd"), "access-key", "--dir", self.folder, "--arn", arn).stdout
            self.keys[arn] = json.loads(out)
        return self.keys[arn]

    def session(self, arn, expires_in_s=3600):
        """A new temporary key each time."""
        return json.loads(run(program("cmaw-devd"), "access-key", "--dir", self.folder, "--arn", arn, "--expires-in", expires_in_s).stdout)

    def client(self, service, arn):
        key = self.credentials(arn)
        return whole_answers(boto3.client(service, region_name=REGION, endpoint_url=f"https://127.0.0.1:{self.port}", verify=str(self.tls_ca),
                            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
                            config=botocore.config.Config(retries={"max_attempts": 1}, connect_timeout=60, read_timeout=120)))

    def rpc_credentials(self, arn=PARENT):
        key = self.credentials(arn)
        return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}

    def events(self):
        """Every logged call, newest first, as CloudTrail's event objects."""
        client, token, events = self.client("cloudtrail", AUDITOR), None, []
        while True:
            answer = client.lookup_events(**({"NextToken": token} if token else {}))
            events += [json.loads(e["CloudTrailEvent"]) for e in answer["Events"]]
            token = answer.get("NextToken")
            if not token:
                return events


ADMIN_STATEMENT = {"Sid": "administration", "Effect": "Allow", "Principal": {"AWS": ADMIN}, "Resource": "*",
                   "Action": ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]}


def key_policy(manifest=None, role=None, *more):
    """The policy of PROTOCOL.md section 5 for a role; without a manifest, of a key that nobody can use yet."""
    statements = [ADMIN_STATEMENT, *more]
    if manifest is not None:
        context = sst1.encryption_context(manifest, role)
        statements += [
            {"Sid": "describe", "Effect": "Allow", "Principal": {"AWS": PARENT}, "Resource": "*", "Action": "kms:DescribeKey"},
            {"Sid": "attested", "Effect": "Allow", "Principal": {"AWS": PARENT}, "Resource": "*",
             "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
             "Condition": {
                 "StringEqualsIgnoreCase": {
                     "kms:RecipientAttestation:PCR0": [m["pcr0"].hex() for m in manifest.roles[role]["measurements"]],
                     "kms:RecipientAttestation:PCR16": sst1.pcr16(manifest.mh, role).hex()},
                 "StringEquals": {f"kms:EncryptionContext:{k}": v for k, v in context.items()},
                 "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": sorted(context)}}}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


LIMITS = {"memory_mib": 64, "processes": 4, "open_files": 32, "cpu_s": 20, "output_kib": 2048, "tmp_kib": 1024}


def build_image(folder, name, devd, agent, arguments=(), io="raw", content_type="application/octet-stream", init=None, kernel="none", options=(), **limits):
    """An image with one static program as its agent; options are for cmaw-image. Returns (path of the EIF, {0: PCR0, 1: PCR1, 2: PCR2}), and PCR8 of a
    signed one."""
    limits = ", ".join(f"{key}: {value}" for key, value in {**LIMITS, **limits}.items())
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    command = ", ".join(["/bin/agent", *map(str, arguments)])
    (folder / f"{name}.yaml").write_text(f"""version: 1
name: {name}
agent:
  command: [{command}]
  io: {io}
  content_type: {content_type}
  files:
    - {{source: {agent}, target: /bin/agent, mode: "0755"}}
limits: {{{limits}}}
""")
    eif = folder / f"{name}.eif"
    out = run(program("cmaw-image"), "build", folder / f"{name}.yaml", "-o", eif, "--init", init or program("init-sim"),
              "--kms-host", KMS_HOST, "--kms-roots", devd.tls_ca, "--attestation-root", devd.root, "--kernel", kernel, *options).stdout
    measurements = json.loads(out)["Measurements"]
    return eif, {i: bytes.fromhex(measurements[f"PCR{i}"]) for i in (0, 1, 2, 8) if f"PCR{i}" in measurements}


def peer_image(folder, name, devd, files, arguments=("/bin/agent",), init="init-sim", boot=(), **settings):
    """The same without cmaw-image: the peer writes the image. files: {path: content} of the agent's root, or (mode, content); settings
    are lines of enclave.conf; boot: kernel and command line."""
    values = {"agent.io": "raw", "agent.content_type": "application/octet-stream", "agent.memory_mib": 64, "agent.processes": 4,
              "agent.open_files": 32, "agent.cpu_s": 20, "agent.output_kib": 2048, "agent.tmp_kib": 1024, "debug": 0, "version": 1,
              "attestation.root": sst1.H(devd.root.read_bytes()).hex(), "kms.host": KMS_HOST,
              **{f"agent.arg.{i}": a for i, a in enumerate(arguments)}, **settings}
    conf = "".join(f"{key}={values[key]}\n" for key in sorted(values)).encode()
    data = eif.build(program(init).read_bytes(), conf, devd.tls_ca.read_bytes(),
                     {p: c if isinstance(c, tuple) else (0o755, c) for p, c in files.items()}, *boot)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.eif"
    path.write_bytes(data)
    return path, eif.measure(eif.read(data))


class Proxied:
    """What answers at a socket, and its own proxy to the KMS emulator."""

    def __init__(self, socket, kms):
        self.socket = socket
        self.proxy = Daemon("cmaw-proxy", socket.parent / f"{socket.stem}-proxy.log", "--forward", f"uds:{socket}:8000=127.0.0.1:{kms.port}",
                            "--allow", f"127.0.0.1:{kms.port}")

    def connect(self, timeout=180):
        return Rpc(self.socket, timeout)

    def call(self, name, values=None, timeout=180):
        with self.connect(timeout) as rpc:
            return rpc.call(name, values)


class Enclave(Proxied):
    """A launched image."""

    def __init__(self, folder, name, eif, devd, *arguments, kms=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        super().__init__(self.folder / f"{name}.sock", kms or devd)
        try:
            self.launch = Daemon("cmaw-launch", self.folder / f"{name}.log", "run", "--eif", eif, "--socket", self.socket, "--name", name,
                                 *self.backend(devd), *arguments)
        except BaseException:
            self.proxy.kill()
            raise

    def backend(self, devd):
        return ["--backend", "sim", "--nsm", devd.nsm]

    def processes(self):
        """Every process of the enclave, seen from here."""
        return descendants(self.launch.process.pid)

    def kill(self):
        self.launch.kill()
        self.proxy.kill()

    def stop(self):
        self.launch.stop()
        self.proxy.stop()


@contextlib.contextmanager
def launching(folder, devd):
    """start(name, eif, …) starts an enclave that is killed at the end at the latest."""
    with contextlib.ExitStack() as started:
        def start(name, eif, *arguments):
            enclave = Enclave(folder / "enclaves", name, eif, devd, *arguments)
            started.callback(enclave.kill)
            return enclave
        yield start


def descendants(pid):
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(entry.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        here = children.get(todo.pop(), [])
        found += here
        todo += here
    return found


def resident_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)
    return int(match[1]) * 1024 if match else 0


class Answer:
    def __init__(self, value):
        self.code = sst1.CODES[value["code"]]
        self.kms_error = value["kms_error"]
        self.body = next((value[k] for k in ("describe", "provision", "configure", "attest", "step", "stats") if value[k] is not None), None)

    def __repr__(self):
        return f"{self.code} {self.kms_error or ''}"


class Rpc:
    """One connection over the boundary, speaking frames as written in proto/cmaw/v1/enclave.proto."""

    def __init__(self, path, timeout=180, port=RPC_PORT):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        folder = os.open(path.parent, os.O_PATH)  # paths of sockets are short
        try:
            self.socket.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
        self.socket.sendall(f"CONNECT {port}\n".encode())
        line = b""
        while not line.endswith(b"\n"):
            piece = self.socket.recv(1)
            assert piece, f"the launcher closed: {line}"
            line += piece
        assert line.startswith(b"OK "), line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def exchange(self, data):
        """A frame out and one in, as they are."""
        self.socket.sendall(len(data).to_bytes(4, "big") + data)
        size = int.from_bytes(self.take(4), "big")
        assert size <= FRAME_MAX
        return self.take(size)

    def take(self, size):
        out = bytearray()
        while len(out) < size:
            piece = self.socket.recv(min(1 << 16, size - len(out)))
            if not piece:
                raise ConnectionError("the enclave closed the connection")
            out += piece
        return bytes(out)

    def call(self, name, values=None):
        return Answer(pb.decode("EnclaveResponse", self.exchange(pb.encode("EnclaveRequest", {name: values or {}}))))


class Deployment:
    """Keys, manifest and policies for roles 1, 2, … = images, as an operator would set them up."""

    def __init__(self, devd, images, tenant="e2e", serial=1, lifetime_ms=3600_000, names=None, keys=None, policies=True):
        self.devd, self.admin = devd, devd.client("kms", ADMIN)
        names = names or [f"role{i}" for i in range(1, len(images) + 1)]
        self.keys = keys or [self.admin.create_key(Policy=key_policy())["KeyMetadata"]["Arn"] for _ in images]
        now = int(time.time() * 1000)
        self.manifest = sst1.Manifest(pb.encode("Manifest", {
            "version": 1, "tenant": tenant, "serial": serial, "epoch": 1, "attestation_root": sst1.H(devd.root.read_bytes()),
            "roles": [{"id": i, "name": name, "measurements": [{f"pcr{n}": value for n, value in pcrs.items()}], "kms_key_arn": key}
                      for i, (name, pcrs, key) in enumerate(zip(names, images, self.keys), 1)],
            "not_before_ms": now - 600_000, "not_after_ms": now + lifetime_ms}))
        self.births = {}
        for role in self.manifest.roles if policies else ():
            self.put_policy(role)

    def put_policy(self, role, *more):
        self.admin.put_key_policy(KeyId=self.keys[role - 1], PolicyName="default", Policy=key_policy(self.manifest, role, *more))

    def provision(self, enclave, role):
        answer = enclave.call("provision", {"manifest": self.manifest.bytes, "role": role, "credentials": self.devd.rpc_credentials()})
        if answer.code == "OK":
            self.births[role] = answer.body
        return answer

    def configure(self, enclave, role, **other):
        birth = self.births.get(other.pop("birth_of", role))
        return enclave.call("configure", {"manifest": self.manifest.bytes, "role": role, "kms_blob": birth["kms_blob"],
                                          "birth_cert": birth["birth_cert"], "ak_doc": birth["ak_doc"],
                                          "credentials": self.devd.rpc_credentials(), **other})

    def role_keys(self):
        return {role: sst1.verify_birth(b["birth_cert"], b["ak_doc"], self.manifest, role, b["kms_blob"]) for role, b in self.births.items()}

    def ready(self, enclave, role):
        answer = self.provision(enclave, role)
        assert answer.code == "OK", (answer, enclave.launch.tail())
        answer = self.configure(enclave, role)
        assert answer.code == "OK", (answer, enclave.launch.tail())

    def plan(self, name="chain", classes=(0, 0, 0)):
        """client -a-> one (role 1) -b-> two (role 2) -c-> client"""
        return sst1.Plan(pb.encode("Plan", {
            "version": 1, "name": name, "manifest": self.manifest.mh,
            "steps": [{"id": 1, "name": "one", "role": 1, "timeout_s": 30, "max_attempts": 3},
                      {"id": 2, "name": "two", "role": 2, "timeout_s": 30, "max_attempts": 3}],
            "edges": [{"id": 1, "from": 0, "to": 1, "name": "a", "size_class": classes[0]},
                      {"id": 2, "from": 1, "to": 2, "name": "b", "size_class": classes[1]},
                      {"id": 3, "from": 2, "to": 0, "name": "c", "size_class": classes[2]}]}), self.manifest)

    def run(self, plan=None, expires_in_ms=600_000, role_keys=None):
        return sst1.Run(self.manifest, plan or self.plan(), role_keys or self.role_keys(), int(time.time() * 1000) + expires_in_ms)


def one_step_plan(deployment, timeout_s=30):
    """client -in-> one (role 1) -out-> client"""
    return sst1.Plan(pb.encode("Plan", {
        "version": 1, "name": "one", "manifest": deployment.manifest.mh,
        "steps": [{"id": 1, "name": "one", "role": 1, "timeout_s": timeout_s, "max_attempts": 2}],
        "edges": [{"id": 1, "from": 0, "to": 1, "name": "in"}, {"id": 2, "from": 1, "to": 0, "name": "out"}]}), deployment.manifest)


def step(enclave, run, number, *inputs, attempt=1, **other):
    request = {"plan": run.plan.bytes, "ticket": run.ticket, "step": number, "inputs": list(inputs), "attempt": attempt, **other}
    return enclave.call("step", request)


def wait_for(condition, what, timeout=180, pause=0.05):
    """Polls what cannot be awaited, such as another program's coming back; the last resort."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        select.select([], [], [], pause)
    raise AssertionError(f"timeout: {what}")


def is_dead(pid):
    """Nothing is left of it but what its parent has yet to read."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill_9(pid):
    os.kill(pid, signal.SIGKILL)
