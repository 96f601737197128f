"""What must keep a TSK from whoever is not the measured role (PROTOCOL.md sections 5 and 6), with the real programs: each
attack stands beside the honest call, which succeeds."""
import base64
import os
import time
import types

import botocore.exceptions
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import harness
import pb
import sst1

PARENT_MAY_ALL = {"Sid": "mistake", "Effect": "Allow", "Principal": {"AWS": harness.PARENT}, "Resource": "*",
                  "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"]}


@pytest.fixture
def boot(folder, devd):
    """boot(name, eif, …) starts an enclave that ends with the test."""
    with harness.launching(folder, devd) as start:
        yield start


def fresh(boot, images, index, name, *arguments):
    return boot(f"{name}-{os.urandom(3).hex()}", images.eifs[index], *arguments)


@pytest.fixture
def deployment(devd, images):
    return harness.Deployment(devd, images.pcrs)


def test_honest_birth_and_configuration(deployment, boot, images):
    enclave = fresh(boot, images, 0, "honest")
    assert enclave.call("describe").body["state"] == 1
    answer = deployment.provision(enclave, 1)
    assert answer.code == "OK" and len(deployment.role_keys()[1]) == 32
    assert enclave.call("describe").body["state"] == 2
    assert deployment.configure(enclave, 1).code == "OK"
    described = enclave.call("describe").body
    assert described["state"] == 3 and described["manifest"] == deployment.manifest.mh and described["role"] == 1
    assert described["pcr16"] == sst1.pcr16(deployment.manifest.mh, 1) and described["simulated"] == 1
    assert [described[f"pcr{i}"] for i in (0, 1, 2)] == [images.pcrs[0][i] for i in (0, 1, 2)]


def test_another_boot_is_configured_with_the_same_birth(deployment, boot, images):
    assert deployment.provision(fresh(boot, images, 0, "first"), 1).code == "OK"
    second = fresh(boot, images, 0, "second")
    answer = deployment.configure(second, 1)
    assert answer.code == "OK"
    document, _ = sst1.attested(answer.body["ak_doc"], deployment.manifest, 1)
    assert document.pcrs[16] == sst1.pcr16(deployment.manifest.mh, 1)


def test_ready_enclaves_take_no_more_keys(deployment, boot, images):
    enclave = fresh(boot, images, 0, "ready")
    deployment.ready(enclave, 1)
    assert deployment.configure(enclave, 1).code == "DENIED"
    assert deployment.provision(enclave, 1).code == "DENIED"


def test_steps_before_configuration_are_not_ready(deployment, boot, images, chain):
    enclave = fresh(boot, images, 0, "new")
    run = chain.deployment.run()
    assert harness.step(enclave, run, 1, run.seal(1, b"x")).code == "NOT_READY"


def changed_image(folder, devd):
    """The image of role 1 with one byte of its agent changed."""
    agent = folder / f"changed-{os.urandom(3).hex()}"
    content = bytearray(harness.program("echo_agent").read_bytes())
    content[-1] ^= 1
    agent.write_bytes(content)
    return harness.build_image(folder / "images", agent.name, devd, agent)


def test_an_image_with_one_byte_changed_denies_itself(deployment, boot, folder, devd, images):
    """The honest runtime in a changed image finds its own measurement in no role."""
    eif, pcrs = changed_image(folder, devd)
    assert pcrs[0] != images.pcrs[0][0]
    enclave = boot(f"changed-{os.urandom(3).hex()}", eif)
    assert deployment.provision(enclave, 1).code == "DENIED"
    assert enclave.call("describe").body["state"] == 1


def test_an_image_with_one_byte_changed_gets_nothing_from_kms(deployment, boot, folder, devd, images):
    """A host writes its own manifest for the changed image, with the role's key: KMS's policy does not know it."""
    eif, pcrs = changed_image(folder, devd)
    theirs = harness.Deployment(devd, [pcrs, images.pcrs[1]], keys=deployment.keys, policies=False)
    enclave = boot(f"changed-{os.urandom(3).hex()}", eif)
    answer = theirs.provision(enclave, 1)
    assert answer.code != "OK" and answer.kms_error["type"] == "AccessDeniedException", answer
    # nor with the genuine blob of the genuine role
    assert deployment.provision(fresh(boot, images, 0, "genuine"), 1).code == "OK"
    theirs.births = deployment.births
    assert theirs.configure(boot(f"changed-{os.urandom(3).hex()}", eif), 1).code == "DENIED"


def test_the_right_image_under_another_manifest_gets_nothing_from_kms(deployment, boot, devd, images):
    """PCR0 is right; PCR16 and the encryption context are not those that the policy names."""
    other = harness.Deployment(devd, images.pcrs, serial=9, keys=deployment.keys, policies=False)
    answer = other.provision(fresh(boot, images, 0, "other"), 1)
    assert answer.code != "OK" and answer.kms_error["type"] == "AccessDeniedException", answer
    assert deployment.provision(fresh(boot, images, 0, "right"), 1).code == "OK"


