"""The deployment that `cmaw up` made, attacked with everything that its host has: the key policies are the client's own here,
not the tests'."""
import json
import os

import botocore.exceptions
import pytest

import harness
import pb
import sst1
from test_birth import WITHOUT_AN_ENCLAVE


class StackDevd(harness.Devd):
    """The stack's emulator, through the files that its host can read."""

    def __init__(self, stack):
        self.folder, self.port, self.keys = stack.dir / "devd", stack.state()["ports"]["devd"], {}
        self.nsm, self.root, self.tls_ca = self.folder / "nsm.sock", self.folder / "attestation-root.der", self.folder / "tls-ca.pem"


@pytest.fixture(scope="module")
def kms_of_stack(stack):
    return StackDevd(stack)


@pytest.fixture(scope="module")
def bundle(stack):
    data = (stack.dir / "bundle.bin").read_bytes()
    manifest = sst1.Manifest((stack.dir / "manifest.bin").read_bytes())
    sst1.verify_bundle(data, manifest.mh)
    return manifest, {r["role"]: r for r in pb.decode("Bundle", data)["roles"]}


@pytest.mark.parametrize("who", [harness.PARENT, harness.ADMIN, harness.arn_of("somebody")], ids=["instance", "admin", "somebody"])
@pytest.mark.parametrize("operation", ["Decrypt", "GenerateDataKey", "Encrypt", "ReEncrypt", "CreateGrant"])
@pytest.mark.parametrize("role", [1, 2])
def test_nobody_uses_a_role_s_key_without_its_enclave(kms_of_stack, bundle, role, operation, who):
    manifest, births = bundle
    kms, key = kms_of_stack.client("kms", who), manifest.roles[role]["kms_key_arn"]
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        WITHOUT_AN_ENCLAVE[operation](kms, key, sst1.encryption_context(manifest, role), births[role]["kms_blob"])
    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"


def test_the_instance_may_not_change_the_policy(kms_of_stack, bundle):
    manifest, _ = bundle
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        WITHOUT_AN_ENCLAVE["PutKeyPolicy"](kms_of_stack.client("kms", harness.PARENT), manifest.roles[1]["kms_key_arn"], {}, b"")
    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"


def test_the_policy_names_pcr0_pcr16_and_the_context_of_the_role(kms_of_stack, bundle):
    manifest, _ = bundle
    for role, value in manifest.roles.items():
        text = kms_of_stack.client("kms", harness.ADMIN).get_key_policy(KeyId=value["kms_key_arn"], PolicyName="default")["Policy"].lower()
        for needed in (value["measurements"][0]["pcr0"].hex(), sst1.pcr16(manifest.mh, role).hex(), manifest.mh.hex()):
            assert needed in text
        actions = {a for s in json.loads(text)["statement"] if s["effect"] == "allow" for a in
                   ([s["action"]] if isinstance(s["action"], str) else s["action"])}
        assert not actions & {"kms:*", "kms:encrypt", "kms:reencrypt*", "kms:creategrant", "*"}


def attack(devd, stack, name, eif, manifest, role, births=None):
    """An enclave of the attacker's on the stack's own emulator. Provision, or Configure with the genuine birth."""
    enclave = harness.Enclave(stack.folder / "attacks", f"{name}-{os.urandom(3).hex()}", eif, devd)
    try:
        request = {"manifest": manifest, "role": role, "credentials": devd.rpc_credentials()}
        if births is None:
            return enclave.call("provision", request)
        birth = births[role]
        return enclave.call("configure", {**request, "kms_blob": birth["kms_blob"], "birth_cert": birth["birth_cert"], "ak_doc": birth["ak_doc"]})
    finally:
        enclave.kill()


def with_measurements(manifest, role, pcrs):
    value = pb.decode("Manifest", manifest.bytes)
    value["roles"][role - 1]["measurements"] = [{f"pcr{i}": v for i, v in pcrs.items()}]
    return pb.encode("Manifest", value)


@pytest.fixture(scope="module")
def changed(stack, kms_of_stack):
    """Intake with one byte changed: it could write down what it reads."""
    agent = stack.folder / "changed-intake"
    agent.write_bytes(harness.program("intake").read_bytes() + b"\0")
    return harness.build_image(stack.folder / "attacks", "changed", kms_of_stack, agent)


def test_the_genuine_image_is_configured(stack, kms_of_stack, bundle):
    """The control for what follows: another copy of the image gets the key, as scaling out needs it."""
    manifest, births = bundle
    answer = attack(kms_of_stack, stack, "genuine", stack.dir / "images" / "intake.eif", manifest.bytes, 1, births)
    assert answer.code == "OK", answer


def test_a_changed_image_under_the_manifest(stack, kms_of_stack, bundle, changed):
    manifest, births = bundle
    assert attack(kms_of_stack, stack, "changed", changed[0], manifest.bytes, 1, births).code == "DENIED"
    assert attack(kms_of_stack, stack, "changed", changed[0], manifest.bytes, 1).code == "DENIED"


def test_a_changed_image_under_a_manifest_of_its_own(stack, kms_of_stack, bundle, changed):
    manifest, births = bundle
    own = with_measurements(manifest, 1, changed[1])
    answer = attack(kms_of_stack, stack, "own", changed[0], own, 1)
    assert answer.code != "OK" and answer.kms_error["type"] == "AccessDeniedException", answer
    assert attack(kms_of_stack, stack, "own", changed[0], own, 1, births).code == "DENIED"


def test_the_other_role_s_image(stack, kms_of_stack, bundle):
    """Adjudicate may not become intake, whose letters it does not see."""
    manifest, births = bundle
    assert attack(kms_of_stack, stack, "other", stack.dir / "images" / "adjudicate.eif", manifest.bytes, 1, births).code == "DENIED"


def test_the_genuine_image_under_another_manifest(stack, kms_of_stack, bundle):
    manifest, births = bundle
    value = pb.decode("Manifest", manifest.bytes)
    other = pb.encode("Manifest", {**value, "serial": value["serial"] + 1})
    image = stack.dir / "images" / "intake.eif"
    answer = attack(kms_of_stack, stack, "serial", image, other, 1)
    assert answer.code != "OK" and answer.kms_error["type"] == "AccessDeniedException", answer
    assert attack(kms_of_stack, stack, "serial", image, other, 1, births).code == "DENIED"


def test_a_bundle_with_a_key_of_the_host_is_not_trusted(stack, bundle, tmp_path):
    manifest, births = bundle
    data = pb.decode("Bundle", (stack.dir / "bundle.bin").read_bytes())
    data["roles"][0]["birth_cert"] = births[2]["birth_cert"]
    forged = tmp_path / "forged.bin"
    forged.write_bytes(pb.encode("Bundle", data))
    result = stack.cmaw("trust", forged, "--root", stack.dir / "devd" / "attestation-root.der")
    assert result.status == 1, result.err


def test_a_bundle_under_an_unnamed_root_is_not_trusted(stack, tmp_path):
    """Away from the stack's own folder cmaw trusts Amazon's root only: a simulation is never taken for the real thing."""
    env = {"CMAW_STORE": str(tmp_path / "fresh.db"), "CMAW_DIR": str(tmp_path / "no-stack")}
    assert stack.cmaw("trust", stack.dir / "bundle.bin", env=env).status == 1
    assert stack.trust(env)
