"""The KMS emulator as boto3 sees it, unchanged, over TLS."""
import json
import ssl
import urllib.request

import pytest
from botocore.exceptions import ClientError, SSLError

import devd as world
from devd import CONTEXT


def refused(call, **arguments):
    """The type and message of the error that a call must end with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"], caught.value.response


def code(call, **arguments):
    return refused(call, **arguments)[0]


# -- keys -----------------------------------------------------------------------------------------------------------

def test_create_and_describe(admin):
    made = admin.create_key(Description="a key", Policy=world.policy(world.ADMINISTRATION))["KeyMetadata"]
    assert made["Arn"] == f"arn:aws:kms:{world.REGION}:{world.ACCOUNT}:key/{made['KeyId']}"
    shown = admin.describe_key(KeyId=made["KeyId"])["KeyMetadata"]
    assert shown == made == admin.describe_key(KeyId=made["Arn"])["KeyMetadata"]
    expected = {"AWSAccountId": world.ACCOUNT, "Description": "a key", "Enabled": True, "KeyManager": "CUSTOMER", "KeyState": "Enabled",
                "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
                "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "Origin": "AWS_KMS", "MultiRegion": False}
    assert {name: shown[name] for name in expected} == expected
    assert len(shown["CurrentKeyMaterialId"]) == 64
    assert admin.describe_key(KeyId=made["Arn"])["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]


def test_create_key_needs_permission(parent):
    name, message, response = refused(parent.create_key)
    assert name == "AccessDeniedException"
    assert message == (f"User: arn:aws:sts::{world.ACCOUNT}:assumed-role/enclave-parent/cmaw-dev is not authorized to perform: "
                       "kms:CreateKey because no identity-based policy allows the kms:CreateKey action")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_list_keys_pages(admin):
    made = {admin.create_key(Policy=world.policy(world.ADMINISTRATION))["KeyMetadata"]["Arn"] for _ in range(5)}
    listed = [key["KeyArn"] for page in admin.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}) for key in page["Keys"]]
    assert made <= set(listed) and len(listed) == len(set(listed))


def test_policies(admin):
    text = world.policy(world.ADMINISTRATION)
    key = admin.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    assert admin.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == text
    changed = world.policy(world.ADMINISTRATION, world.allow(world.PARENT, "kms:Encrypt"))
    admin.put_key_policy(KeyId=key, PolicyName="default", Policy=changed)
    assert admin.get_key_policy(KeyId=key)["Policy"] == changed
    assert admin.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    assert admin.list_grants(KeyId=key)["Grants"] == []
    assert code(admin.get_key_policy, KeyId=key, PolicyName="AWS_RAM") == "NotFoundException"
    assert code(admin.put_key_policy, KeyId=key, Policy="{}") == "MalformedPolicyDocumentException"
    locked_out = world.policy(world.allow(world.PARENT, "kms:*"))
    assert code(admin.put_key_policy, KeyId=key, Policy=locked_out) == "MalformedPolicyDocumentException"
    assert code(admin.create_key, Policy=locked_out) == "MalformedPolicyDocumentException"
    assert admin.get_key_policy(KeyId=key)["Policy"] == changed
    admin.put_key_policy(KeyId=key, Policy=locked_out, BypassPolicyLockoutSafetyCheck=True)
    assert code(admin.get_key_policy, KeyId=key) == "AccessDeniedException"


def test_root_delegation(devd, admin):
    """A key with the standard policy leaves the decision to identity policies."""
    key = admin.create_key()["KeyMetadata"]["KeyId"]
    role = f"arn:aws:iam::{world.ACCOUNT}:role/service"
    statement = {"Effect": "Allow", "Action": "kms:*crypt", "Resource": "*"}
    client = devd.client("kms", devd.access_key(role))
    name, message, _ = refused(client.encrypt, KeyId=key, Plaintext=b"x")
    assert name == "AccessDeniedException" and message.endswith("because no identity-based policy allows the kms:Encrypt action")
    client = devd.client("kms", devd.access_key(role, {"Version": "2012-10-17", "Statement": statement}))
    blob = client.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert client.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert code(client.generate_data_key, KeyId=key, KeySpec="AES_256") == "AccessDeniedException"
    denying = {"Version": "2012-10-17", "Statement": [statement, {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}]}
    client = devd.client("kms", devd.access_key(role, denying))
    name, message, _ = refused(client.decrypt, CiphertextBlob=blob)
    assert name == "AccessDeniedException" and message.endswith("with an explicit deny in an identity-based policy")


def test_states(admin, parent):
    key = admin.create_key(Policy=world.policy(world.ADMINISTRATION, world.allow(world.PARENT, ["kms:Encrypt", "kms:Decrypt"])))
    key = key["KeyMetadata"]["Arn"]
    blob = parent.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    admin.disable_key(KeyId=key)
    assert refused(parent.decrypt, CiphertextBlob=blob)[:2] == ("DisabledException", f"{key} is disabled.")
    assert admin.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    admin.enable_key(KeyId=key)
    assert parent.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert code(admin.cancel_key_deletion, KeyId=key) == "KMSInvalidStateException"
    assert code(admin.schedule_key_deletion, KeyId=key, PendingWindowInDays=6) == "ValidationException"
    answer = admin.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert answer["KeyState"] == "PendingDeletion" and answer["PendingWindowInDays"] == 7
    assert refused(parent.encrypt, KeyId=key, Plaintext=b"x")[:2] == ("KMSInvalidStateException", f"{key} is pending deletion.")
    assert code(admin.enable_key, KeyId=key) == "KMSInvalidStateException"
    assert admin.describe_key(KeyId=key)["KeyMetadata"]["DeletionDate"] == answer["DeletionDate"]
    admin.cancel_key_deletion(KeyId=key)
    assert admin.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


# -- cryptography without attestation -------------------------------------------------------------------------------

@pytest.mark.parametrize("size", [1, 32, 35, 36, 4096])
def test_encrypt_and_decrypt(parent, open_key, size):
    made = parent.encrypt(KeyId=open_key, Plaintext=b"p" * size, EncryptionContext=CONTEXT)
    assert made["KeyId"] == open_key and made["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert size > 35 or len(made["CiphertextBlob"]) == size + 152
    opened = parent.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=dict(reversed(CONTEXT.items())))
    assert opened["Plaintext"] == b"p" * size and opened["KeyId"] == open_key
    assert len(opened["KeyMaterialId"]) == 64


@pytest.mark.parametrize("arguments, size", [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1024}, 1024)])
def test_generate_data_key(parent, open_key, arguments, size):
    made = parent.generate_data_key(KeyId=open_key, EncryptionContext=CONTEXT, **arguments)
    assert len(made["Plaintext"]) == size and made["KeyId"] == open_key
    assert parent.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"] == made["Plaintext"]
    bare = parent.generate_data_key_without_plaintext(KeyId=open_key, **arguments)
    assert "Plaintext" not in bare and len(parent.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]) == size


def test_generate_random(parent, admin):
    assert len(parent.generate_random(NumberOfBytes=17)["Plaintext"]) == 17
    assert code(admin.generate_random, NumberOfBytes=17) == "AccessDeniedException"


def test_reencrypt(admin, parent, open_key):
    blob = parent.encrypt(KeyId=open_key, Plaintext=b"moved", EncryptionContext={"a": "b"})["CiphertextBlob"]
    other = admin.create_key(Policy=world.policy(world.ADMINISTRATION, world.allow(world.PARENT, ["kms:ReEncryptTo", "kms:Decrypt"])))
    other = other["KeyMetadata"]["Arn"]
    moved = parent.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "b"}, DestinationKeyId=other,
                              DestinationEncryptionContext={"c": "d"})
    assert moved["KeyId"] == other and moved["SourceKeyId"] == open_key
    assert parent.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"c": "d"})["Plaintext"] == b"moved"
    back = refused(parent.re_encrypt, CiphertextBlob=moved["CiphertextBlob"], SourceEncryptionContext={"c": "d"}, DestinationKeyId=open_key)
    assert back[0] == "AccessDeniedException" and "kms:ReEncryptFrom" in back[1]


def test_errors_by_type(admin, parent, open_key, hard_key):
    blob = parent.encrypt(KeyId=open_key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    flipped = blob[:-1] + bytes([blob[-1] ^ 1])
    foreign = blob[:5] + bytes(32) + blob[37:]
    unknown = f"arn:aws:kms:{world.REGION}:{world.ACCOUNT}:key/00000000-0000-4000-8000-000000000000"
    cases = [
        (parent.decrypt, {"CiphertextBlob": blob}, "InvalidCiphertextException", ""),
        (parent.decrypt, {"CiphertextBlob": blob, "EncryptionContext": CONTEXT | {"more": ""}}, "InvalidCiphertextException", ""),
        (parent.decrypt, {"CiphertextBlob": flipped, "EncryptionContext": CONTEXT}, "InvalidCiphertextException", ""),
        (parent.decrypt, {"CiphertextBlob": b"not a blob"}, "InvalidCiphertextException", ""),
        (parent.decrypt, {"CiphertextBlob": foreign, "EncryptionContext": CONTEXT}, "AccessDeniedException",
         "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."),
        (parent.decrypt, {"CiphertextBlob": blob, "KeyId": hard_key, "EncryptionContext": CONTEXT}, "IncorrectKeyException",
         "The key ID in the request does not identify a CMK that can perform this operation."),
        (parent.decrypt, {"CiphertextBlob": bytes(6145)}, "ValidationException", None),
        (parent.encrypt, {"KeyId": unknown, "Plaintext": b"x"}, "NotFoundException", f"Key '{unknown}' does not exist"),
        (parent.encrypt, {"KeyId": unknown.replace(world.REGION, "eu-west-1"), "Plaintext": b"x"}, "NotFoundException", "Invalid arn eu-west-1"),
        (parent.encrypt, {"KeyId": "nonsense", "Plaintext": b"x"}, "NotFoundException", "Invalid keyId 'nonsense'"),
        (parent.encrypt, {"KeyId": "alias/none", "Plaintext": b"x"}, "NotFoundException",
         f"Alias arn:aws:kms:{world.REGION}:{world.ACCOUNT}:alias/none is not found."),
        (parent.encrypt, {"KeyId": open_key, "Plaintext": bytes(4097)}, "ValidationException", None),
        (parent.encrypt, {"KeyId": open_key, "Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}, "ValidationException",
         "1 validation error detected: Value 'RSAES_OAEP_SHA_1' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy "
         "enum value set: [SYMMETRIC_DEFAULT]"),
        (parent.generate_data_key, {"KeyId": open_key}, "ValidationException", None),
        (parent.generate_data_key, {"KeyId": open_key, "KeySpec": "AES_256", "NumberOfBytes": 32}, "ValidationException", None),
        (parent.generate_random, {"NumberOfBytes": 1025}, "ValidationException",
         "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024"),
        (parent.generate_random, {}, "ValidationException", "NumberOfBytes is required."),
        (parent.encrypt, {"KeyId": open_key, "Plaintext": b"x", "DryRun": True}, "DryRunOperationException",
         "The request would have succeeded, but the DryRun option is set."),
        (admin.create_key, {"KeySpec": "RSA_2048"}, "ValidationException", None),
        (admin.create_key, {"MultiRegion": True}, "UnsupportedOperationException", None),
        (admin.create_alias, {"AliasName": "alias/a", "TargetKeyId": open_key}, "UnsupportedOperationException", None),
    ]
    for call, arguments, name, message in cases:
        got = refused(call, **arguments)
        assert got[0] == name, (arguments, got)
        assert message is None or got[1] == message
        assert got[2]["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert got[2]["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == name


# -- who calls ------------------------------------------------------------------------------------------------------

def test_signatures(devd, open_key):
    key = devd.access_key(world.PARENT)
    wrong = devd.client("kms", key | {"SecretAccessKey": key["SecretAccessKey"][:-1] + "?"})
    assert code(wrong.generate_random, NumberOfBytes=1) == "InvalidSignatureException"
    unknown = devd.client("kms", key | {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA"})
    name, message, _ = refused(unknown.generate_random, NumberOfBytes=1)
    assert (name, message) == ("UnrecognizedClientException", "The security token included in the request is invalid.")


def test_session_tokens(devd):
    key = devd.access_key(world.PARENT, session=True)
    assert key["AccessKeyId"].startswith("ASIA")
    assert devd.client("kms", key).generate_random(NumberOfBytes=1)
    for token in (None, "other"):
        client = devd.client("kms", {**key, "SessionToken": token})
        assert code(client.generate_random, NumberOfBytes=1) == "UnrecognizedClientException"


def test_unsigned_requests(devd):
    context = ssl.create_default_context(cafile=devd.folder / "tls-ca.pem")
    for target, name in (("TrentService.ListKeys", "MissingAuthenticationTokenException"), ("Other.Thing", "UnknownOperationException")):
        request = urllib.request.Request(f"https://127.0.0.1:{devd.port}/", b"{}", {"X-Amz-Target": target})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, context=context, timeout=10)
        assert caught.value.code == 400 and json.load(caught.value)["__type"] == name


def test_tls_needs_the_ca(devd):
    client = devd.client("kms", devd.access_key(world.PARENT))
    import boto3
    stranger = boto3.client("kms", region_name=world.REGION, endpoint_url=client.meta.endpoint_url, aws_access_key_id="a" * 16,
                            aws_secret_access_key="b")
    with pytest.raises(SSLError):
        stranger.generate_random(NumberOfBytes=1)


# -- with attestation -----------------------------------------------------------------------------------------------

def birth(parent, key, enclave, **more):
    arguments = {"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": CONTEXT} | more
    return parent.generate_data_key(Recipient=enclave.recipient(), **arguments)


def test_attested_birth_and_decrypt(parent, hard_key, enclave):
    for _ in range(2):  # both forms of the envelope
        made = birth(parent, hard_key, enclave)
        assert "Plaintext" not in made and "KeyMaterialId" not in made and made["KeyId"] == hard_key
        secret = enclave.open(made)
        assert len(secret) == 32
        opened = parent.decrypt(CiphertextBlob=made["CiphertextBlob"], KeyId=hard_key, EncryptionContext=CONTEXT, Recipient=enclave.recipient())
        assert "Plaintext" not in opened and "KeyMaterialId" not in opened
        assert enclave.open(opened) == secret


def test_envelope_forms(tmp_path, ):
    for option, marker in (("a", 0xa0), ("b", 0x80)):
        devd = world.Devd(tmp_path / option, "--cms-form", option).start()
        try:
            parent = devd.client("kms", devd.access_key(world.PARENT))
            enclave = world.Enclave(devd.folder)
            for size in (1, 15, 16, 1024):
                answer = parent.generate_random(NumberOfBytes=size, Recipient=enclave.recipient())
                assert answer["CiphertextForRecipient"][431] == marker
                assert len(enclave.open(answer)) == size
        finally:
            assert devd.stop() == 0


def test_wrong_measurements_are_denied(devd, parent, hard_key, enclave):
    blob = birth(parent, hard_key, enclave)["CiphertextBlob"]

    def decrypt(someone):
        return refused(parent.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT, Recipient=someone.recipient())

    other_image = world.Enclave(devd.folder, image="other")
    other_image.extend_and_lock(16, world.ROLE_LOCK)
    other_lock = world.Enclave(devd.folder)
    other_lock.extend_and_lock(16, b"another role")
    not_locked = world.Enclave(devd.folder)
    not_locked.call({"ExtendPCR": {"index": 16, "data": world.ROLE_LOCK}})
    debug = world.Enclave(devd.folder, debug=True)
    debug.extend_and_lock(16, world.ROLE_LOCK)
    for someone in (other_image, other_lock, not_locked, debug):
        name, message, _ = decrypt(someone)
        assert name == "AccessDeniedException" and message.endswith("with an explicit deny in a resource-based policy")
        someone.close()
    assert parent.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, Recipient=enclave.recipient())


@pytest.mark.parametrize("context", [{}, {"sst": "1"}, CONTEXT | {"role": "2"}, CONTEXT | {"more": "1"}, CONTEXT | {"tenant": "ACME"}])
def test_wrong_context_is_denied(parent, hard_key, enclave, context):
    assert code(parent.generate_data_key, KeyId=hard_key, KeySpec="AES_256", EncryptionContext=context,
                Recipient=enclave.recipient()) == "AccessDeniedException"


def test_the_instance_role_alone_gets_nothing(devd, parent, hard_key, open_key, enclave):
    """Neither its own statements nor an identity policy that allows everything help."""
    blob = birth(parent, hard_key, enclave)["CiphertextBlob"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    stray = devd.client("kms", devd.access_key(f"arn:aws:iam::{world.ACCOUNT}:role/stray", everything))
    for client in (parent, stray):
        calls = [
            (client.decrypt, {"CiphertextBlob": blob, "EncryptionContext": CONTEXT}),
            (client.generate_data_key, {"KeyId": hard_key, "KeySpec": "AES_256", "EncryptionContext": CONTEXT}),
            (client.generate_data_key_without_plaintext, {"KeyId": hard_key, "KeySpec": "AES_256", "EncryptionContext": CONTEXT}),
            (client.encrypt, {"KeyId": hard_key, "Plaintext": bytes(32), "EncryptionContext": CONTEXT}),
            (client.re_encrypt, {"CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT, "DestinationKeyId": open_key}),
            (client.create_grant, {"KeyId": hard_key, "GranteePrincipal": world.PARENT, "Operations": ["Decrypt"]}),
            (client.put_key_policy, {"KeyId": hard_key, "Policy": world.policy(world.allow(world.PARENT, "kms:*"))}),
        ]
        for call, arguments in calls:
            assert code(call, **arguments) == "AccessDeniedException", call
    made = parent.encrypt(KeyId=open_key, Plaintext=b"x")["CiphertextBlob"]
    assert code(parent.re_encrypt, CiphertextBlob=made, DestinationKeyId=hard_key, DestinationEncryptionContext=CONTEXT) == "AccessDeniedException"


def test_an_attested_caller_needs_to_be_the_role(devd, hard_key, enclave):
    stranger = devd.client("kms", devd.access_key(f"arn:aws:iam::{world.ACCOUNT}:role/other"))
    assert code(stranger.generate_data_key, KeyId=hard_key, KeySpec="AES_256", EncryptionContext=CONTEXT,
                Recipient=enclave.recipient()) == "AccessDeniedException"


# -- documents that are not valid -----------------------------------------------------------------------------------

def invalid(parent, key, recipient):
    return refused(parent.generate_data_key, KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT, Recipient=recipient)


def test_tampered_documents(parent, hard_key, enclave):
    recipient = enclave.recipient()
    document = recipient["AttestationDocument"]
    positions = list(range(0, len(document), 97)) + [0, 1, 3, len(document) - 1]
    for at in positions:
        changed = document[:at] + bytes([document[at] ^ 1]) + document[at + 1:]
        assert invalid(parent, hard_key, world.recipient_of(changed))[0] == "ValidationException", at
    for changed in (document[:-1], document + b"\0", b"x", bytes(4096)):
        assert invalid(parent, hard_key, world.recipient_of(changed))[0] == "ValidationException"
    # the very same document is still good: KMS accepts it again for a short while
    for _ in range(2):
        made = parent.generate_data_key(KeyId=hard_key, KeySpec="AES_256", EncryptionContext=CONTEXT, Recipient=recipient)
        assert len(enclave.open(made)) == 32


def test_public_keys_that_are_no_rsa_2048(parent, hard_key, enclave):
    from cryptography.hazmat.primitives.asymmetric import ec
    documents = [enclave.attest(), enclave.attest(public_key=b"x"), enclave.attest(public_key=world.spki(ec.generate_private_key(ec.SECP256R1())))]
    for document in documents:
        assert invalid(parent, hard_key, world.recipient_of(document))[0] == "ValidationException"
    assert invalid(parent, hard_key, enclave.recipient(bits=3072))[0] == "ValidationException"


def test_other_algorithms(devd, parent, hard_key, enclave):
    recipient = enclave.recipient() | {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    name, message, _ = invalid(parent, hard_key, recipient)
    assert name == "ValidationException" and "keyEncryptionAlgorithm" in message


def test_documents_of_another_authority(tmp_path, parent, hard_key):
    other = world.Devd(tmp_path / "other").start()
    try:
        enclave = world.Enclave(other.folder)
        enclave.extend_and_lock(16, world.ROLE_LOCK)
        assert invalid(parent, hard_key, enclave.recipient())[0] == "ValidationException"
    finally:
        other.stop()


@pytest.mark.parametrize("offset, valid", [("-200", True), ("-400", False), ("400", False), ("-14400", False), ("-86000", False)])
def test_documents_of_another_time(tmp_path, offset, valid):
    """Replayed late, expired, and from a clock that runs ahead."""
    devd = world.Devd(tmp_path / "devd").start("--nsm-clock-offset", offset)
    try:
        admin = devd.client("kms", devd.access_key(world.ADMIN))
        parent = devd.client("kms", devd.access_key(world.PARENT))
        key = admin.create_key(Policy=world.hardened())["KeyMetadata"]["Arn"]
        enclave = world.Enclave(devd.folder)
        enclave.extend_and_lock(16, world.ROLE_LOCK)
        world.verify_document(enclave.attest(), (devd.folder / "attestation-root.der").read_bytes())
        if valid:
            assert len(enclave.open(birth(parent, key, enclave))) == 32
        else:
            assert invalid(parent, key, enclave.recipient())[0] == "ValidationException"
    finally:
        assert devd.stop() == 0


def test_an_invalid_document_is_no_way_around_the_policy(parent, open_key):
    """Never plaintext when a recipient was asked for."""
    assert invalid(parent, open_key, world.recipient_of(b"x"))[0] == "ValidationException"
