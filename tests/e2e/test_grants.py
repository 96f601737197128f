"""Grants as boto3 sees them: who may do what by one, who may take it away, and that no grant beats a Deny."""
import json
import sqlite3

import botocore.exceptions
import pytest

import harness
from harness import ADMIN, PARENT, arn_of

GRANTEE, RETIRER, STRANGER = arn_of("grantee"), arn_of("retirer"), arn_of("stranger")


def refused(call, *arguments, **members):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **members)
    return caught.value.response["Error"]["Code"]


def policy(*more):
    admin = {"Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [admin, *more]})


@pytest.fixture(scope="module")
def kms(devd):
    return {arn: devd.client("kms", arn) for arn in (ADMIN, GRANTEE, RETIRER, STRANGER, PARENT)}


@pytest.fixture
def key(kms):
    return kms[ADMIN].create_key(Policy=policy())["KeyMetadata"]["KeyId"]


def grant(kms, key, **members):
    standard = {"KeyId": key, "GranteePrincipal": GRANTEE, "Operations": ["Encrypt", "Decrypt"]}
    return kms[ADMIN].create_grant(**{**standard, **members})


def test_a_grant_lets_its_grantee_do_what_it_lists(kms, key):
    assert refused(kms[GRANTEE].encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    made = grant(kms, key)
    assert len(made["GrantId"]) == 64 and made["GrantToken"]
    blob = kms[GRANTEE].encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])["CiphertextBlob"]
    assert kms[GRANTEE].decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refused(kms[GRANTEE].generate_data_key, KeyId=key, KeySpec="AES_256") == "AccessDeniedException"
    assert refused(kms[STRANGER].decrypt, CiphertextBlob=blob, GrantTokens=[made["GrantToken"]]) == "AccessDeniedException"
    kms[ADMIN].revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert refused(kms[GRANTEE].decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    assert refused(kms[GRANTEE].decrypt, CiphertextBlob=blob, GrantTokens=[made["GrantToken"]]) == "InvalidGrantTokenException"


def test_constraints_are_about_the_encryption_context(kms, key):
    grant(kms, key, Constraints={"EncryptionContextSubset": {"run": "1"}})
    blob = kms[GRANTEE].encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"run": "1", "more": "2"})["CiphertextBlob"]
    assert kms[GRANTEE].decrypt(CiphertextBlob=blob, EncryptionContext={"run": "1", "more": "2"})["Plaintext"] == b"x"
    assert refused(kms[GRANTEE].encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"run": "2"}) == "AccessDeniedException"
    assert refused(kms[GRANTEE].encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_no_grant_beats_a_deny_and_none_asks_for_an_attestation(kms, key):
    """The hole that a policy without a Deny of CreateGrant leaves: the grantee decrypts without any document."""
    attested = {"Effect": "Allow", "Principal": {"AWS": GRANTEE}, "Action": "kms:Decrypt", "Resource": "*",
                "Condition": {"StringEquals": {"kms:RecipientAttestation:PCR0": "00" * 48}}}
    kms[ADMIN].put_key_policy(KeyId=key, PolicyName="default", Policy=policy(attested))
    blob = kms[ADMIN].encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert refused(kms[GRANTEE].decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    grant(kms, key)
    assert kms[GRANTEE].decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:RecipientAttestation:PCR0": "00" * 48}}}
    kms[ADMIN].put_key_policy(KeyId=key, PolicyName="default", Policy=policy(attested, deny))
    assert refused(kms[GRANTEE].decrypt, CiphertextBlob=blob) == "AccessDeniedException"


def test_a_name_makes_a_grant_once(kms, key):
    first, again = grant(kms, key, Name="n"), grant(kms, key, Name="n")
    assert first["GrantId"] == again["GrantId"] and first["GrantToken"] != again["GrantToken"]
    assert grant(kms, key, Name="n", Operations=["Decrypt"])["GrantId"] != first["GrantId"]
    assert grant(kms, key)["GrantId"] != grant(kms, key)["GrantId"]
    listed = kms[ADMIN].list_grants(KeyId=key, GrantId=first["GrantId"])["Grants"]
    assert [g["Name"] for g in listed] == ["n"] and listed[0]["Operations"] == ["Decrypt", "Encrypt"]
    assert listed[0]["IssuingAccount"] == f"arn:aws:iam::{harness.ACCOUNT}:root"


def test_lists_come_in_pages(kms, key):
    made = {grant(kms, key, RetiringPrincipal=RETIRER)["GrantId"] for _ in range(5)}
    first = kms[ADMIN].list_grants(KeyId=key, Limit=3)
    assert first["Truncated"] and len(first["Grants"]) == 3
    rest = kms[ADMIN].list_grants(KeyId=key, Limit=3, Marker=first["NextMarker"])
    assert not rest["Truncated"] and {g["GrantId"] for g in first["Grants"] + rest["Grants"]} == made
    assert kms[ADMIN].list_grants(KeyId=key, GranteePrincipal=STRANGER)["Grants"] == []
    assert refused(kms[ADMIN].list_grants, KeyId=key, Marker="x") == "InvalidMarkerException"
    retirable = kms[ADMIN].list_retirable_grants(RetiringPrincipal=RETIRER)["Grants"]
    assert made <= {g["GrantId"] for g in retirable}
    assert refused(kms[STRANGER].list_retirable_grants, RetiringPrincipal=RETIRER) == "AccessDeniedException"


def test_the_grant_says_who_may_retire_it(kms, key):
    made = grant(kms, key, RetiringPrincipal=RETIRER)
    by_id = {"KeyId": key, "GrantId": made["GrantId"]}
    for arn in (GRANTEE, STRANGER, ADMIN):
        assert refused(kms[arn].retire_grant, **by_id) == "AccessDeniedException", arn
    assert refused(kms[RETIRER].retire_grant, DryRun=True, **by_id) == "DryRunOperationException"
    kms[RETIRER].retire_grant(**by_id)
    assert refused(kms[RETIRER].retire_grant, **by_id) == "NotFoundException"
    assert refused(kms[RETIRER].retire_grant, GrantToken=made["GrantToken"]) == "InvalidGrantTokenException"
    own = grant(kms, key, Operations=["RetireGrant"])
    kms[GRANTEE].retire_grant(GrantToken=own["GrantToken"])
    assert kms[ADMIN].list_grants(KeyId=key)["Grants"] == []


def test_a_grant_of_create_grant_gives_no_more_than_it_has(kms, key):
    grant(kms, key, Operations=["CreateGrant", "Decrypt"], Constraints={"EncryptionContextEquals": {"run": "1"}})
    wider = {"KeyId": key, "GranteePrincipal": STRANGER}
    assert refused(kms[GRANTEE].create_grant, Operations=["Decrypt"], **wider) == "AccessDeniedException"
    same = {"EncryptionContextEquals": {"run": "1"}}
    assert refused(kms[GRANTEE].create_grant, Operations=["Encrypt"], Constraints=same, **wider) == "AccessDeniedException"
    kms[GRANTEE].create_grant(Operations=["Decrypt"], Constraints=same, **wider)


def test_policies_decide_who_makes_which_grants(kms, key):
    limited = {"Effect": "Allow", "Principal": {"AWS": PARENT}, "Action": "kms:CreateGrant", "Resource": "*", "Condition": {
        "ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt", "Encrypt"]},
        "StringEquals": {"kms:GranteePrincipal": GRANTEE, "kms:GrantConstraintType": "EncryptionContextSubset",
                         "kms:EncryptionContext:run": "1"},
        "Bool": {"kms:GrantIsForAWSResource": "false"}, "Null": {"kms:RetiringPrincipal": "true"}}}
    kms[ADMIN].put_key_policy(KeyId=key, PolicyName="default", Policy=policy(limited))
    good = {"KeyId": key, "GranteePrincipal": GRANTEE, "Operations": ["Decrypt"],
            "Constraints": {"EncryptionContextSubset": {"run": "1"}}}
    kms[PARENT].create_grant(**good)
    for change in ({"Operations": ["Decrypt", "DescribeKey"]}, {"GranteePrincipal": STRANGER}, {"Constraints": {}},
                   {"Constraints": {"EncryptionContextEquals": {"run": "1"}}}, {"RetiringPrincipal": RETIRER},
                   {"Constraints": {"EncryptionContextSubset": {"run": "2"}}}):
        assert refused(kms[PARENT].create_grant, **{**good, **change}) == "AccessDeniedException", change


