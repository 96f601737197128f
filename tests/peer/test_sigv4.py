"""Signatures of lib/aws, which the enclave sends to KMS, against botocore's."""
import datetime
import os
import pathlib
import random
import subprocess

import pytest
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILDS = [pathlib.Path(p) for p in os.environ.get("CMAW_BUILD", str(ROOT / "build")).split(":")]
NUMBER = 400  # requests with a token, and as many without
PRINTABLE = "".join(map(chr, range(0x21, 0x7f)))
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
REGIONS = ["eu-central-1", "us-east-1", "us-gov-west-1", "cn-northwest-1", "ap-southeast-7", "eusc-de-east-1", "x", "a" * 31]
INSTANTS = [0, 1, 951782399, 951782400, 1709251199, 1735689599, 1767225600, 4102444799, 4107542400, 253402300799]
LETTERS = "aß鍵🔑\u0000\u2028\"\\ \n"


def text(rng, letters, low, high):
    return "".join(rng.choice(letters) for _ in range(rng.randint(low, high)))


def host(rng):
    name = rng.choice(["kms.{r}.amazonaws.com", "kms-fips.{r}.amazonaws.com", "kms.{r}.amazonaws.com.cn", "localhost", "127.0.0.1", "[::1]",
                       "vpce-0a1b-2c3d.kms.{r}.vpce.amazonaws.com", "KMS.Cmaw.Test", "xn--bcher-kva.example", "a_b.test", "a" * 200 + ".test"])
    return name.format(r=rng.choice(REGIONS)) + rng.choice(["", "", ":8443", ":1", ":65535"])


def body(rng):
    return rng.choice([
        lambda: b"", lambda: b"{}", lambda: b'{"NumberOfBytes":32}', lambda: bytes(rng.randrange(256) for _ in range(rng.randint(1, 300))),
        lambda: text(rng, LETTERS, 1, 500).encode(), lambda: b"\r\n" * rng.randint(1, 9), lambda: b"x" * rng.choice([55, 56, 63, 64, 65, 119, 120, 70000])])()


def generated(seed, with_token):
    """A request as a mapping; the same for the same seed."""
    rng = random.Random(seed)
    return {"service": rng.choice(["kms", "kms", "cloudtrail", "sts", "execute-api"]), "region": rng.choice(REGIONS), "host": host(rng),
            "target": rng.choice(["TrentService.", "CloudTrail_20131101.", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.", ""])
            + text(rng, PRINTABLE, 1, 60), "time": rng.choice(INSTANTS) if rng.random() < 0.3 else rng.randrange(253402300800),
            "key": text(rng, PRINTABLE.replace("/", "").replace(",", ""), 16, 128), "secret": text(rng, PRINTABLE, 1, 128),
            "token": text(rng, BASE64, 1, 4096) if with_token else "", "body": body(rng)}


def botocores(request):
    """The headers that botocore sends."""
    headers = {"Host": request["host"], "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": request["target"]}
    made = AWSRequest("POST", f"https://{request['host']}/", headers, request["body"])
    auth = SigV4Auth(Credentials(request["key"], request["secret"], request["token"] or None), request["service"], request["region"])
    sign(auth, made, request["time"])
    return {name: value for name, value in made.headers.items() if name != "Host"}


def sign(auth, made, time_s):
    """What SigV4Auth.add_auth does, at another time."""
    instant = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time_s)
    made.context["timestamp"] = instant.strftime(SIGV4_TIMESTAMP)
    auth._modify_request_before_signing(made)
    auth._inject_signature_to_request(made, auth.signature(auth.string_to_sign(made, auth.canonical_request(made)), made))


def ours(requests):
    program = next(p for build in BUILDS for p in build.rglob("aws-sign") if p.is_file())
    order = ("service", "region", "host", "target", "time", "key", "secret", "token", "body")
    lines = [" ".join((one[name] if name == "body" else str(one[name]).encode()).hex() or "-" for name in order) for one in requests]
    done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=180, check=True)
    for line in done.stdout.splitlines():
        yield dict(field.split(": ", 1) for field in bytes.fromhex(line).decode().split("\r\n")[:-1])


@pytest.mark.parametrize("with_token", [False, True], ids=["without", "with"])
def test_signatures_equal_botocores(with_token, request):
    requests = [generated(seed, with_token) for seed in range(NUMBER)]
    answers = list(ours(requests))
    assert len(answers) == NUMBER == len({answer["Authorization"] for answer in answers})
    for one, answer in zip(requests, answers):
        assert answer == botocores(one)
    request.node.user_properties += [("counted", f"signatures {'with' if with_token else 'without'} a session token equal to botocore's"), ("cases", NUMBER)]


@pytest.mark.parametrize("name, value", [("body", b"other"), ("host", "other"), ("target", "other"), ("region", "other"), ("service", "other"),
                                         ("time", 1), ("secret", "other"), ("token", "other"), ("key", "A" * 16)])
def test_a_signature_covers_every_part(name, value):
    one = generated(0, True)
    changed = next(ours([one | {name: value}]))
    assert changed != botocores(one) and changed == botocores(one | {name: value})