def test_a_debug_enclave_is_denied(deployment, boot, images):
    enclave = fresh(boot, images, 0, "debug", "--debug-mode")
    described = enclave.call("describe").body
    assert deployment.provision(enclave, 1).code == "DENIED", described


def test_a_manifest_of_zero_measurements_is_no_form(deployment, boot, devd, images):
    value = pb.decode("Manifest", deployment.manifest.bytes)
    value["roles"][0]["measurements"] = [{"pcr0": bytes(48)}]
    enclave = fresh(boot, images, 0, "debug", "--debug-mode")
    answer = enclave.call("provision", {"manifest": pb.encode("Manifest", value), "role": 1, "credentials": devd.rpc_credentials()})
    assert answer.code == "BAD_REQUEST"


def test_the_lock_is_for_the_life_of_the_enclave(deployment, boot, devd, images):
    enclave = fresh(boot, images, 0, "lock")
    assert deployment.provision(enclave, 1).code == "OK"
    second = harness.Deployment(devd, images.pcrs, serial=2)
    assert second.provision(enclave, 1).code == "DENIED"
    assert deployment.provision(enclave, 1).code == "OK"


@pytest.mark.parametrize("change,code", [
    (lambda m: {"attestation_root": bytes(32)}, "DENIED"),
    (lambda m: {"not_after_ms": int(time.time() * 1000) - 1000, "not_before_ms": 1}, "EXPIRED"),
    (lambda m: {"not_before_ms": int(time.time() * 1000) + 600_000}, "EXPIRED"),
    (lambda m: {"version": 2}, "BAD_REQUEST"),
    (lambda m: {"tenant": "UPPER"}, "BAD_REQUEST"),
], ids=["root", "over", "not-yet", "version", "tenant"])
def test_manifests_that_an_enclave_refuses(deployment, boot, devd, images, change, code):
    value = pb.decode("Manifest", deployment.manifest.bytes)
    changed = pb.encode("Manifest", {**value, **change(value)})
    enclave = fresh(boot, images, 0, "refuses")
    request = {"manifest": changed, "role": 1, "credentials": devd.rpc_credentials()}
    assert enclave.call("provision", request).code == code
    assert enclave.call("describe").body["state"] == 1  # nothing was locked
    assert deployment.provision(enclave, 1).code == "OK"


def test_a_role_that_the_manifest_lacks(deployment, boot, images):
    assert deployment.provision(fresh(boot, images, 0, "lacks"), 7).code == "DENIED"


def test_the_image_of_another_role(deployment, boot, images):
    assert deployment.provision(fresh(boot, images, 1, "another"), 1).code == "DENIED"


@pytest.fixture
def attacker(deployment, devd, boot, images):
    """The policy has a mistake: the instance role may call Encrypt and GenerateDataKey without a document. The host tries to
    bring a TSK that it knows; an honest birth is at hand."""
    assert deployment.provision(fresh(boot, images, 0, "honest"), 1).code == "OK"
    deployment.put_policy(1, PARENT_MAY_ALL)
    kms = devd.client("kms", harness.PARENT)
    context = sst1.encryption_context(deployment.manifest, 1)
    return types.SimpleNamespace(kms=kms, key=deployment.keys[0], context=context, tsk=os.urandom(32))


def try_blob(deployment, boot, images, blob, tsk):
    """The blob with the honest certificate, and with one that the host makes itself, under the honest document."""
    genuine = deployment.births[1]
    own = sst1.make_birth(ec.generate_private_key(ec.SECP256R1()), deployment.manifest, 1, tsk, blob, int(time.time() * 1000))
    for cert in (genuine["birth_cert"], own):
        enclave = fresh(boot, images, 0, "victim")
        assert deployment.configure(enclave, 1, kms_blob=blob, birth_cert=cert).code == "DENIED"
        assert enclave.call("describe").body["state"] != 3
        with pytest.raises(sst1.Refused):
            sst1.verify_birth(cert, genuine["ak_doc"], deployment.manifest, 1, blob)
    assert deployment.configure(fresh(boot, images, 0, "control"), 1).code == "OK"


def test_a_tsk_blob_made_by_encrypt(deployment, attacker, boot, images):
    blob = attacker.kms.encrypt(KeyId=attacker.key, Plaintext=attacker.tsk, EncryptionContext=attacker.context)["CiphertextBlob"]
    try_blob(deployment, boot, images, blob, attacker.tsk)


def test_a_tsk_blob_made_by_an_unattested_generate_data_key(deployment, attacker, boot, images):
    made = attacker.kms.generate_data_key(KeyId=attacker.key, KeySpec="AES_256", EncryptionContext=attacker.context)
    try_blob(deployment, boot, images, made["CiphertextBlob"], made["Plaintext"])


