"""What an operator learns when KMS does not release a key: KMS's words, and the enclave's measurements beside the expected ones."""
import json
import os
import re

import pytest

import harness
import sst1

MAY_DISABLE = {"Sid": "disable", "Effect": "Allow", "Principal": {"AWS": harness.ADMIN}, "Resource": "*",
               "Action": ["kms:DisableKey", "kms:EnableKey", "kms:PutKeyPolicy"]}


@pytest.fixture
def boot(launch, images):
    return lambda name, *arguments: launch(f"{name}-{os.urandom(3).hex()}", images.eifs[0], *arguments)


@pytest.fixture
def deployment(devd, images):
    return harness.Deployment(devd, images.pcrs)


def check_told(enclave, answer, type, recipient=1):
    """The answer names the error and this enclave's measurements, and Describe says it again."""
    error = answer.kms_error
    described = enclave.call("describe")
    assert error["type"] == type and error["recipient_sent"] == recipient, answer
    assert {f"pcr{i}": error[f"pcr{i}"] for i in (0, 1, 2, 8, 16)} == {f"pcr{i}": described.body[f"pcr{i}"] for i in (0, 1, 2, 8, 16)}
    assert described.kms_error == error
    return error


def change_policy(deployment, old, new):
    policy = harness.key_policy(deployment.manifest, 1).replace(old, new)
    assert old not in policy and new in policy
    deployment.admin.put_key_policy(KeyId=deployment.keys[0], PolicyName="default", Policy=policy)


@pytest.mark.parametrize("what", ["pcr0", "context"])
def test_a_policy_for_something_else(deployment, boot, images, what):
    if what == "pcr0":
        change_policy(deployment, images.pcrs[0][0].hex(), "ab" * 48)
    else:
        change_policy(deployment, deployment.manifest.mh.hex(), "cd" * 32)
    enclave = boot("policy")
    answer = deployment.provision(enclave, 1)
    assert answer.code == "DENIED"
    error = check_told(enclave, answer, "AccessDeniedException")
    assert error["pcr0"] == images.pcrs[0][0] and error["pcr16"] == sst1.pcr16(deployment.manifest.mh, 1)
    assert "GenerateDataKey" in error["message"] and len(error["request_id"]) == 36 and error["http_status"] == 400
    assert any(e["requestID"] == error["request_id"] for e in deployment.devd.events())  # what CloudTrail has under this id
    deployment.put_policy(1)
    assert deployment.provision(enclave, 1).code == "OK"
    assert enclave.call("describe").kms_error is None


def test_a_debug_enclave_says_so(deployment, boot):
    enclave = boot("debug", "--debug-mode")
    answer = deployment.provision(enclave, 1)
    assert answer.code == "DENIED"
    error = check_told(enclave, answer, "DebugMode", recipient=0)
    assert error["pcr0"] == error["pcr1"] == error["pcr2"] == bytes(48) and error["pcr16"] == b""


def test_a_disabled_key(deployment, boot):
    assert deployment.provision(boot("first"), 1).code == "OK"
    deployment.put_policy(1, MAY_DISABLE)
    deployment.admin.disable_key(KeyId=deployment.keys[0])
    enclave = boot("disabled")
    answer = deployment.configure(enclave, 1)
    assert answer.code == "DENIED"
    assert "is disabled" in check_told(enclave, answer, "DisabledException")["message"]
    deployment.admin.enable_key(KeyId=deployment.keys[0])
    assert deployment.configure(enclave, 1).code == "OK"


def test_expired_credentials(deployment, boot, devd):
    out = harness.run(harness.program("cmaw-devd"), "access-key", "--dir", devd.folder, "--arn", harness.PARENT, "--expires-in", "0").stdout
    key = json.loads(out)
    expired = {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"], "session_token": key["SessionToken"]}
    assert deployment.provision(boot("first"), 1).code == "OK"
    enclave = boot("expired")
    answer = deployment.configure(enclave, 1, credentials=expired)
    assert answer.code == "KMS_UNAVAILABLE"
    check_told(enclave, answer, "ExpiredTokenException")
    assert deployment.configure(enclave, 1).code == "OK"  # with others


@pytest.fixture(scope="module")
def moody(folder):
    """An emulator of its own that can be started anew with other moods, and an image for it."""
    devd = harness.Devd(folder / "moody")
    eif, pcrs = harness.build_image(folder / "moody-images", "moody", devd, harness.program("echo_agent"))
    deployment = harness.Deployment(devd, [pcrs])
    plain = list(devd.daemon.command)

    def in_mood(*arguments):
        devd.daemon.stop()
        devd.daemon.command = [*plain, *map(str, arguments)]
        devd.daemon.start()

    yield deployment, in_mood, lambda: harness.Enclave(folder / "moody-enclaves", f"moody-{os.urandom(3).hex()}", eif, devd)
    devd.daemon.kill()


def in_one(moody, *mood):
    """A birth in that mood: its answer, and the calls that KMS saw for it, in order."""
    deployment, in_mood, launch = moody
    in_mood(*mood)
    enclave = launch()
    try:
        before = deployment.devd.daemon.log.stat().st_size
        answer = deployment.provision(enclave, 1)
    finally:
        enclave.kill()
    log = deployment.devd.daemon.log.read_bytes()[before:].decode()
    return answer, re.findall(r"kms\.call op=(\S*) result=(\S+)", log)


@pytest.mark.parametrize("type", ["ThrottlingException", "KMSInternalException"])
def test_two_failures_are_asked_again(moody, type):
    answer, events = in_one(moody, "--fail-first", f"2:{type}")
    assert answer.code == "OK"
    assert events == [("DescribeKey", "ok"), *[("GenerateDataKey", type)] * 2, ("GenerateDataKey", "ok")]


@pytest.mark.parametrize("type", ["ThrottlingException", "KMSInternalException"])
def test_three_failures_are_told(moody, type):
    answer, events = in_one(moody, "--fail-first", f"9:{type}")
    assert answer.code == "KMS_UNAVAILABLE" and answer.kms_error["type"] == type
    assert events == [("DescribeKey", "ok"), *[("GenerateDataKey", type)] * 3]


def test_expiry_is_not_asked_again(moody):
    answer, events = in_one(moody, "--fail-first", "9:ExpiredTokenException")
    assert answer.code == "KMS_UNAVAILABLE" and answer.kms_error["type"] == "ExpiredTokenException"
    assert [name for name, _ in events].count("GenerateDataKey") == 1


@pytest.mark.parametrize("offset", [-400, 400])
def test_a_skewed_clock_is_corrected_for_signatures_only(moody, offset):
    """Signatures are accepted with KMS's time; documents keep the module's, so the emulator finds them too old (or from the future)."""
    answer, events = in_one(moody, "--kms-clock-offset", offset)
    assert events == [("", "InvalidSignatureException"), ("DescribeKey", "ok"), ("GenerateDataKey", "ValidationException")]
    assert answer.kms_error["type"] == "ValidationException" and answer.kms_error["recipient_sent"] == 1
