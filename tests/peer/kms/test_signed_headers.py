"""The emulator accepts whatever headers botocore may sign, and nothing that was changed behind it."""
import http.client
import random
import ssl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import devd as world


def odd_headers(rng):
    """Headers that a client may sign: runs of spaces, other letters, commas, equal signs, empty values, many of them."""
    values = ["a", "", "a  b   c", "  a", "b  ", "\ta\t", "a,b", "a=b;c", '"a  b"', "x" * 500, "%20", "attempt=1;  max=3"]
    return {rng.choice(["X-Amz-", "x-", "Amz-Sdk-", "Z-"]) + "".join(rng.choices("abcDEF09-_", k=rng.randint(1, 20))): rng.choice(values) for _ in range(rng.randint(1, 12))}


def answered(devd, key, headers, spoil=None):
    made = AWSRequest("POST", f"https://localhost:{devd.port}/", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.GenerateRandom"}
                      | headers, b'{"NumberOfBytes":1}')
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken")), "kms", world.REGION).add_auth(made)
    sent = dict(made.headers.items())
    if spoil is not None:
        sent[spoil] += "x"
    connection = http.client.HTTPSConnection("localhost", devd.port, context=ssl.create_default_context(cafile=devd.folder / "tls-ca.pem"), timeout=120)
    connection.request("POST", "/", made.body, sent)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_emulator_accepts_whatever_is_signed(devd, request):
    key = devd.access_key(world.PARENT)
    rng = random.Random(7)
    for _ in range(150):
        headers = odd_headers(rng)
        assert answered(devd, key, headers) == 200, headers
        assert answered(devd, key, headers, spoil=rng.choice(list(headers))) == 400, headers
    request.node.user_properties += [("counted", "requests with odd headers, signed by botocore and taken by the emulator"), ("cases", 150)]
