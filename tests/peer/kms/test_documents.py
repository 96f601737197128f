"""Recipient's documents beyond the table: other authorities, other times, every part of one tampered with, both forms of the envelope."""
import pytest
from botocore.exceptions import ClientError

import devd as world
from devd import CONTEXT


def born(parent, key, recipient):
    return parent.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT, Recipient=recipient)


def invalid(parent, key, recipient):
    with pytest.raises(ClientError) as caught:
        born(parent, key, recipient)
    return caught.value.response["Error"]["Code"] == "ValidationException"


def test_envelope_forms(tmp_path):
    for option, marker in (("a", 0xa0), ("b", 0x80)):
        with world.Devd(tmp_path / option, "--cms-form", option).start() as devd:
            parent = devd.client("kms", devd.access_key(world.PARENT))
            enclave = world.Enclave(devd.folder)
            for size in (1, 15, 16, 1024):
                answer = parent.generate_random(NumberOfBytes=size, Recipient=enclave.recipient())
                assert answer["CiphertextForRecipient"][431] == marker
                assert len(enclave.open(answer)) == size


def test_tampered_documents(parent, hard_key, enclave):
    recipient = enclave.recipient()
    document = recipient["AttestationDocument"]
    positions = list(range(0, len(document), 97)) + [0, 1, 3, len(document) - 1]
    for at in positions:
        changed = document[:at] + bytes([document[at] ^ 1]) + document[at + 1:]
        assert invalid(parent, hard_key, world.recipient_of(changed)), at
    for changed in (document[:-1], document + b"\0", b"x", bytes(4096)):
        assert invalid(parent, hard_key, world.recipient_of(changed))
    # the very same document is still good: KMS accepts it again for a short while
    for _ in range(2):
        assert len(enclave.open(born(parent, hard_key, recipient))) == 32


def test_documents_of_another_authority(tmp_path, parent, hard_key):
    with world.Devd(tmp_path / "other").start() as other:
        enclave = world.Enclave(other.folder)
        enclave.extend_and_lock(16, world.ROLE_LOCK)
        assert invalid(parent, hard_key, enclave.recipient())


@pytest.mark.parametrize("offset, valid", [("-200", True), ("-400", False), ("400", False), ("-14400", False), ("-86000", False)])
def test_documents_of_another_time(tmp_path, offset, valid):
    """Replayed late, expired, and from a clock that runs ahead."""
    with world.Devd(tmp_path / "devd").start("--nsm-clock-offset", offset) as devd:
        admin = devd.client("kms", devd.access_key(world.ADMIN))
        parent = devd.client("kms", devd.access_key(world.PARENT))
        key = admin.create_key(Policy=world.hardened())["KeyMetadata"]["Arn"]
        enclave = world.Enclave(devd.folder)
        enclave.extend_and_lock(16, world.ROLE_LOCK)
        world.verify_document(enclave.attest(), (devd.folder / "attestation-root.der").read_bytes())
        if valid:
            assert len(enclave.open(born(parent, key, enclave.recipient()))) == 32
        else:
            assert invalid(parent, key, enclave.recipient())
