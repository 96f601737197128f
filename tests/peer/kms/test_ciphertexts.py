"""Ciphertext blobs: what they show, and that nothing but the very same key, context and bytes opens them."""
import base64
import itertools

import pytest

import devd as world
from devd import CONTEXT, code, refused

PARTS = {"version": range(0, 5), "material id": range(5, 37), "mark": range(37, 38), "salt": range(38, 54), "length": range(54, 58),
         "algorithms": range(58, 111), "nonce": range(111, 123), "sealed": range(123, 184)}


@pytest.fixture(scope="module")
def blob(parent, open_key):
    return parent.encrypt(KeyId=open_key, Plaintext=bytes(32), EncryptionContext=CONTEXT)["CiphertextBlob"]


def test_the_parts_are_all_of_it(blob):
    assert sorted(itertools.chain(*PARTS.values())) == list(range(len(blob)))


@pytest.mark.parametrize("part", PARTS)
def test_a_flipped_bit_anywhere(parent, open_key, blob, part):
    """Every byte, another bit of each; with the key named or not."""
    names = {"AccessDeniedException"} if part == "material id" else {"InvalidCiphertextException"}
    for at in PARTS[part]:
        changed = bytearray(blob)
        changed[at] ^= 1 << at % 8
        for more in ({}, {"KeyId": open_key}):
            name, message, _ = refused(parent.decrypt, CiphertextBlob=bytes(changed), EncryptionContext=CONTEXT, **more)
            assert name in names, at
            assert name == "AccessDeniedException" or message == ""
    assert parent.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == bytes(32)


def test_every_other_length(parent, blob):
    for size in range(1, len(blob)):
        assert code(parent.decrypt, CiphertextBlob=blob[:size], EncryptionContext=CONTEXT) == "InvalidCiphertextException"
    assert code(parent.decrypt, CiphertextBlob=blob + b"\0", EncryptionContext=CONTEXT) == "InvalidCiphertextException"


def test_a_blob_moved_to_another_key(admin, parent, open_key, blob):
    """The header that names the key is authenticated: with another's it opens nothing."""
    other = admin.create_key(Policy=world.policy(world.ADMINISTRATION, world.allow(world.PARENT, ["kms:Encrypt", "kms:Decrypt"])))
    other = other["KeyMetadata"]["Arn"]
    theirs = parent.encrypt(KeyId=other, Plaintext=b"x")["CiphertextBlob"]
    for moved in (blob[:5] + theirs[5:37] + blob[37:], theirs[:54] + blob[54:]):
        assert code(parent.decrypt, CiphertextBlob=moved, EncryptionContext=CONTEXT) == "InvalidCiphertextException"


def test_a_blob_does_not_show_its_context(parent, open_key):
    context = {"customer": "Dr. Ada Moreau", "Ärztin": "geheim"}
    blobs = [parent.encrypt(KeyId=open_key, Plaintext=b"same", EncryptionContext=context)["CiphertextBlob"] for _ in range(2)]
    bare = parent.encrypt(KeyId=open_key, Plaintext=b"same")["CiphertextBlob"]
    assert blobs[0][38:] != blobs[1][38:] and len(bare) == len(blobs[0]) == len(blobs[1])
    for word in [*context, *context.values()]:
        for form in (word.encode(), word.encode("utf-16-le"), word.encode().hex().encode(), base64.b64encode(word.encode()).rstrip(b"=")):
            assert form not in blobs[0] and form[:8] not in blobs[0]


@pytest.mark.parametrize("sealed, opened", [
    ({"ab": "c"}, {"a": "bc"}), ({"a": "b", "c": "d"}, {"a": "bcd"}), ({"a": "b"}, {"A": "b"}), ({"a": "b"}, {"a": "B"}), ({"a": "b"}, {"a": "b", "": ""}),
    ({"a": "b"}, {"b": "a"}), ({"a": ""}, {"": "a"}), ({"é": "x"}, {"e\u0301": "x"}), ({"a": "b"}, {}), ({}, {"a": "b"}), ({"a": " b"}, {"a": "b"}),
])
def test_contexts_that_are_not_the_same(parent, open_key, sealed, opened):
    made = parent.generate_data_key(KeyId=open_key, KeySpec="AES_256", EncryptionContext=sealed)
    assert code(parent.decrypt, CiphertextBlob=made["CiphertextBlob"], EncryptionContext=opened) == "InvalidCiphertextException"
    again = dict(reversed(sealed.items()))
    assert parent.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=again)["Plaintext"] == made["Plaintext"]


def test_rehearsals_without_a_ciphertext(admin, parent, open_key, hard_key, blob):
    """They tell who may and who may not, need the key's name, and never do anything."""
    rehearsal = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    for more in ({}, {"CiphertextBlob": blob}, {"CiphertextBlob": b"no blob"}):
        assert code(parent.decrypt, KeyId=open_key, **more, **rehearsal) == "DryRunOperationException"
        assert code(parent.decrypt, KeyId=hard_key, **more, **rehearsal) == "AccessDeniedException"
        assert code(parent.re_encrypt, SourceKeyId=open_key, DestinationKeyId=open_key, **more, **rehearsal) == "DryRunOperationException"
        assert code(parent.re_encrypt, SourceKeyId=open_key, DestinationKeyId=hard_key, **more, **rehearsal) == "AccessDeniedException"
        assert code(parent.decrypt, **more, **rehearsal) == "ValidationException"
        assert code(parent.re_encrypt, DestinationKeyId=open_key, **more, **rehearsal) == "ValidationException"
    for modifiers in ({"DryRunModifiers": ["IGNORE_CIPHERTEXT"]}, {"DryRunModifiers": ["IGNORE_CIPHERTEXT"], "DryRun": False}, {"DryRun": True}):
        assert code(parent.decrypt, KeyId=open_key, **modifiers) == "ValidationException"
        assert code(parent.re_encrypt, SourceKeyId=open_key, DestinationKeyId=open_key, **modifiers) == "ValidationException"
    policy = world.policy(world.ADMINISTRATION, world.allow(world.PARENT, ["kms:*crypt*"]))
    pair = admin.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Policy=policy)["KeyMetadata"]["Arn"]
    assert code(parent.decrypt, KeyId=pair, **rehearsal) == "InvalidKeyUsageException"
    assert code(parent.re_encrypt, SourceKeyId=pair, DestinationKeyId=open_key, **rehearsal) == "InvalidKeyUsageException"


def test_the_size_of_a_context(parent, open_key):
    many = {f"{number:04}": "v" * 8 for number in range(400)}
    blob = parent.encrypt(KeyId=open_key, Plaintext=b"x", EncryptionContext=many)["CiphertextBlob"]
    assert parent.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(many.items())))["Plaintext"] == b"x"
    for large in ({"a": "v" * 8200}, {f"{number:04}": "v" * 8 for number in range(1000)}, {str(number): "" for number in range(2000)}):
        assert code(parent.encrypt, KeyId=open_key, Plaintext=b"x", EncryptionContext=large) == "ValidationException"
