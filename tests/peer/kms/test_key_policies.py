"""What text can be a key's policy, before it is evaluated."""
import json

import pytest

import devd as world
from devd import code, refused


@pytest.fixture(scope="module")
def key(admin):
    return admin.create_key(Policy=world.policy(world.ADMINISTRATION))["KeyMetadata"]["Arn"]


def of_size(size):
    text = world.policy(world.ADMINISTRATION)
    return text + " " * (size - len(text))


def test_the_largest_policy(admin, key):
    admin.put_key_policy(KeyId=key, Policy=of_size(32768))
    assert admin.get_key_policy(KeyId=key)["Policy"] == of_size(32768)
    for size, error in ((32769, "LimitExceededException"), (131072, "LimitExceededException"), (131073, "ValidationException")):
        assert code(admin.put_key_policy, KeyId=key, Policy=of_size(size)) == error
        assert code(admin.create_key, Policy=of_size(size)) == error
    assert admin.get_key_policy(KeyId=key)["Policy"] == of_size(32768)


@pytest.mark.parametrize("sid, error", [
    ("plain", None), ("ÿ is in Latin-1", None), ("a\ttab", None), ("Ā is not", "ValidationException"), ("鍵", "ValidationException"),
    ("🔑", "ValidationException"), ("bell\a", "ValidationException")])
def test_characters_of_policies(admin, key, sid, error):
    """U+0009, 000A, 000D and 0020 to 00FF, outside of JSON's own escapes."""
    text = world.policy(world.ADMINISTRATION).replace('"Effect"', '"Sid": "SID", "Effect"', 1).replace("SID", sid.replace("\t", "\\t"))
    if error is None:
        admin.put_key_policy(KeyId=key, Policy=text)
        assert admin.get_key_policy(KeyId=key)["Policy"] == text
    else:
        assert code(admin.put_key_policy, KeyId=key, Policy=text) == error


@pytest.mark.parametrize("text", ["x", "[]", "{}", "null", '{"Version": "2012-10-17"}', '{"Statement": []', '{"Version": "2012-10-17", "Statement": "x"}'])
def test_text_that_is_no_policy(admin, key, text):
    before = admin.get_key_policy(KeyId=key)["Policy"]
    assert code(admin.put_key_policy, KeyId=key, Policy=text) == "MalformedPolicyDocumentException"
    assert code(admin.create_key, Policy=text) == "MalformedPolicyDocumentException"
    assert admin.get_key_policy(KeyId=key)["Policy"] == before


def test_names_of_policies(admin, key):
    before = admin.get_key_policy(KeyId=key)["Policy"]
    for name in ("AWS_RAM", "other", "Default"):
        assert refused(admin.get_key_policy, KeyId=key, PolicyName=name)[:2] == ("NotFoundException", "No such policy exists")
        assert code(admin.put_key_policy, KeyId=key, PolicyName=name, Policy=world.policy(world.ADMINISTRATION)) == "NotFoundException"
    for name in ("default/", "x" * 129):
        assert code(admin.get_key_policy, KeyId=key, PolicyName=name) == "ValidationException"
    assert admin.get_key_policy(KeyId=key)["Policy"] == before


def test_lockout(admin, key):
    """Who writes a policy must be able to write the next, unless the check is passed by."""
    theirs = world.policy(world.allow(world.PARENT, "kms:*"))
    message = "The new key policy will not allow you to update the key policy in the future."
    assert refused(admin.put_key_policy, KeyId=key, Policy=theirs)[:2] == ("MalformedPolicyDocumentException", message)
    assert refused(admin.create_key, Policy=theirs)[:2] == ("MalformedPolicyDocumentException", message)
    denying = json.loads(world.policy(world.ADMINISTRATION))
    denying["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "kms:PutKeyPolicy", "Resource": "*"})
    assert refused(admin.put_key_policy, KeyId=key, Policy=json.dumps(denying))[1] == message
    made = admin.create_key(Policy=theirs, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    assert code(admin.get_key_policy, KeyId=made) == "AccessDeniedException"
