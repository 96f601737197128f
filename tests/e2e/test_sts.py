"""Sessions: AssumeRole by trust and identity policies, what a session may do, and that it ends."""
import json
import os
import sys

import boto3
import botocore.config
import botocore.exceptions
import pytest

import harness
from harness import ACCOUNT, ADMIN, arn_of

USER = f"arn:aws:iam::{ACCOUNT}:user/engineer"
OTHER = f"arn:aws:iam::{ACCOUNT}:user/other"
ROLE = arn_of("session-role")
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def refused(call, *arguments, **members):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **members)
    return caught.value.response["Error"]["Code"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, principal=None, **more):
    return {"Effect": "Allow", "Action": action, **({"Principal": {"AWS": principal}} if principal else {}), **more}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    devd = harness.Devd(tmp_path_factory.mktemp("sts") / "devd", "--sts-min-duration", "0")
    yield devd
    devd.daemon.stop()


def set_role(server, arn, trust=None, policy=None):
    words = []
    for name, text in (("trust", trust), ("policy", policy)):
        if text is not None:
            path = server.folder / f"{name}.json"
            path.write_text(text)
            words += [f"--{name}", path]
    return harness.run(harness.program("cmaw-devd"), "role", "--dir", server.folder, "--arn", arn, *words, check=False)


def connect(server, service, key):
    return boto3.client(service, region_name=harness.REGION, endpoint_url=f"https://127.0.0.1:{server.port}", verify=str(server.tls_ca),
                        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
                        aws_session_token=key.get("SessionToken"), config=botocore.config.Config(retries={"max_attempts": 1}, parameter_validation=False))


@pytest.fixture(scope="module")
def role(server):
    """A role that one user may assume, and whose identity policy lets it use keys of the account."""
    result = set_role(server, ROLE, document(allow("sts:AssumeRole", USER)), document(allow("kms:*", Resource="*")))
    assert result.returncode == 0, result.stderr
    return ROLE


@pytest.fixture(scope="module")
def key(server):
    policy = document(allow("kms:*", ADMIN, Resource="*"), allow("kms:*", ROOT, Resource="*"))
    return server.client("kms", ADMIN).create_key(Policy=policy)["KeyMetadata"]["Arn"]


def assume(server, arn=USER, **more):
    return connect(server, "sts", server.credentials(arn)).assume_role(**{"RoleArn": ROLE, "RoleSessionName": "work", **more})


def test_a_session_is_the_role_under_its_name(server, role, key):
    answer = assume(server)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/session-role/work"
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    sts = connect(server, "sts", answer["Credentials"])
    identity = sts.get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"] and identity["Account"] == ACCOUNT
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    kms = connect(server, "kms", answer["Credentials"])
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    event = next(e for e in server.events() if e["eventName"] == "Decrypt")
    assert event["userIdentity"]["arn"] == identity["Arn"] and event["userIdentity"]["principalId"] == identity["UserId"]
    assumed = next(e for e in server.events() if e["eventName"] == "AssumeRole")
    assert assumed["eventSource"] == "sts.amazonaws.com" and answer["Credentials"]["SecretAccessKey"] not in json.dumps(assumed)


def test_who_may_assume_a_role(server, role):
    assert refused(assume, server, OTHER) == "AccessDenied"
    assert refused(assume, server, RoleArn=arn_of("no-such-role")) == "AccessDenied"
    open_role = arn_of("open-role")
    set_role(server, open_role, document(allow("sts:AssumeRole", ROOT)))
    assert refused(assume, server, RoleArn=open_role) == "AccessDenied"
    set_role(server, USER, policy=document(allow("sts:AssumeRole", Resource=open_role)))
    assume(server, RoleArn=open_role)
    set_role(server, open_role, document(allow("sts:AssumeRole", ROOT, Condition={"StringEquals": {"sts:ExternalId": "secret"}})))
    assert refused(assume, server, RoleArn=open_role) == "AccessDenied"
    assume(server, RoleArn=open_role, ExternalId="secret")


def test_a_session_policy_takes_away_and_never_gives(server, role, key):
    narrow = connect(server, "kms", assume(server, Policy=document(allow("kms:Encrypt", Resource="*")))["Credentials"])
    blob = narrow.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(botocore.exceptions.ClientError, match="because no session policy allows the kms:Decrypt action"):
        narrow.decrypt(CiphertextBlob=blob)
    wide = connect(server, "kms", assume(server, Policy=document(allow("*", Resource="*")))["Credentials"])
    assert wide.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert refused(connect(server, "cloudtrail", assume(server, Policy=document(allow("kms:*", Resource="*")))["Credentials"])
                   .lookup_events) == "AccessDeniedException"


