"""The commands of docs/kms.md work as they stand there."""
import os
import re
import shutil
import subprocess
import sys

import attack
import devd as world
import pages


def test_commands(devd, admin, tmp_path):
    shutil.copy(attack.DATA / "manifest.yaml", tmp_path)
    shutil.copy(attack.DATA / "good" / "deny-only.json", tmp_path / "key-policy.json")
    shutil.copy(attack.DATA / "good" / "root-denied.iam.json", tmp_path / "developer.json")
    key = admin.create_key(Policy=world.policy(world.ADMINISTRATION))["KeyMetadata"]["Arn"]
    who = devd.access_key(world.ADMIN)
    path = os.pathsep.join([str(world.BUILD / "client"), os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = pages.environment_of(
        tmp_path, PATH=path, KEY=key, AWS_ACCESS_KEY_ID=who["AccessKeyId"], AWS_SECRET_ACCESS_KEY=who["SecretAccessKey"],
        AWS_DEFAULT_REGION=world.REGION, AWS_ENDPOINT_URL_KMS=f"https://localhost:{devd.port}", AWS_CA_BUNDLE=str(devd.folder / "tls-ca.pem"))
    pages.run("docs/kms.md", tmp_path, environment)
    stored = admin.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert stored == (tmp_path / "intake.json").read_text().rstrip("\n") or stored == (tmp_path / "intake.json").read_text()


def test_statements_are_those_that_are_explained(tmp_path):
    """Every Sid that policy writes has a line, and every line a Sid."""
    manifest, _ = attack.make_manifest(tmp_path)
    text = "".join(
        subprocess.run([attack.CMAW, "kms", "policy", manifest, "--role", "intake", "--instance", world.PARENT, "--admin", world.ADMIN, *more],
                       check=True, capture_output=True, text=True).stdout
        for more in (["--break-glass", attack.GUEST], ["--immutable"]))
    section = (world.ROOT / "docs" / "kms.md").read_text().split("## The policy, line by line")[1].split("\n## ")[0]
    explained = set(re.findall(r"^\| (\w+) \|", section, re.M)) - {"Sid"}
    assert explained == set(re.findall(r'"Sid": "(\w+)"', text))


def test_bad_usage_says_what_is_missing(tmp_path):
    manifest, _ = attack.make_manifest(tmp_path)
    (tmp_path / "broken.json").write_text('{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}')
    cases = [
        (["kms"], "kms: which verb?"), (["kms", "audit"], "unknown verb audit"), (["kms", "policy", manifest], "missing --instance"),
        (["kms", "policy", manifest, "--instance", world.PARENT], "who may replace the policy?"),
        (["kms", "policy", manifest, "--instance", world.PARENT, "--immutable"], "has 2 roles"),
        (["kms", "policy", manifest, "--instance", world.PARENT, "--immutable", "--role", "x"], "no role x"),
        (["kms", "lint"], "missing POLICY"), (["kms", "lint", tmp_path / "none.json"], "none.json"),
        (["kms", "lint", tmp_path / "broken.json"], "statement 0"), (["kms", "lint", manifest], "not valid JSON"),
        (["kms", "lint", attack.DATA / "good" / "admin.json", "--iam", attack.DATA / "good" / "admin.json"], "no Principal"),
        (["kms", "lint", attack.DATA / "good" / "admin.json", "--manifest", manifest], "for which --role"),
    ]
    for words, says in cases:
        result = subprocess.run([attack.CMAW, *words], capture_output=True, text=True, timeout=180)
        assert (result.returncode, says in result.stderr) == (2, True), (words, result.returncode, result.stderr)


def test_a_policy_names_single_people_each_once(tmp_path):
    """An administrator '*' would let everyone replace the policy, an account's root all of its identity policies, and the host's own role the host."""
    manifest, _ = attack.make_manifest(tmp_path)
    people = {"--instance": world.PARENT, "--admin": world.ADMIN, "--break-glass": attack.GUEST}
    no_person = ["*", "x", world.ACCOUNT, attack.ROOT, f"arn:aws:iam::{world.ACCOUNT}:role/*", f"arn:aws:iam::{world.ACCOUNT}:role/", f"{world.PARENT}\n",
                 f"arn:aws:iam::{world.ACCOUNT}:role/${{aws:username}}", f"arn:aws:sts::{world.ACCOUNT}:assumed-role/a/b", "arn:aws:iam::1:role/a"]
    wrong = [(people | {option: value}, "not the ARN of a role or a user") for option in people for value in no_person]
    wrong += [(people | {option: people[other]}, "cannot be two of them") for option in people for other in people if option != other]
    for chosen, says in [(people, ""), *wrong]:
        words = [word for pair in chosen.items() for word in pair]
        result = subprocess.run([attack.CMAW, "kms", "policy", manifest, "--role", "intake", *words], capture_output=True, text=True, timeout=60)
        assert (result.returncode, says in result.stderr) == (2 if says else 0, True), (words, result.stderr)
        assert not (says and result.stdout)


def test_a_policy_for_each_role(tmp_path):
    manifest, _ = attack.make_manifest(tmp_path)
    command = [attack.CMAW, "kms", "policy", manifest, "--instance", world.PARENT, "--admin", world.ADMIN, "--output", tmp_path / "out"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert made == [str(tmp_path / "out" / f"{role}.json") for role in ("intake", "adjudicate")]
    for role in ("intake", "adjudicate"):
        words = ["--manifest", manifest, "--role", role, "--admin", world.ADMIN]
        assert subprocess.run([attack.CMAW, "kms", "lint", tmp_path / "out" / f"{role}.json", *words], capture_output=True).returncode == 0


def test_the_text_names_each_way():
    result = subprocess.run([attack.CMAW, "kms", "lint", attack.DATA / "bad" / "deny-two-registers.json"], capture_output=True, text=True, timeout=180)
    assert result.returncode == 1 and "lets key material out in" in result.stderr
    assert f"path 1: kms:Decrypt by {world.PARENT}, from an enclave in debug mode" in result.stdout
    assert "allowed by statement 0 (Use): no condition asks for an attestation" in result.stdout
    assert "not denied by statement 1: StringNotEqualsIgnoreCase on kms:RecipientAttestation:PCR3" in result.stdout
