"""What `cmaw kms lint` says of a key policy is what the emulator does: each way out that it prints is gone through, and where it prints none
nobody gets out by any other."""
import concurrent.futures
import json
import re
import subprocess

import pytest

import attack
import devd as world
from attack import DATA

ANYONE = [world.PARENT, world.ADMIN, attack.OTHER, attack.GUEST, attack.HOLDER, attack.ROOT, attack.STRANGER, attack.STRANGER_ROOT]

SOME = [world.PARENT, attack.OTHER, attack.HOLDER]


def table(name):
    """Rows of a table of tests/data/kms-policies/README.md as dictionaries."""
    body = (DATA / "README.md").read_text().split(f"## {name}\n")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line[1:-1].split("|")] for line in body.splitlines() if line.startswith("|")]
    return [dict(zip(lines[0], cells)) for cells in lines[2:]]


BAD, GOOD = table("bad"), table("good")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return attack.make_manifest(tmp_path_factory.mktemp("manifest"))


@pytest.fixture(scope="module")
def context(manifest):
    return {"sst": "1", "tenant": "acme", "role": "1", "manifest": manifest[1]}


@pytest.fixture(scope="module")
def attacker(devd, manifest):
    return attack.Attacker(devd, attack.Attestations(devd.folder, manifest[1]))


def identity_of(folder, name):
    path = DATA / folder / f"{name}.iam.json"
    return path, json.loads(path.read_text()) if path.exists() else None


def lint(policy, *options):
    """(exit code, report)"""
    result = subprocess.run([attack.CMAW, "kms", "lint", policy, "--json", *options], capture_output=True, text=True, timeout=180)
    return result.returncode, json.loads(result.stdout)


def options_of(row, folder, manifest):
    text = row["options"].replace("{manifest}", str(manifest[0])).replace("{identity}", str(identity_of(folder, row["file"])[0]))
    return text.split()


def attempts(people):
    for arn in people:
        for action in attack.ACTIONS:
            for kind in ("none", "debug", "other-image", "other-role") if action in attack.ATTESTED else ("none",):
                yield arn, action, kind


def battery(attacker, target, identity, people, most=None):
    """Every (who, action, attestation) that gets something out."""
    attacker.people("*", identity)
    lasting = [one for one in attempts(people) if one[1] in attack.LASTING]
    rest = [one for one in attempts(people) if one[1] not in attack.LASTING]
    for kind in ("debug", "other-image", "other-role"):
        attacker.attestations.get(kind)
    for arn in people:
        attacker.client(arn)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda one: attacker.takes(target, *one, most), rest))
    taken += [attacker.takes(target, *one, most) for one in lasting]
    return [one for one, success in zip(rest + lasting, taken) if success]


def covers(path, arn, action):
    account = f"arn:aws:iam::{arn.split(':')[4]}:root"
    session = path["principal"].startswith("arn:aws:sts:") and arn == world.PARENT
    holder = path["principal_kind"] == "holder" and arn == attack.HOLDER
    return path["action"] == action and (path["principal"] in ("*", arn, account) or session or holder)


@pytest.mark.parametrize("row", BAD, ids=lambda row: row["file"])
def test_the_planted_hole_is_found_and_is_one(row, devd, admin, attacker, manifest, context):
    policy = DATA / "bad" / f"{row['file']}.json"
    identity_path, identity = identity_of("bad", row["file"])
    code, report = lint(policy, *options_of(row, "bad", manifest))
    wanted = {"statement": int(row["statement"]), "principal": row["principal"].replace("{identity}", str(identity_path)),
              **{name: row[name] for name in ("action", "attestation", "cause")}}
    paths = report["paths"]
    assert code == 1 and wanted in [{name: path[name] for name in wanted} for path in paths]
    if row["taken"] != "yes":
        return
    target = attack.Target(admin, attacker, policy.read_text(), context)
    for path in paths:
        if path["action"] in attack.ACTIONS:
            people = attacker.people(path["principal"], identity)
            kinds = ("other-image", "signer") if path["attestation"] == "other-image" else (path["attestation"],)
            assert any(attacker.takes(target, arn, path["action"], kind) for arn in people for kind in kinds), path
    for arn, action, kind in battery(attacker, target, identity, SOME, most=1):
        trusted = report["trusted"] if kind == "none" else []
        role_matters = "--manifest" in row["options"] or kind != "other-role"
        assert any(covers(path, arn, action) for path in paths + trusted) or not role_matters, (arn, action, kind)


def check_good(attacker, target, row, identity, report):
    taken = battery(attacker, target, identity, ANYONE)
    by_role = "--manifest" in row["options"]
    outside = [one for one in taken if by_role or one[2] != "other-role"]
    assert [one for one in outside if not any(covers(path, one[0], one[1]) for path in report["trusted"])] == []
    kind = "signer" if row["attested"] == "signer" else "right"
    arn = attack.HOLDER if row["attested"] == "identity" else world.PARENT
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert attacker.takes(target, arn, action, kind) == (row["attested"] != "no"), action


@pytest.mark.parametrize("row", GOOD, ids=lambda row: row["file"])
def test_a_good_policy_has_no_way_out(row, admin, attacker, manifest, context):
    policy = DATA / "good" / f"{row['file']}.json"
    code, report = lint(policy, *options_of(row, "good", manifest))
    assert (code, report["paths"]) == (0, [])
    assert len(report["warnings"]) == int(row["warnings"])
    check_good(attacker, attack.Target(admin, attacker, policy.read_text(), context), row, identity_of("good", row["file"])[1], report)