def test_a_session_ends(server, role, key):
    over = connect(server, "kms", assume(server, DurationSeconds=0)["Credentials"])
    assert refused(over.describe_key, KeyId=key) == "ExpiredTokenException"
    assert refused(connect(server, "sts", assume(server, DurationSeconds=0)["Credentials"]).get_caller_identity) == "ExpiredToken"
    out = harness.run(harness.program("cmaw-devd"), "access-key", "--dir", server.folder, "--arn", ADMIN, "--expires-in", "0").stdout
    assert refused(connect(server, "kms", json.loads(out)).describe_key, KeyId=key) == "ExpiredTokenException"
    out = harness.run(harness.program("cmaw-devd"), "access-key", "--dir", server.folder, "--arn", ADMIN, "--expires-in", "3600").stdout
    assert connect(server, "kms", json.loads(out)).describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key


def test_a_session_needs_its_token(server, role):
    key = assume(server)["Credentials"]
    assert refused(connect(server, "kms", {**key, "SessionToken": None}).list_keys) == "UnrecognizedClientException"
    assert refused(connect(server, "sts", {**key, "SessionToken": "x" * 192}).get_caller_identity) == "InvalidClientTokenId"
    assert refused(connect(server, "sts", {**key, "SecretAccessKey": "x"}).get_caller_identity) == "SignatureDoesNotMatch"


def test_a_key_policy_may_name_a_session(server, role):
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/session-role/named"
    policy = document(allow("kms:*", ADMIN, Resource="*"), allow("kms:Encrypt", session, Resource="*"))
    key = server.client("kms", ADMIN).create_key(Policy=policy)["KeyMetadata"]["Arn"]
    named = connect(server, "kms", assume(server, RoleSessionName="named")["Credentials"])
    named.encrypt(KeyId=key, Plaintext=b"x")
    assert refused(connect(server, "kms", assume(server)["Credentials"]).encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"


@pytest.mark.parametrize("members,code", [
    ({"DurationSeconds": 43201}, "ValidationError"),
    ({"RoleSessionName": "with space"}, "ValidationError"),
    ({"RoleArn": "arn:aws:iam::111122223333:user/engineer"}, "ValidationError"),
    ({"Policy": "{}"}, "MalformedPolicyDocument"),
    ({"Policy": '{"Version":"2012-10-17","Statement":[]}'}, "MalformedPolicyDocument"),
    ({"Tags": [{"Key": "a", "Value": "b"}]}, "ValidationError"),
    ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]}, "ValidationError"),
    ({"SerialNumber": "arn:aws:iam::1:mfa/u", "TokenCode": "123456"}, "ValidationError"),
], ids=str)
def test_what_cannot_be_asked_for(server, role, members, code):
    assert refused(assume, server, **members) == code


def test_durations(server, devd, role):
    assume(server, DurationSeconds=43200)
    chained = connect(server, "sts", assume(server)["Credentials"])
    set_role(server, arn_of("second"), document(allow("sts:AssumeRole", ROLE)))
    second = {"RoleArn": arn_of("second"), "RoleSessionName": "two"}
    assert refused(chained.assume_role, DurationSeconds=3601, **second) == "ValidationError"
    chained.assume_role(DurationSeconds=3600, **second)
    # without the switch the limit is AWS's
    set_role(devd, ROLE, document(allow("sts:AssumeRole", USER)))
    assert refused(assume, devd, DurationSeconds=899) == "ValidationError"
    assume(devd, DurationSeconds=900)


def test_other_operations_of_sts(server):
    assert refused(server.client("sts", USER).get_session_token) == "InvalidAction"


@pytest.mark.parametrize("arn,trust,says", [
    (ROLE, "{}", "no Statement"),
    (ROLE, document(allow("sts:AssumeRole", USER, Resource="*")), "a trust policy has no Resource"),
    (ROLE, document({"Effect": "Deny", "NotPrincipal": {"AWS": USER}, "Action": "sts:AssumeRole"}), "NotPrincipal"),
    (USER, document(allow("sts:AssumeRole", USER)), "only a role has a trust policy"),
], ids=str)
def test_trust_policies_that_are_none(server, arn, trust, says):
    result = set_role(server, arn, trust)
    assert result.returncode != 0 and says in result.stderr


def test_the_aws_cli_assumes_a_role_and_is_it(server, role):
    def aws(key, *words):
        env = {**os.environ, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
               "AWS_DEFAULT_REGION": harness.REGION, "AWS_CA_BUNDLE": str(server.tls_ca), "AWS_CONFIG_FILE": os.devnull,
               "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_SESSION_TOKEN": key.get("SessionToken", "")}
        return json.loads(harness.run(sys.executable, "-m", "awscli", "--endpoint-url", f"https://127.0.0.1:{server.port}",
                                      "--output", "json", *words, env=env).stdout)

    answer = aws(server.credentials(USER), "sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "cli")
    assert aws(answer["Credentials"], "sts", "get-caller-identity")["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert "Keys" in aws(answer["Credentials"], "kms", "list-keys")


def test_sessions_outlive_a_restart(server, role, key):
    kms = connect(server, "kms", assume(server)["Credentials"])
    server.daemon.kill()
    server.daemon.start()
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
