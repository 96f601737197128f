"""CloudTrail: one event for each call, in the real shape, and LookupEvents over them."""
import base64
import datetime
import json

import pytest
from botocore.exceptions import ClientError

import devd as world
from devd import CONTEXT


def events(trail, **arguments):
    found = []
    for page in trail.get_paginator("lookup_events").paginate(**arguments):
        found += [(event, json.loads(event["CloudTrailEvent"])) for event in page["Events"]]
    return found


def by(name, value):
    return {"LookupAttributes": [{"AttributeKey": name, "AttributeValue": value}]}


def code(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_attested_call(trail, parent, hard_key, enclave):
    answer = parent.generate_data_key(KeyId=hard_key, KeySpec="AES_256", EncryptionContext=CONTEXT, Recipient=enclave.recipient())
    request_id = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    event, body = events(trail, **by("EventName", "GenerateDataKey"))[0]
    assert body["requestID"] == request_id and body["eventID"] == event["EventId"]
    assert event["ReadOnly"] == "true" and event["EventSource"] == "kms.amazonaws.com"
    assert event["Resources"] == [{"ResourceType": "AWS::KMS::Key", "ResourceName": hard_key}]
    assert body["eventVersion"] == "1.11" and body["awsRegion"] == world.REGION and body["readOnly"] is True
    assert body["requestParameters"] == {"keyId": hard_key, "keySpec": "AES_256", "encryptionContext": CONTEXT}
    assert body["responseElements"] is None and "errorCode" not in body
    assert body["resources"] == [{"accountId": world.ACCOUNT, "type": "AWS::KMS::Key", "ARN": hard_key}]
    identity = body["userIdentity"]
    assert identity["type"] == "AssumedRole" and identity["accessKeyId"] == event["AccessKeyId"]
    assert identity["arn"] == f"arn:aws:sts::{world.ACCOUNT}:assumed-role/enclave-parent/cmaw-dev"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == world.PARENT
    recipient = body["additionalEventData"]["recipient"]
    assert recipient["attestationDocumentModuleId"] == "i-0123456789abcdef0-enc0123456789abcdef"
    measured = {"ImageDigest": world.pcr("good0"), "PCR1": world.pcr("good1"), "PCR2": world.pcr("good2"),
                "PCR3": world.pcr("parent-role"), "PCR4": world.pcr("parent-id"), "PCR8": bytes(48)}
    for name, value in measured.items():
        assert base64.b64decode(recipient[f"attestationDocumentEnclave{name}"], validate=True) == value
    assert datetime.datetime.fromisoformat(body["eventTime"]).timestamp() == event["EventTime"].timestamp()


def test_denied_calls_show_nothing(trail, parent, hard_key, enclave):
    made = parent.generate_data_key(KeyId=hard_key, KeySpec="AES_256", EncryptionContext=CONTEXT, Recipient=enclave.recipient())
    for more in ({}, {"Recipient": enclave.recipient()}):
        context = CONTEXT if not more else CONTEXT | {"role": "9"}
        assert code(parent.decrypt, CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context, **more) == "AccessDeniedException"
        _, body = events(trail, **by("EventName", "Decrypt"))[0]
        assert body["errorCode"] == "AccessDenied" and "not authorized to perform: kms:Decrypt" in body["errorMessage"]
        assert body["requestParameters"] is None and "additionalEventData" not in body


def test_other_failures_keep_their_parameters(trail, parent, open_key):
    assert code(parent.decrypt, CiphertextBlob=b"x", KeyId=open_key) == "InvalidCiphertextException"
    _, body = events(trail, **by("EventName", "Decrypt"))[0]
    assert body["errorCode"] == "InvalidCiphertextException" and body["requestParameters"] == {"keyId": open_key}
    assert code(parent.generate_data_key, KeyId=open_key, KeySpec="AES_256", Recipient=world.recipient_of(b"x")) == "ValidationException"
    _, body = events(trail, **by("EventName", "GenerateDataKey"))[0]
    assert body["errorCode"] == "ValidationException" and "additionalEventData" not in body


def test_no_secret_is_in_an_event(trail, parent, open_key):
    text = b"a very recognisable plaintext"
    made = parent.encrypt(KeyId=open_key, Plaintext=text)
    parent.decrypt(CiphertextBlob=made["CiphertextBlob"])
    for _, body in events(trail, **by("ResourceName", open_key)):
        assert base64.b64encode(text).decode() not in json.dumps(body) and text.decode() not in json.dumps(body)


def test_administration(trail, admin):
    made = admin.create_key(Policy=world.policy(world.ADMINISTRATION))["KeyMetadata"]
    admin.put_key_policy(KeyId=made["KeyId"], Policy=world.policy(world.ADMINISTRATION, world.allow(world.PARENT, "kms:Encrypt")))
    admin.schedule_key_deletion(KeyId=made["KeyId"])
    found = [body for _, body in events(trail, **by("ResourceName", made["Arn"]))]
    assert [body["eventName"] for body in found] == ["ScheduleKeyDeletion", "PutKeyPolicy", "CreateKey"]
    assert found[0]["responseElements"]["keyId"] == made["Arn"]
    assert "kms:Encrypt" in found[1]["requestParameters"]["policy"] and found[1]["readOnly"] is False
    assert found[2]["responseElements"]["keyMetadata"]["arn"] == made["Arn"]


def test_generate_random(trail, parent):
    parent.generate_random(NumberOfBytes=3)
    event, body = events(trail, **by("EventName", "GenerateRandom"))[0]
    assert body["requestParameters"] is None and body["resources"] == [] and event["Resources"] == []


def test_the_other_spelling_of_the_target(devd):
    key = devd.access_key(f"arn:aws:iam::{world.ACCOUNT}:user/auditor")
    status, answer = world.post(devd, key, "cloudtrail", "CloudTrail_20131101.LookupEvents", b'{"MaxResults": 1}')
    assert status == 200 and len(answer["Events"]) == 1 and isinstance(answer["Events"][0]["EventTime"], float)
    assert isinstance(answer["Events"][0]["ReadOnly"], str)
