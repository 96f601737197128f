"""Condition keys as requests over HTTPS really have them, and policies that are refused when they are stored."""
import json

import botocore.exceptions
import pytest

import harness
from harness import ACCOUNT, ADMIN, arn_of

CALLER = arn_of("conditions")
ALIAS = "alias/conditions"
PAIR_ALIAS = "alias/conditions-pair"


def code(call, *arguments, **members):
    try:
        call(*arguments, **members)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return None


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(condition, action="kms:*", effect="Allow"):
    return {"Effect": effect, "Principal": {"AWS": CALLER}, "Action": action, "Resource": "*", "Condition": condition}


ADMINISTRATION = {"Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:*", "Resource": "*"}


class World:
    def __init__(self, devd):
        policy = document({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
        path = devd.folder / "admin-policy.json"
        path.write_text(policy)
        harness.run(harness.program("cmaw-devd"), "role", "--dir", devd.folder, "--arn", CALLER, "--policy", path)
        self.admin, self.caller = devd.client("kms", ADMIN), devd.client("kms", CALLER)
        self.key = self.make(Tags=[{"TagKey": "team", "TagValue": "claims"}])
        self.pair = self.make(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        for alias, key in ((ALIAS, self.key), ("alias/second", self.key), (PAIR_ALIAS, self.pair)):
            assert code(self.caller.create_alias, AliasName=alias, TargetKeyId=key) is None

    def make(self, **more):
        return self.caller.create_key(Policy=document(ADMINISTRATION, {**ADMINISTRATION, "Principal": {"AWS": CALLER}}), **more)["KeyMetadata"]["Arn"]

    def allow_if(self, key, condition):
        self.admin.put_key_policy(KeyId=key, PolicyName="default", Policy=document(ADMINISTRATION, statement(condition)))


@pytest.fixture(scope="module")
def world(devd):
    return World(devd)


def encrypt(world, **more):
    return code(world.caller.encrypt, **{"KeyId": world.key, "Plaintext": b"x", **more})


def sign(world, **more):
    return code(world.caller.sign, **{"KeyId": world.pair, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256", **more})


def delete(world, **more):
    error = code(world.caller.schedule_key_deletion, KeyId=world.key, **more)
    if error is None:
        world.admin.cancel_key_deletion(KeyId=world.key)
        world.admin.enable_key(KeyId=world.key)
    return error


@pytest.mark.parametrize("call,members,condition,allowed", [
    (encrypt, {}, {"StringEquals": {"aws:PrincipalArn": CALLER}}, True),
    (encrypt, {}, {"StringEquals": {"aws:PrincipalArn": ADMIN}}, False),
    (encrypt, {}, {"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::${{aws:PrincipalAccount}}:role/conditions"}}, True),
    (encrypt, {}, {"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "kms:CallerAccount": ACCOUNT}}, True),
    (encrypt, {}, {"StringEquals": {"kms:CallerAccount": "999988887777"}}, False),
    (encrypt, {}, {"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, True),
    (encrypt, {}, {"StringLike": {"aws:userid": "AROA*:cmaw-dev"}}, True),
    (encrypt, {}, {"Null": {"aws:username": "true"}}, True),
    (encrypt, {}, {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
    (encrypt, {}, {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::1"]}}, False),
    (encrypt, {}, {"NotIpAddress": {"aws:SourceIp": "127.0.0.1"}}, False),
    (encrypt, {}, {"Bool": {"aws:SecureTransport": "true"}}, True),
    (encrypt, {}, {"DateGreaterThan": {"aws:CurrentTime": "2025-01-01T00:00:00Z"}}, True),
    (encrypt, {}, {"NumericLessThan": {"aws:EpochTime": 1735689600}}, False),
    (encrypt, {}, {"StringEquals": {"aws:RequestedRegion": harness.REGION}}, True),
    (encrypt, {}, {"StringLike": {"kms:ViaService": "*"}}, False),
    (encrypt, {}, {"Null": {"kms:RecipientAttestation:PCR0": "true"}}, True),
    (encrypt, {}, {"StringLike": {"kms:RecipientAttestation:ImageSha384": "*"}}, False),
    (encrypt, {}, {"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT", "kms:KeyOrigin": "AWS_KMS"}}, True),
    (encrypt, {}, {"Bool": {"kms:MultiRegion": "true"}}, False),
    (encrypt, {}, {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}, True),
    (encrypt, {}, {"StringEquals": {"kms:RequestAlias": ALIAS}}, False),
    (encrypt, {"KeyId": ALIAS}, {"StringEquals": {"kms:RequestAlias": ALIAS}}, True),
    (encrypt, {"KeyId": "alias/second"}, {"StringEquals": {"kms:RequestAlias": ALIAS}}, False),
    (encrypt, {"KeyId": f"arn:aws:kms:{harness.REGION}:{ACCOUNT}:{ALIAS}"}, {"StringEquals": {"kms:RequestAlias": ALIAS}}, True),
    (encrypt, {}, {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ALIAS}}, True),
    (encrypt, {}, {"ForAllValues:StringEquals": {"kms:ResourceAliases": ALIAS}}, False),
    (encrypt, {}, {"ForAllValues:StringLike": {"kms:ResourceAliases": ["alias/con*", "alias/second"]}}, True),
    (encrypt, {}, {"StringEquals": {"aws:ResourceTag/team": "claims"}}, True),
    (encrypt, {}, {"StringEquals": {"aws:ResourceTag/team": "other"}}, False),
    (encrypt, {"EncryptionContext": {"run": "1"}}, {"StringEquals": {"kms:EncryptionContext:run": "1"}}, True),
    (encrypt, {"EncryptionContext": {"run": "2"}}, {"StringEquals": {"kms:EncryptionContext:run": "1"}}, False),
    (encrypt, {"EncryptionContext": {"Run": "1"}}, {"StringEquals": {"kms:EncryptionContext:run": "1"}}, True),
    (encrypt, {"EncryptionContext": {"Run": "1"}}, {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "run"}}, False),
    (encrypt, {}, {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "run"}}, True),
    (encrypt, {"EncryptionContext": {"run": "1", "x": ""}}, {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "run"}}, False),
    (sign, {}, {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "RAW"}}, True),
    (sign, {}, {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_512"}}, False),
    (sign, {}, {"StringEquals": {"kms:KeySpec": "ECC_NIST_P256", "kms:KeyUsage": "SIGN_VERIFY"}}, True),
    (sign, {"KeyId": PAIR_ALIAS}, {"StringLike": {"kms:RequestAlias": "alias/*-pair"}}, True),
    (delete, {"PendingWindowInDays": 30}, {"NumericGreaterThanEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": 30}}, True),
    (delete, {"PendingWindowInDays": 7}, {"NumericGreaterThanEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": 30}}, False),
    (delete, {}, {"NumericEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}}, True),
], ids=str)
def test_condition_keys(world, call, members, condition, allowed):
    world.allow_if(world.pair if call is sign else world.key, condition)
    assert call(world, **members) == (None if allowed else "AccessDeniedException")


def test_conditions_of_making_a_key(world, devd):
    limited = document(
        {"Effect": "Allow", "Action": ["kms:CreateKey", "kms:TagResource"], "Resource": "*",
         "Condition": {"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT", "aws:RequestTag/team": "claims"},
                       "Bool": {"kms:BypassPolicyLockoutSafetyCheck": "false"}}})
    path = devd.folder / "maker.json"
    path.write_text(limited)
    maker = arn_of("maker")
    harness.run(harness.program("cmaw-devd"), "role", "--dir", devd.folder, "--arn", maker, "--policy", path)
    kms = devd.client("kms", maker)
    policy = document({"Effect": "Allow", "Principal": {"AWS": [maker, ADMIN]}, "Action": "kms:*", "Resource": "*"})
    good = {"Policy": policy, "Tags": [{"TagKey": "team", "TagValue": "claims"}]}
    assert code(kms.create_key, **good) is None
    assert code(kms.create_key, **{**good, "Tags": [{"TagKey": "team", "TagValue": "x"}]}) == "AccessDeniedException"
    assert code(kms.create_key, **good, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY") == "AccessDeniedException"
    assert code(kms.create_key, **good, BypassPolicyLockoutSafetyCheck=True) == "AccessDeniedException"


@pytest.mark.parametrize("policy,says", [
    ('{"Version":"2012-10-17","Statement":', "not JSON"),
    (document({**ADMINISTRATION, "Sid": "s", "Effect": "allow"}), "statement 1 (s): its Effect is neither Allow nor Deny"),
    (document(ADMINISTRATION, statement({"StringSame": {"a": "b"}})), "statement 2: the condition operator StringSame is not known"),
    (document(ADMINISTRATION, statement({"StringEquals": {"a": "${aws:PrincipalTag/x}"}})), "the policy variable in ${aws:PrincipalTag/x}"),
    (document(ADMINISTRATION, {**ADMINISTRATION, "Principal": {"AWS": "role/x"}}), "one or more invalid principals"),
    (document(ADMINISTRATION, {**ADMINISTRATION, "Action": "Decrypt"}), "Decrypt is no value for Action"),
    (document(ADMINISTRATION, {**ADMINISTRATION, "Actions": "kms:*"}), "the element Actions is not known"),
    (document({**ADMINISTRATION, "Principal": {"AWS": CALLER}}), "The new key policy will not allow you to update the key policy in the future."),
], ids=str)
def test_policies_that_are_not_stored(world, policy, says):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        world.admin.put_key_policy(KeyId=world.pair, PolicyName="default", Policy=policy)
    error = caught.value.response["Error"]
    assert error["Code"] == "MalformedPolicyDocumentException" and says in error["Message"]


def test_a_grant_is_known_late_but_by_its_token_at_once(tmp_path):
    late = harness.Devd(tmp_path / "devd", "--grant-delay", "3600")
    admin, caller = late.client("kms", ADMIN), late.client("kms", CALLER)
    key = admin.create_key(Policy=document(ADMINISTRATION))["KeyMetadata"]["KeyId"]
    token = admin.create_grant(KeyId=key, GranteePrincipal=CALLER, Operations=["Encrypt"])["GrantToken"]
    assert code(caller.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert code(caller.encrypt, KeyId=key, Plaintext=b"x", GrantTokens=[token]) is None
    late.daemon.stop()
