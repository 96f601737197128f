"""What gives AWS credentials on a machine, for tests: AWS's own mock of the instance metadata service, and a server on loopback that answers
as a test scripts it."""
import contextlib
import datetime
import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

import harness

TOKEN_PATH, ROLES_PATH = "/latest/api/token", "/latest/meta-data/iam/security-credentials/"
KEYS = {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "SessionToken": "FwoGZXIvYXdzEXAMPLE/session+token=="}


IMPATIENT = {"AWS_METADATA_SERVICE_TIMEOUT": "1"}


def environment(home, **more):
    """Ours, without anything that names credentials. It waits for an answer as long as it may; where none comes, a test is IMPATIENT."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return {**kept, "HOME": str(home), "AWS_METADATA_SERVICE_TIMEOUT": "8", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "2", **more}


def answer(keys=KEYS, lifetime_s=6 * 3600, **more):
    """What the services say of keys as cmaw-devd prints them; for ECS and EKS alike."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": f"{now:%Y-%m-%dT%H:%M:%SZ}", "AccessKeyId": keys["AccessKeyId"],
            "SecretAccessKey": keys["SecretAccessKey"], "Token": keys["SessionToken"],
            "Expiration": f"{now + datetime.timedelta(seconds=lifetime_s):%Y-%m-%dT%H:%M:%SZ}", **more}


def mock_program():
    path = subprocess.run([harness.ROOT / "scripts/imds-mock"], capture_output=True, text=True, check=True).stdout.strip()
    return path or pytest.skip("Go is absent, and with it amazon-ec2-metadata-mock")


class MetadataMock:
    """amazon-ec2-metadata-mock, which accepts requests of version 2 only."""

    def __init__(self, folder, keys=KEYS, lifetime_s=6 * 3600):
        self.program, self.port = mock_program(), harness.free_port()
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}"
        self.serve(keys, lifetime_s)

    def serve(self, keys, lifetime_s):
        config = self.folder / "imds.json"
        config.write_text(json.dumps({"metadata": {"values": {
            "iam-security-credentials": answer(keys, lifetime_s), "placement-region": harness.REGION}}}))
        with open(self.folder / "imds.log", "ab") as log:
            self.process = subprocess.Popen([self.program, "-n", "127.0.0.1", "-p", str(self.port), "-c", config, "--imdsv2"], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(self.folder))
        harness.wait_for(self.listens, "the metadata mock")

    def listens(self):
        assert self.process.poll() is None, (self.folder / "imds.log").read_text()[-2000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait(60)


class Handler(http.server.BaseHTTPRequestHandler):
    def serve(self):
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        with contextlib.suppress(OSError):  # whoever asked has gone
            self.server.script(self)
        self.close_connection = True

    do_GET = do_PUT = serve

    def say(self, status, body=b"", **headers):
        body = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def say_nothing(self):
        """Until whoever asked gives up."""
        self.connection.recv(1)

    def log_message(self, *_):
        pass


def status(code, body="", **headers):
    """A script that always answers so."""
    return lambda h: h.say(code, body, **headers)


@contextlib.contextmanager
def scripted(script):
    """A server that answers every request by script(handler). Gives it, with .url and .seen."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.script, server.seen, server.url = script, [], f"http://127.0.0.1:{server.server_address[1]}"
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def metadata(token=None, roles=None, keys=None):
    """A script of a metadata service of version 2; each part may be another script, or a list of them, of which the last stays."""
    def chosen(part, otherwise):
        if isinstance(part, list):
            return part.pop(0) if len(part) > 1 else part[0]
        return part or otherwise

    def script(handler):
        if handler.path == TOKEN_PATH:
            part = chosen(token, lambda h: h.say(200, "t0k3n") if h.command == "PUT" else h.say(405))
        elif handler.headers.get("X-aws-ec2-metadata-token") != "t0k3n":
            part = lambda h: h.say(401)  # noqa: E731
        elif handler.path == ROLES_PATH:
            part = chosen(roles, lambda h: h.say(200, "enclave-parent"))
        elif handler.path == ROLES_PATH + "enclave-parent":
            part = chosen(keys, lambda h: h.say(200, answer()))
        else:
            part = lambda h: h.say(404)  # noqa: E731
        part(handler)
    return script