@pytest.mark.parametrize("members,code", [
    ({"GranteePrincipal": "nobody"}, "InvalidArnException"),
    ({"GranteePrincipal": "arn:aws:iam::111122223333:role/*"}, "ValidationException"),
    ({"RetiringPrincipal": "arn:aws:s3:::x"}, "InvalidArnException"),
    ({"Operations": ["Fly"]}, "ValidationException"),
    ({"Operations": []}, "ValidationException"),
    ({"Operations": ["Sign"]}, "ValidationException"),
    ({"Name": "with space"}, "ValidationException"),
    ({"Constraints": {"EncryptionContextSubset": {str(i): "" for i in range(9)}}}, "ValidationException"),
    ({"Constraints": {"EncryptionContextEquals": {"a": "x" * 385}}}, "ValidationException"),
    ({"GrantTokens": ["bm9uZQ=="]}, "InvalidGrantTokenException"),
    ({"GrantTokens": ["bm9uZQ=="] * 11}, "ValidationException"),
    ({"KeyId": "11111111-2222-4333-8444-555555555555"}, "NotFoundException"),
    ({"DryRun": True}, "DryRunOperationException"),
    ({"RetiringServicePrincipal": "s3.amazonaws.com"}, "UnsupportedOperationException"),
], ids=str)
def test_what_a_grant_cannot_be(kms, key, members, code):
    assert refused(grant, kms, key, **members) == code
    assert kms[ADMIN].list_grants(KeyId=key)["Grants"] == []


def test_a_key_has_fifty_thousand_grants_at_most(devd, kms, key):
    made = grant(kms, key)
    with sqlite3.connect(devd.folder / "devd.db", timeout=180) as database:
        database.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 49998) INSERT INTO kms_grant "
                         "SELECT printf('%064d', i), key_id, name, 'x', retiring, created_ms, body FROM kms_grant, n WHERE id = ?",
                         (made["GrantId"],))
    grant(kms, key)
    assert refused(grant, kms, key) == "LimitExceededException"
    kms[ADMIN].revoke_grant(KeyId=key, GrantId=made["GrantId"])
    grant(kms, key)


def test_ids_that_no_grant_has(kms, key):
    assert refused(kms[ADMIN].revoke_grant, KeyId=key, GrantId="x") == "InvalidGrantIdException"
    assert refused(kms[ADMIN].revoke_grant, KeyId=key, GrantId="0" * 64) == "NotFoundException"
    assert refused(kms[RETIRER].retire_grant) == "ValidationException"


def test_a_disabled_key_takes_no_grant_and_keeps_those_it_has(kms, key):
    made = grant(kms, key)
    kms[ADMIN].disable_key(KeyId=key)
    assert refused(grant, kms, key) == "DisabledException"
    assert len(kms[ADMIN].list_grants(KeyId=key)["Grants"]) == 1
    kms[ADMIN].revoke_grant(KeyId=key, GrantId=made["GrantId"])