INSTANCE, GLASS = ["--instance", world.PARENT], ["--break-glass", f"arn:aws:iam::{world.ACCOUNT}:role/glass"]
WRITTEN = {"admin": ["--admin", world.ADMIN], "admin and break-glass": ["--admin", world.ADMIN, *GLASS], "immutable": ["--immutable"],
           "immutable with admin": ["--immutable", "--admin", world.ADMIN], "immutable and break-glass": ["--immutable", *GLASS]}


def written(manifest, folder, options):
    path = folder / "policy.json"
    result = subprocess.run([attack.CMAW, "kms", "policy", manifest[0], "--role", "intake", *INSTANCE, *options], capture_output=True, text=True,
                            timeout=180)
    assert result.returncode == 0, result.stderr
    path.write_text(result.stdout)
    return path, result.stderr


@pytest.mark.parametrize("options", WRITTEN.values(), ids=WRITTEN)
def test_what_policy_writes_has_no_way_out(options, admin, attacker, manifest, context, tmp_path):
    path, warning = written(manifest, tmp_path, options)
    immutable = "--immutable" in options
    assert ("read this twice" in warning) == immutable
    trust = [] if immutable else ["--admin", world.ADMIN]
    code, report = lint(path, "--manifest", manifest[0], "--role", "intake", *trust)
    assert (code, report["paths"], report["warnings"]) == (0, [], [])
    assert [one["action"] for one in report["trusted"]] == ([] if immutable else ["kms:PutKeyPolicy"])
    row = {"options": "--manifest", "attested": "yes"}
    target = attack.Target(admin, attacker, path.read_text(), context)
    check_good(attacker, target, row, None, report)
    for other in (context | {"role": "2"}, context | {"more": "1"}, {name: context[name] for name in ("sst", "tenant", "role")}, {}):
        target.context = other
        assert not attacker.takes(target, world.PARENT, "kms:GenerateDataKey", "right"), other


def test_the_denies_stop_an_allow_that_is_added(admin, attacker, manifest, context, tmp_path):
    path, _ = written(manifest, tmp_path, ["--immutable"])
    policy = json.loads(path.read_text())
    policy["Statement"].append({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"})
    path.write_text(json.dumps(policy))
    code, report = lint(path, "--manifest", manifest[0], "--role", "intake")
    assert (code, report["paths"]) == (0, [])
    check_good(attacker, attack.Target(admin, attacker, path.read_text(), context), {"options": "--manifest", "attested": "yes"}, None, report)
    for sid in ("NoUseWithoutImage", "NoUseWithoutRole", "NoOtherUse", "NoRewrite"):
        path.write_text(json.dumps(policy | {"Statement": [one for one in policy["Statement"] if one.get("Sid") != sid]}))
        assert lint(path, "--manifest", manifest[0], "--role", "intake")[0] == 1, sid


def test_only_the_admin_is_trusted(manifest, tmp_path):
    path, _ = written(manifest, tmp_path, ["--admin", world.ADMIN])
    code, report = lint(path, "--manifest", manifest[0], "--role", "intake", "--admin", world.PARENT)
    assert code == 1 and [one["cause"] for one in report["paths"]] == ["rewrite"]
    code, report = lint(path, "--manifest", manifest[0], "--role", "adjudicate", "--admin", world.ADMIN)
    assert code == 1 and {one["cause"] for one in report["paths"]} == {"not-in-manifest"}


def test_break_glass_can_only_end_a_key(devd, admin, attacker, manifest, context, tmp_path):
    path, _ = written(manifest, tmp_path, ["--admin", world.ADMIN, *GLASS])
    target = attack.Target(admin, attacker, path.read_text(), context)
    glass = attacker.client(GLASS[1])
    for action in attack.ACTIONS:
        assert not attacker.takes(target, GLASS[1], action, "none"), action
    for call, more in ((glass.enable_key, {}), (glass.get_key_policy, {}), (glass.cancel_key_deletion, {})):
        with pytest.raises(attack.ClientError, match="AccessDenied"):
            call(KeyId=target.arn, **more)
    glass.disable_key(KeyId=target.arn)
    assert glass.schedule_key_deletion(KeyId=target.arn, PendingWindowInDays=7)["KeyState"] == "PendingDeletion"


def test_immutable_is_for_ever(admin, attacker, manifest, context, tmp_path):
    path, _ = written(manifest, tmp_path, ["--immutable", "--admin", world.ADMIN])
    spare = admin.create_key(Policy=attack.OPEN)["KeyMetadata"]["Arn"]
    with pytest.raises(attack.ClientError, match="will not allow you to update"):
        admin.put_key_policy(KeyId=spare, PolicyName="default", Policy=path.read_text())
    target = attack.Target(admin, attacker, path.read_text(), context)
    for arn in ANYONE:
        assert not attacker.takes(target, arn, "kms:PutKeyPolicy", "none"), arn


def test_the_tables_name_every_file():
    for folder, rows in (("bad", BAD), ("good", GOOD)):
        names = sorted(path.name.removesuffix(".json") for path in (DATA / folder).glob("*.json") if not path.name.endswith(".iam.json"))
        assert names == sorted(row["file"] for row in rows) and len(set(names)) == len(names)
    assert len(BAD) >= 60 and len(GOOD) >= 10
    assert len({row["cause"] for row in BAD}) >= 15
    words = set(re.findall(r"^\| `([a-z-]+)` \|", (world.ROOT / "docs" / "kms.md").read_text(), re.M))
    assert {row["cause"] for row in BAD} <= words
