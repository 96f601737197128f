"""The event of each kind of call: parameters, answer, resources, key material, caller, connection. One table over HTTPS."""
import datetime
import json
import re

import pytest
from botocore.exceptions import ClientError

import devd as world
from devd import CONTEXT

EVERYTHING = world.policy(world.allow([world.ADMIN, f"arn:aws:iam::{world.ACCOUNT}:root"], "kms:*"))
ARN = f"arn:aws:kms:{world.REGION}:{world.ACCOUNT}:"


@pytest.fixture(scope="module")
def key(admin):
    """A key that the account's root may do everything with."""
    return admin.create_key(Policy=EVERYTHING)["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def root(devd):
    return devd.client("kms", devd.access_key(f"arn:aws:iam::{world.ACCOUNT}:root"))


def event_of(trail, response):
    """The event with the request id of a reply or of a refusal."""
    wanted = response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    for page in trail.get_paginator("lookup_events").paginate(LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "kms.amazonaws.com"}]):
        for event in page["Events"]:
            body = json.loads(event["CloudTrailEvent"])
            if body["requestID"] == wanted:
                return event, body
    pytest.fail(f"no event with request id {wanted}")


def call(function, **arguments):
    try:
        return function(**arguments)
    except ClientError as refusal:
        return refusal.response


KEYS, PLAIN, ALIAS = "the key", b"text", "alias/shape-of-events"
HEX64 = re.compile(r"[0-9a-f]{64}")


def material(body):
    assert HEX64.fullmatch(body["additionalEventData"]["keyMaterialId"]) and list(body["additionalEventData"]) == ["keyMaterialId"]


def two_materials(body):
    data = body["additionalEventData"]
    assert set(data) == {"sourceKeyMaterialId", "destinationKeyMaterialId"} and all(HEX64.fullmatch(text) for text in data.values())


def nothing_more(body):
    assert "additionalEventData" not in body


# name, arguments (a function of the key's ARN), read only, parameters, answer (both of the key's ARN), additional data
CALLS = [
    ("describe_key", lambda k: {"KeyId": k}, True, lambda k: {"keyId": k}, None, nothing_more),
    ("get_key_policy", lambda k: {"KeyId": k, "PolicyName": "default"}, True, lambda k: {"keyId": k, "policyName": "default"}, None, nothing_more),
    ("encrypt", lambda k: {"KeyId": k, "Plaintext": PLAIN, "EncryptionContext": CONTEXT}, True,
     lambda k: {"keyId": k, "encryptionContext": CONTEXT}, None, material),
    ("generate_data_key", lambda k: {"KeyId": k, "NumberOfBytes": 24}, True, lambda k: {"keyId": k, "numberOfBytes": 24}, None, material),
    ("generate_data_key_without_plaintext", lambda k: {"KeyId": k, "KeySpec": "AES_128"}, True,
     lambda k: {"keyId": k, "keySpec": "AES_128"}, None, material),
    ("disable_key", lambda k: {"KeyId": k}, False, lambda k: {"keyId": k}, lambda k: {"keyId": k}, nothing_more),
    ("enable_key", lambda k: {"KeyId": k}, False, lambda k: {"keyId": k}, lambda k: {"keyId": k}, nothing_more),
    ("tag_resource", lambda k: {"KeyId": k, "Tags": [{"TagKey": "a", "TagValue": "b"}]}, False,
     lambda k: {"keyId": k, "tags": [{"tagKey": "a", "tagValue": "b"}]}, lambda k: {"keyId": k}, nothing_more),
    ("create_alias", lambda k: {"AliasName": ALIAS, "TargetKeyId": k}, False, lambda k: {"aliasName": ALIAS, "targetKeyId": k},
     lambda k: {"keyId": k}, nothing_more),
    ("delete_alias", lambda k: {"AliasName": ALIAS}, False, lambda k: {"aliasName": ALIAS}, lambda k: {"keyId": k}, nothing_more),
    ("schedule_key_deletion", lambda k: {"KeyId": k, "PendingWindowInDays": 7}, False, lambda k: {"keyId": k, "pendingWindowInDays": 7},
     lambda k: {"keyId": k, "keyState": "PendingDeletion", "pendingWindowInDays": 7}, nothing_more),
    ("cancel_key_deletion", lambda k: {"KeyId": k}, False, lambda k: {"keyId": k}, lambda k: {"keyId": k}, nothing_more),
]