def test_a_birth_certificate_of_another_role(deployment, boot, images):
    assert deployment.provision(fresh(boot, images, 0, "one"), 1).code == "OK"
    assert deployment.provision(fresh(boot, images, 1, "two"), 2).code == "OK"
    assert deployment.configure(fresh(boot, images, 0, "victim"), 1, birth_of=2).code == "DENIED"
    two = deployment.births[2]
    assert deployment.configure(fresh(boot, images, 0, "victim"), 1, birth_cert=two["birth_cert"], ak_doc=two["ak_doc"]).code == "DENIED"
    assert deployment.configure(fresh(boot, images, 0, "control"), 1).code == "OK"


def test_a_birth_certificate_of_another_birth(deployment, boot, images):
    """Two births of one role: the blob of one with the certificate of the other."""
    assert deployment.provision(fresh(boot, images, 0, "first"), 1).code == "OK"
    older = deployment.births[1]
    assert deployment.provision(fresh(boot, images, 0, "second"), 1).code == "OK"
    assert deployment.configure(fresh(boot, images, 0, "victim"), 1, kms_blob=older["kms_blob"]).code == "DENIED"


def test_a_birth_certificate_with_one_bit_changed(deployment, boot, images):
    assert deployment.provision(fresh(boot, images, 0, "honest"), 1).code == "OK"
    cert = bytearray(deployment.births[1]["birth_cert"])
    cert[-1] ^= 1
    answer = deployment.configure(fresh(boot, images, 0, "victim"), 1, birth_cert=bytes(cert))
    assert answer.code == "DENIED" and answer.kms_error["type"] == "BirthRefused"


WITHOUT_AN_ENCLAVE = {
    "Decrypt": lambda kms, key, context, blob: kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionContext=context),
    "GenerateDataKey": lambda kms, key, context, blob: kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context),
    "Encrypt": lambda kms, key, context, blob: kms.encrypt(KeyId=key, Plaintext=b"x" * 32, EncryptionContext=context),
    "ReEncrypt": lambda kms, key, context, blob: kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key,
                                                              DestinationEncryptionContext=context),
    "CreateGrant": lambda kms, key, context, blob: kms.create_grant(KeyId=key, GranteePrincipal=harness.PARENT, Operations=["Decrypt"]),
    "PutKeyPolicy": lambda kms, key, context, blob: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=harness.key_policy()),
}


@pytest.mark.parametrize("operation", WITHOUT_AN_ENCLAVE)
def test_the_instance_role_alone_is_refused(deployment, devd, boot, images, operation):
    assert deployment.provision(fresh(boot, images, 0, "owner"), 1).code == "OK"
    kms, key = devd.client("kms", harness.PARENT), deployment.keys[0]
    blob = deployment.births[1]["kms_blob"]
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        WITHOUT_AN_ENCLAVE[operation](kms, key, sst1.encryption_context(deployment.manifest, 1), blob)
    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]  # the credentials themselves are good


def test_every_release_of_a_key_is_logged_with_the_measurements(deployment, devd, boot, images):
    enclave = fresh(boot, images, 0, "logged")
    deployment.ready(enclave, 1)
    events = [e for e in devd.events() if e["eventName"] in ("Decrypt", "GenerateDataKey") and "errorCode" not in e
              and any(r.get("ARN") == deployment.keys[0] for r in e.get("resources", []))]
    assert sorted(e["eventName"] for e in events) == ["Decrypt", "GenerateDataKey"]
    for event in events:
        recipient = event["additionalEventData"]["recipient"]
        assert recipient["attestationDocumentEnclaveImageDigest"] == base64.b64encode(images.pcrs[0][0]).decode()


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x08\x01", b"\x12\x00\x1a\x00", bytes(100), os.urandom(1000)],
                         ids=["empty", "byte", "unknown-field", "two-requests", "zeros", "noise"])
def test_frames_that_are_no_request(chain, data):
    with chain.enclaves[1].connect(120) as rpc:
        try:
            code = sst1.CODES[pb.decode("EnclaveResponse", rpc.exchange(data))["code"]]
        except ConnectionError:
            code = "closed"
    assert code in ("BAD_REQUEST", "closed")
    assert chain.enclaves[1].call("describe").code == "OK"


def test_a_frame_longer_than_allowed_is_not_read(chain):
    with chain.enclaves[1].connect(120) as rpc:
        rpc.socket.sendall(((4 << 20) + 1).to_bytes(4, "big") + bytes(1000))
        with pytest.raises((ConnectionError, AssertionError, pb.NotCanonical)):
            answer = pb.decode("EnclaveResponse", rpc.take(int.from_bytes(rpc.take(4), "big")))
            assert sst1.CODES[answer["code"]] == "OK"
    assert chain.enclaves[1].call("describe").code == "OK"
