"""What keys are called and marked with: aliases, tags, descriptions. Whatever table/names.yaml has is not here again."""
import json

import pytest

import devd as world
from devd import code, refused

ROOT = f"arn:aws:kms:{world.REGION}:{world.ACCOUNT}:"
USE = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:Sign", "kms:Verify", "kms:GetPublicKey", "kms:DescribeKey"]


def new_key(admin, **more):
    return admin.create_key(Policy=world.policy(world.ADMINISTRATION, world.allow(world.PARENT, USE)), **more)["KeyMetadata"]["Arn"]


@pytest.fixture
def key(admin):
    return new_key(admin)


def aliases_of(admin, key):
    return {alias["AliasName"]: alias for alias in admin.list_aliases(KeyId=key)["Aliases"]}


# -- aliases --------------------------------------------------------------------------------------------------------

def test_an_alias_as_a_source_and_its_dates(admin, parent, key):
    admin.create_alias(AliasName="alias/team/blue", TargetKeyId=key)
    other = new_key(admin)
    for name in ("alias/team/blue", ROOT + "alias/team/blue"):
        blob = parent.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
        moved = parent.re_encrypt(CiphertextBlob=blob, SourceKeyId=name, DestinationKeyId=other)
        assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other)
        assert code(parent.decrypt, KeyId=name, CiphertextBlob=moved["CiphertextBlob"]) == "IncorrectKeyException"
    shown = aliases_of(admin, key)["alias/team/blue"]
    assert shown["TargetKeyId"] == key.split("/")[1] and shown["CreationDate"] == shown["LastUpdatedDate"]
    admin.update_alias(AliasName="alias/team/blue", TargetKeyId=other)
    shown = aliases_of(admin, other)["alias/team/blue"]
    assert shown["LastUpdatedDate"] > shown["CreationDate"] and not aliases_of(admin, key)


def test_operations_on_the_key_itself_go_by_no_alias(admin, key):
    admin.create_alias(AliasName="alias/moving", TargetKeyId=key)
    calls = [admin.disable_key, admin.enable_key, admin.get_key_policy, admin.list_key_policies, admin.schedule_key_deletion,
             admin.cancel_key_deletion, admin.list_resource_tags, admin.list_aliases, admin.get_key_rotation_status]
    for call in calls:
        assert refused(call, KeyId="alias/moving")[:2] == ("NotFoundException", "Invalid keyId 'alias/moving'"), call
    assert code(admin.create_alias, AliasName="alias/second", TargetKeyId="alias/moving") == "NotFoundException"
    assert admin.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]


def test_text_that_names_no_key(admin, parent, key):
    """What is no ARN of KMS is an InvalidArnException, except where the operation has none."""
    account = ROOT.replace(world.ACCOUNT, "999988887777")
    cases = [
        ("arn:aws:kms", "InvalidArnException", "NotFoundException"),
        ("arn:aws:s3:::bucket", "InvalidArnException", "NotFoundException"),
        (f"arn:aws:kms:{world.REGION}", "InvalidArnException", "NotFoundException"),
        (ROOT.replace(world.REGION, "eu-west-1") + key.split(":")[-1], "NotFoundException", "NotFoundException"),
        (account + key.split(":")[-1], "NotFoundException", "NotFoundException"),
        (ROOT + "key/nonsense", "NotFoundException", "NotFoundException"),
        (ROOT + "grant/1", "NotFoundException", "NotFoundException"),
        ("mrk-" + "0" * 32, "NotFoundException", "NotFoundException"),
        (key.upper(), "NotFoundException", "NotFoundException"),
        (key[:-1], "NotFoundException", "NotFoundException"),
        (key + "0", "NotFoundException", "NotFoundException"),
    ]
    for name, error, in_crypto in cases:
        for call in (admin.disable_key, admin.describe_key, admin.get_key_policy, admin.list_resource_tags):
            assert code(call, KeyId=name) == error, (call, name)
        assert code(parent.encrypt, KeyId=name, Plaintext=b"x") == in_crypto, name
    assert admin.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]