@pytest.mark.parametrize("name, arguments, read_only, parameters, answer, additional", CALLS, ids=[case[0] for case in CALLS])
def test_events_by_operation(trail, root, key, name, arguments, read_only, parameters, answer, additional):
    response = getattr(root, name)(**arguments(key))
    event, body = event_of(trail, response)
    assert body["eventName"] == event["EventName"] == "".join(part.capitalize() for part in name.split("_"))
    assert body["readOnly"] is read_only and event["ReadOnly"] == str(read_only).lower()
    assert body["requestParameters"] == parameters(key)
    shown = dict(body["responseElements"] or {})
    deletion = shown.pop("deletionDate", None)
    assert shown == (answer(key) if answer else {}) and (answer is not None) == (body["responseElements"] is not None)
    if name == "schedule_key_deletion":
        parsed = datetime.datetime.strptime(deletion, "%b %d, %Y, %I:%M:%S %p").replace(tzinfo=datetime.timezone.utc)
        assert parsed.timestamp() == int(response["DeletionDate"].timestamp())
    additional(body)
    expected = [{"accountId": world.ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]
    if "alias" in name:
        expected.insert(0, {"accountId": world.ACCOUNT, "type": "AWS::KMS::Alias", "ARN": ARN + ALIAS})
    assert body["resources"] == expected
    assert event["Resources"] == [{"ResourceType": one["type"], "ResourceName": one["ARN"]} for one in expected]
    for member, value in {"eventSource": "kms.amazonaws.com", "eventType": "AwsApiCall", "managementEvent": True, "eventCategory": "Management",
                          "recipientAccountId": world.ACCOUNT, "awsRegion": world.REGION, "sourceIPAddress": "127.0.0.1"}.items():
        assert body[member] == value
    assert body["userAgent"].startswith("Boto3/") and "errorCode" not in body and "errorMessage" not in body
    assert body["tlsDetails"] == {"tlsVersion": "TLSv1.3", "cipherSuite": body["tlsDetails"]["cipherSuite"],
                                  "clientProvidedHostHeader": root.meta.endpoint_url.removeprefix("https://")}
    assert re.fullmatch(r"TLS_(AES|CHACHA20)_\w+_SHA\d+", body["tlsDetails"]["cipherSuite"])
    assert body["userIdentity"] == {"type": "Root", "principalId": world.ACCOUNT, "arn": f"arn:aws:iam::{world.ACCOUNT}:root",
                                    "accountId": world.ACCOUNT, "accessKeyId": event["AccessKeyId"]}
    assert event["Username"] == "root"


def test_reencrypt_names_source_and_destination(trail, root, key, admin):
    other = admin.create_key(Policy=EVERYTHING)["KeyMetadata"]["Arn"]
    root.enable_key(KeyId=key)
    blob = root.encrypt(KeyId=key, Plaintext=PLAIN)["CiphertextBlob"]
    _, body = event_of(trail, root.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other, DestinationEncryptionContext={"c": "d"}))
    assert body["requestParameters"] == {"destinationKeyId": other, "destinationEncryptionContext": {"c": "d"}}
    assert [one["ARN"] for one in body["resources"]] == [key, other]
    two_materials(body)
    for name in (key, other):  # found by either
        found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": name}])["Events"]
        assert "ReEncrypt" in [event["EventName"] for event in found]


