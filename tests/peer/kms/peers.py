"""Three clients of AWS, unchanged, behind one call: boto3, the AWS CLI and the AWS SDK for JavaScript.

call(credentials, operation, request) gives an Answer. Requests and outputs are plain values with bytes for blobs and Time for times."""
import base64
import contextlib
import dataclasses
import datetime
import io
import json
import os
import re
import subprocess
import sys

import awscli.clidriver
import boto3
import botocore.config
from botocore import xform_name
from botocore.exceptions import ClientError

import devd as world

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICES = {"LookupEvents": "cloudtrail", "AssumeRole": "sts", "GetCallerIdentity": "sts"}


class Time(float):
    """Seconds since 1970."""


@dataclasses.dataclass
class Answer:
    output: dict | None = None
    error: str | None = None
    message: str | None = None
    status: int | None = None  # of HTTP; None where the client does not tell
    pages: int | None = None


@dataclasses.dataclass(frozen=True)
class Call:
    """One call: who, by which server, what. page_size asks for the client's own paginator."""
    endpoint: str
    ca: str
    credentials: tuple  # id, secret, token or None
    region: str
    operation: str
    page_size: int | None = None
    process: bool = False

    @property
    def service(self):
        return SERVICES.get(self.operation, "kms")


def mapped(value, convert):
    """The value with convert applied to all that is no container."""
    if isinstance(value, dict):
        return {name: mapped(one, convert) for name, one in value.items()}
    if isinstance(value, list):
        return [mapped(one, convert) for one in value]
    return convert(value)


def merged(pages):
    """The lists of all pages one behind the other, and the last page's other members."""
    output = {}
    for page in pages:
        output |= {name: output.get(name, []) + value if isinstance(value, list) else value for name, value in page.items()}
    return output