def test_a_policy_can_ask_for_the_alias(admin, devd):
    """kms:RequestAlias is the alias that the request itself names, and only that."""
    role = f"arn:aws:iam::{world.ACCOUNT}:role/by-alias"
    use = world.allow(role, ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*"], {"StringLike": {"kms:RequestAlias": "alias/way-in-*"}})
    key = admin.create_key(Policy=world.policy(world.ADMINISTRATION, use))["KeyMetadata"]["Arn"]
    for name in ("alias/way-in-1", "alias/elsewhere"):
        admin.create_alias(AliasName=name, TargetKeyId=key)
    client = devd.client("kms", devd.access_key(role))
    blob = client.encrypt(KeyId="alias/way-in-1", Plaintext=b"x")["CiphertextBlob"]
    assert client.decrypt(KeyId="alias/way-in-1", CiphertextBlob=blob)["Plaintext"] == b"x"
    assert client.re_encrypt(CiphertextBlob=blob, SourceKeyId="alias/way-in-1", DestinationKeyId="alias/way-in-1")
    for name in (key, key.split("/")[1], "alias/elsewhere"):
        assert code(client.encrypt, KeyId=name, Plaintext=b"x") == "AccessDeniedException"
        assert code(client.re_encrypt, CiphertextBlob=blob, SourceKeyId="alias/way-in-1", DestinationKeyId=name) == "AccessDeniedException"
        assert code(client.re_encrypt, CiphertextBlob=blob, SourceKeyId=name, DestinationKeyId="alias/way-in-1") == "AccessDeniedException"
    assert code(client.decrypt, CiphertextBlob=blob) == "AccessDeniedException"


def test_events_of_aliases(admin, key, trail):
    admin.create_alias(AliasName="alias/seen", TargetKeyId=key)
    event = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateAlias"}])["Events"][0]
    shown = json.loads(event["CloudTrailEvent"])
    assert shown["requestParameters"] == {"aliasName": "alias/seen", "targetKeyId": key}
    assert [one["ARN"] for one in shown["resources"]] == [ROOT + "alias/seen", key]


def test_markers(admin, key):
    """One is good for the list that gave it."""
    new_key(admin)
    marker = admin.list_keys(Limit=1)["NextMarker"]
    assert admin.list_keys(Limit=1, Marker=marker)["Keys"] != admin.list_keys(Limit=1)["Keys"]
    lists = [(admin.list_aliases, {}), (admin.list_resource_tags, {"KeyId": key}), (admin.list_key_policies, {"KeyId": key})]
    for call, more in lists:
        assert code(call, Marker=marker, **more) == "InvalidMarkerException"
    for call, more in [(admin.list_keys, {}), *lists]:
        for text in ("x", "AAAA", marker[:-4] + "!!!!"):
            assert code(call, Marker=text, **more) == "InvalidMarkerException", (call, text)
    for call, most, more in ((admin.list_aliases, 100, {}), (admin.list_resource_tags, 50, {"KeyId": key}), (admin.list_keys, 1000, {})):
        assert call(Limit=most, **more)
        assert refused(call, Limit=most + 1, **more)[:2] == (
            "ValidationException", f"1 validation error detected: Value '{most + 1}' at 'limit' failed to satisfy constraint: "
                                   f"Member must have value less than or equal to {most}")


@pytest.mark.parametrize("name, error, message", [
    ("blue", "ValidationException", 'Alias must start with the prefix "alias/"'),
    ("alias/", "ValidationException", 'Alias must start with the prefix "alias/"'),
    ("alias/a:b", "ValidationException", "alias/a:b contains invalid characters for an alias"),
    ("alias/a b", "ValidationException", "Value 'alias/a b' at 'aliasName' failed to satisfy constraint: Member must satisfy regular "
                                         "expression pattern: ^[a-zA-Z0-9:/_-]+$"),
    ("alias/" + "a" * 251, "ValidationException", "Member must have length less than or equal to 256"),
    ("alias/aws/s3", "NotAuthorizedException", ""),
    ("alias/ä", "ValidationException", "regular expression pattern"),
])
def test_names_that_are_no_alias(admin, key, name, error, message):
    for call, more in ((admin.create_alias, {"TargetKeyId": key}), (admin.update_alias, {"TargetKeyId": key}), (admin.delete_alias, {})):
        got = refused(call, AliasName=name, **more)
        assert got[0] == error and message in got[1]


def test_refusals_about_aliases(admin):
    missing = f"Alias {ROOT}alias/missing is not found."
    assert refused(admin.delete_alias, AliasName="alias/missing")[:2] == ("NotFoundException", missing)
    unknown = "00000000-0000-4000-8000-000000000000"
    assert refused(admin.create_alias, AliasName="alias/lost", TargetKeyId=unknown)[:2] == (
        "NotFoundException", f"Key '{ROOT}key/{unknown}' does not exist")
    pair = new_key(admin, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    admin.schedule_key_deletion(KeyId=pair)
    assert code(admin.create_alias, AliasName="alias/late", TargetKeyId=pair) == "KMSInvalidStateException"


def test_fifty_aliases_for_a_key(admin, key):
    for number in range(50):
        admin.create_alias(AliasName=f"alias/many-{number:02}", TargetKeyId=key)
    assert code(admin.create_alias, AliasName="alias/many-50", TargetKeyId=key) == "LimitExceededException"
    other = new_key(admin)
    admin.create_alias(AliasName="alias/one-more", TargetKeyId=other)
    assert code(admin.update_alias, AliasName="alias/one-more", TargetKeyId=key) == "LimitExceededException"
    admin.update_alias(AliasName="alias/many-00", TargetKeyId=key)  # it has that one already
    pages = list(admin.get_paginator("list_aliases").paginate(KeyId=key, PaginationConfig={"PageSize": 7}))
    assert [len(page["Aliases"]) for page in pages] == [7] * 7 + [1]
    assert [alias["AliasName"] for page in pages for alias in page["Aliases"]] == [f"alias/many-{number:02}" for number in range(50)]


def test_an_alias_needs_permission_on_both(devd, admin, key):
    """The identity policy decides about the alias, the key policy about the key: neither is enough."""
    role = f"arn:aws:iam::{world.ACCOUNT}:role/namer"

    def identity(resource):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*Alias", "Resource": resource}]}

    keys = [admin.create_key(Policy=world.policy(world.ADMINISTRATION, world.allow(role, "kms:*Alias")))["KeyMetadata"]["Arn"] for _ in range(2)]
    client = devd.client("kms", devd.access_key(role, identity(ROOT + "alias/mine/*")))
    name, message, _ = refused(client.create_alias, AliasName="alias/other", TargetKeyId=keys[0])
    assert name == "AccessDeniedException"
    assert message.endswith(f"kms:CreateAlias on resource: {ROOT}alias/other because no identity-based policy allows the kms:CreateAlias action")
    name, message, _ = refused(client.create_alias, AliasName="alias/mine/a", TargetKeyId=key)
    assert name == "AccessDeniedException" and f"on resource: {key} " in message
    client.create_alias(AliasName="alias/mine/a", TargetKeyId=keys[0])
    client.update_alias(AliasName="alias/mine/a", TargetKeyId=keys[1])
    assert code(client.update_alias, AliasName="alias/mine/a", TargetKeyId=key) == "AccessDeniedException"
    admin.update_alias(AliasName="alias/mine/a", TargetKeyId=key)
    assert code(client.update_alias, AliasName="alias/mine/a", TargetKeyId=keys[0]) == "AccessDeniedException"  # not on the present key
    assert code(client.delete_alias, AliasName="alias/mine/a") == "AccessDeniedException"
    assert code(client.list_aliases) == "AccessDeniedException"
    admin.update_alias(AliasName="alias/mine/a", TargetKeyId=keys[0])
    client.delete_alias(AliasName="alias/mine/a")


# -- tags -----------------------------------------------------------------------------------------------------------

def tags_of(admin, key):
    return {tag["TagKey"]: tag["TagValue"] for page in admin.get_paginator("list_resource_tags").paginate(KeyId=key) for tag in page["Tags"]}


def as_list(tags):
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


def test_tags_that_are_there_and_not(admin):
    key = new_key(admin, Tags=as_list({"team": "blue", "empty": "", "Team": "case counts"}))
    admin.untag_resource(KeyId=key, TagKeys=["Team", "never there"])
    assert tags_of(admin, key) == {"team": "blue", "empty": ""}
    page = admin.list_resource_tags(KeyId=key, Limit=1)
    assert page["Truncated"] and len(page["Tags"]) == 1
    rest = admin.list_resource_tags(KeyId=key, Limit=1, Marker=page["NextMarker"])
    assert not rest["Truncated"] and "NextMarker" not in rest and rest["Tags"] != page["Tags"]


@pytest.mark.parametrize("tags, error, message", [
    ([("a", "1"), ("a", "2")], "TagException", "Duplicate tag keys"),
    ([(f"t{number}", "") for number in range(51)], "TagException", "Too many tags"),
    ([("aws:x", "1")], "TagException", "Tags beginning with aws: are reserved"),
    ([("AWS:x", "1")], "TagException", "Tags beginning with aws: are reserved"),
    ([("ok", ""), ("k" * 129, "1")], "ValidationException",
     f"1 validation error detected: Value '{'k' * 129}' at 'tags.2.member.tagKey' failed to satisfy constraint: "
     "Member must have length less than or equal to 128"),
    ([("k", "v" * 257)], "ValidationException",
     f"1 validation error detected: Value '{'v' * 257}' at 'tags.1.member.tagValue' failed to satisfy constraint: "
     "Member must have length less than or equal to 256"),
])
def test_tags_that_are_refused(admin, key, tags, error, message):
    tags = [{"TagKey": name, "TagValue": value} for name, value in tags]
    assert refused(admin.tag_resource, KeyId=key, Tags=tags)[:2] == (error, message)
    assert code(admin.create_key, Tags=tags) == error
    assert tags_of(admin, key) == {}


def test_fifty_tags_for_a_key(admin, key):
    names = {"ä" * 127 + chr(0x100 + number): "ö" * 256 for number in range(50)}
    admin.tag_resource(KeyId=key, Tags=as_list(names))
    assert tags_of(admin, key) == names
    assert refused(admin.tag_resource, KeyId=key, Tags=as_list({"one more": ""}))[:2] == ("TagException", "Too many tags")
    admin.tag_resource(KeyId=key, Tags=as_list(dict.fromkeys(names, "replaced")))
    assert set(tags_of(admin, key).values()) == {"replaced"}


def test_tags_at_birth_need_their_own_permission(devd, admin):
    role = f"arn:aws:iam::{world.ACCOUNT}:role/maker"
    statement = {"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"}
    client = devd.client("kms", devd.access_key(role, {"Version": "2012-10-17", "Statement": [statement]}))
    assert client.create_key(BypassPolicyLockoutSafetyCheck=True)
    name, message, _ = refused(client.create_key, Tags=as_list({"a": "b"}))
    assert name == "AccessDeniedException" and "kms:TagResource" in message


# -- descriptions and states ----------------------------------------------------------------------------------------

def test_descriptions(admin, key):
    for text in ("ü" * 8192, ""):
        admin.update_key_description(KeyId=key, Description=text)
        assert admin.describe_key(KeyId=key)["KeyMetadata"]["Description"] == text
    assert code(admin.create_key, Description="x" * 8193) == "ValidationException"


def test_what_a_key_that_is_to_be_deleted_refuses(admin, key):
    admin.create_alias(AliasName="alias/doomed", TargetKeyId=key)
    admin.tag_resource(KeyId=key, Tags=as_list({"a": "b"}))
    admin.schedule_key_deletion(KeyId=key)
    calls = [(admin.tag_resource, {"Tags": as_list({"c": "d"})}), (admin.untag_resource, {"TagKeys": ["a"]}),
             (admin.update_key_description, {"Description": "x"}), (admin.enable_key, {}), (admin.disable_key, {}),
             (admin.schedule_key_deletion, {}), (admin.get_key_rotation_status, {})]
    for call, more in calls:
        assert refused(call, KeyId=key, **more)[:2] == ("KMSInvalidStateException", f"{key} is pending deletion."), call
    assert tags_of(admin, key) == {"a": "b"} and "alias/doomed" in aliases_of(admin, key)
    admin.delete_alias(AliasName="alias/doomed")
    assert admin.get_key_policy(KeyId=key)["Policy"] and admin.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]


def test_they_survive_a_kill(tmp_path):
    devd = world.Devd(tmp_path).start()
    try:
        admin_key = devd.access_key(world.ADMIN)
        admin = devd.client("kms", admin_key)
        key = new_key(admin, Tags=as_list({"a": "b"}))
        pair = new_key(admin, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        admin.create_alias(AliasName="alias/kept", TargetKeyId=pair)
        before = devd.client("kms", devd.access_key(world.PARENT)).get_public_key(KeyId=pair)["PublicKey"]
        devd.kill()
        devd.start()
        admin = devd.client("kms", admin_key)
        assert tags_of(admin, key) == {"a": "b"}
        assert devd.client("kms", devd.access_key(world.PARENT)).get_public_key(KeyId="alias/kept")["PublicKey"] == before
    finally:
        assert devd.stop() == 0