def test_create_key_shows_the_new_key(trail, admin):
    policy = world.policy(world.allow(world.ADMIN, "kms:*"))
    made = admin.create_key(Policy=policy, Description="for events")
    _, body = event_of(trail, made)
    assert body["requestParameters"]["policy"] == policy and body["requestParameters"]["description"] == "for events"
    shown = body["responseElements"]["keyMetadata"]
    assert shown["AWSAccountId"] == world.ACCOUNT and shown["arn"] == made["KeyMetadata"]["Arn"] and shown["keyState"] == "Enabled"
    created = datetime.datetime.strptime(shown["creationDate"], "%b %d, %Y, %I:%M:%S %p").replace(tzinfo=datetime.timezone.utc)
    assert created.timestamp() == int(made["KeyMetadata"]["CreationDate"].timestamp())


REFUSALS = [
    ("decrypt", {"CiphertextBlob": b"x"}, "InvalidCiphertextException", {}),
    ("encrypt", {"KeyId": "alias/none", "Plaintext": b"x"}, "NotFoundException", {"keyId": "alias/none"}),
    ("generate_random", {"NumberOfBytes": 1025}, "ValidationException", None),
    ("create_custom_key_store", {"CustomKeyStoreName": "s"}, "UnsupportedOperationException", None),
    ("encrypt", {"KeyId": KEYS, "Plaintext": b"x", "DryRun": True}, "DryRunOperationException", {"keyId": KEYS}),
]


@pytest.mark.parametrize("name, arguments, error, parameters", REFUSALS)
def test_refused_calls(trail, root, key, name, arguments, error, parameters):
    arguments = {member: key if value == KEYS else value for member, value in arguments.items()}
    refusal = call(getattr(root, name), **arguments)
    assert refusal["Error"]["Code"] == error
    _, body = event_of(trail, refusal)
    assert body["errorCode"] == error and body["errorMessage"] == refusal["Error"]["Message"] and body["responseElements"] is None
    if parameters is not None:
        assert body["requestParameters"] == {member: key if value == KEYS else value for member, value in parameters.items()}


def test_what_has_no_event(devd, trail, key):
    """Calls whose credentials do not hold: CloudTrail shows nothing of them."""
    good = devd.access_key(world.PARENT)
    bad = [good | {"SecretAccessKey": "x" * 40}, good | {"AccessKeyId": "AKIA" + "Z" * 16}, good | {"SessionToken": "none of ours"}]
    for credentials in bad:
        refusal = call(devd.client("kms", credentials).describe_key, KeyId=key)
        assert refusal["Error"]["Code"] in ("InvalidSignatureException", "UnrecognizedClientException")
        found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": credentials["AccessKeyId"]}])["Events"]
        assert found == []


def test_callers(devd, trail, key):
    """A user and a role's session, each as CloudTrail names it."""
    alice = devd.access_key(f"arn:aws:iam::{world.ACCOUNT}:user/alice")
    event, body = event_of(trail, call(devd.client("kms", alice).describe_key, KeyId=key))
    identity = body["userIdentity"]
    assert body["errorCode"] == "AccessDenied" and body["requestParameters"] is None and event["Username"] == "alice"
    assert identity["type"] == "IAMUser" and identity["userName"] == "alice" and re.fullmatch("AIDA[0-9A-Z]{17}", identity["principalId"])
    assert "sessionContext" not in identity
    session = devd.access_key(world.PARENT, session=True)
    event, body = event_of(trail, call(devd.client("kms", session).describe_key, KeyId=key))
    identity = body["userIdentity"]
    name = identity["arn"].rpartition("/")[2]
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert identity["type"] == "AssumedRole" and event["Username"] == name and identity["principalId"] == f"{issuer['principalId']}:{name}"
    assert issuer == {"type": "Role", "principalId": issuer["principalId"], "arn": world.PARENT, "accountId": world.ACCOUNT, "userName": "enclave-parent"}
    assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false" and "creationDate" in identity["sessionContext"]["attributes"]