class Boto3:
    name = "boto3"

    def __init__(self):
        self.clients = {}

    def close(self):
        pass

    def _client(self, call):
        key = (call.service, call.endpoint, call.credentials, call.region)
        if key not in self.clients:
            identity, secret, token = call.credentials
            self.clients[key] = boto3.client(
                call.service, region_name=call.region, endpoint_url=call.endpoint, verify=call.ca, aws_access_key_id=identity,
                aws_secret_access_key=secret, aws_session_token=token, config=botocore.config.Config(retries={"total_max_attempts": 1}))
        return self.clients[key]

    def call(self, call, request):
        client, method, pages = self._client(call), xform_name(call.operation), None
        request = mapped(request, lambda value: datetime.datetime.fromtimestamp(value, datetime.timezone.utc) if isinstance(value, Time) else value)
        try:
            if call.page_size is None:
                output = getattr(client, method)(**request)
            else:
                found = list(client.get_paginator(method).paginate(**request, PaginationConfig={"PageSize": call.page_size}))
                output, pages = merged(found), len(found)
        except ClientError as error:
            told = error.response
            assert call.service == "sts" or told["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == told["Error"]["Code"]
            assert told["ResponseMetadata"]["RequestId"]
            return Answer(error=told["Error"]["Code"], message=told["Error"]["Message"], status=told["ResponseMetadata"]["HTTPStatusCode"])
        status = output.pop("ResponseMetadata", {}).get("HTTPStatusCode")
        output = mapped(output, lambda value: Time(value.timestamp()) if isinstance(value, datetime.datetime) else value)
        return Answer(output=output, status=status, pages=pages)


class Cli:
    """Through its own entry point, in this process or in one of its own; what it reads and prints is what a shell would give and see."""
    name = "AWS CLI"
    FAILED = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \(.*?\))?: ?(.*)", re.S)

    def __init__(self, folder):
        self.folder = folder
        self.drivers, self.files = {}, 0
        self.credentials = folder / "credentials"
        self.environment = {"AWS_SHARED_CREDENTIALS_FILE": str(self.credentials), "AWS_CONFIG_FILE": str(folder / "config"),
                            "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"}
        os.environ.update(self.environment)

    def close(self):
        for name in self.environment:
            os.environ.pop(name, None)

    def _profile(self, credentials):
        """Its own driver for each profile: a driver keeps the first credentials that it finds, as a process does."""
        if credentials not in self.drivers:
            identity, secret, token = credentials
            name = f"p{len(self.drivers)}"
            lines = [f"[{name}]", f"aws_access_key_id = {identity}", f"aws_secret_access_key = {secret}"]
            with open(self.credentials, "a", encoding="utf-8") as out:
                out.write("\n".join(lines + ([f"aws_session_token = {token}"] if token else [])) + "\n")
            self.drivers[credentials] = name, awscli.clidriver.create_clidriver()
        return self.drivers[credentials]

    def _file(self, data):
        self.files += 1
        path = self.folder / f"blob{self.files}"
        path.write_bytes(data)
        return f"fileb://{path}"

    def _words(self, option, value):
        if isinstance(value, bytes):
            return [option, self._file(value)]
        if isinstance(value, bool):
            return [option if value else option.replace("--", "--no-", 1)]
        if isinstance(value, dict) and any(isinstance(one, bytes) for one in value.values()):
            return [option, ",".join(f"{name}@={self._file(one)}" if isinstance(one, bytes) else f"{name}={one}" for name, one in value.items())]
        return [option, json.dumps(value) if isinstance(value, (dict, list)) else str(value)]

    def _argv(self, call, request, profile, paged):
        dashed = xform_name(call.operation).replace("_", "-")
        words = [call.service, dashed, "--profile", profile, "--region", call.region, "--endpoint-url", call.endpoint, "--ca-bundle", call.ca,
                 "--output", "json"]
        for name, value in request.items():
            words += self._words("--" + xform_name(name).replace("_", "-"), value)
        if call.page_size is not None:
            words += ["--page-size", str(call.page_size)]
        return words + (["--no-paginate"] if paged and call.page_size is None else [])

    def _run(self, driver, argv, process):
        if process:
            done = subprocess.run([sys.executable, "-m", "awscli", *argv], capture_output=True, text=True, timeout=180, check=False)
            return done.returncode, done.stdout, done.stderr
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = driver.main(argv)
        return status, out.getvalue(), err.getvalue()

    def call(self, call, request):
        profile, driver = self._profile(call.credentials)
        model = driver.session.get_service_model(call.service).operation_model(call.operation)
        paged = driver.session.get_component("data_loader").load_service_model(call.service, "paginators-1")["pagination"]
        status, out, err = self._run(driver, self._argv(call, request, profile, call.operation in paged), call.process)
        if status == 0:
            return Answer(output=self._typed(json.loads(out or "{}"), model.output_shape))
        failed = self.FAILED.search(err)
        assert failed and failed[2] == call.operation, f"the CLI ended with {status}: {err}"
        return Answer(error=failed[1], message=failed[3].rstrip("\n"))

    def _typed(self, value, shape):
        """What JSON has as text or number gets its type back from the service's model."""
        kind = shape.type_name if shape is not None else None
        if kind == "structure":
            return {name: self._typed(one, shape.members.get(name)) for name, one in value.items()}
        if kind == "list":
            return [self._typed(one, shape.member) for one in value]
        if kind == "blob":
            return base64.b64decode(value, validate=True)
        if kind == "timestamp":
            return Time(value if isinstance(value, (int, float)) else datetime.datetime.fromisoformat(value).timestamp())
        return value


class JavaScript:
    name = "JavaScript SDK"

    def __init__(self, modules, ca):
        environment = {**os.environ, "NODE_PATH": f"{modules}/node_modules", "NODE_EXTRA_CA_CERTS": ca}
        self.process = subprocess.Popen(["node", "--dns-result-order=ipv4first", f"{HERE}/js/peer.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=120)
        self.process.stdout.close()

    def call(self, call, request):
        identity, secret, token = call.credentials
        line = {"service": call.service, "endpoint": call.endpoint, "region": call.region, "operation": call.operation,
                "credentials": {"accessKeyId": identity, "secretAccessKey": secret} | ({"sessionToken": token} if token else {}),
                "input": mapped(request, self._wrapped)} | ({} if call.page_size is None else {"pageSize": call.page_size})
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()
        got = json.loads(self.process.stdout.readline(), object_hook=self._unwrapped)
        output = got.get("output")
        pages = output.pop("$pages", None) if output is not None else None
        return Answer(output=output, error=got.get("error"), message=got.get("message"), status=got.get("status"), pages=pages)

    @staticmethod
    def _wrapped(value):
        if isinstance(value, bytes):
            return {"$blob": base64.b64encode(value).decode()}
        return {"$time": float(value)} if isinstance(value, Time) else value

    @staticmethod
    def _unwrapped(value):
        if "$blob" in value:
            return base64.b64decode(value["$blob"])
        return Time(value["$time"]) if "$time" in value else value
