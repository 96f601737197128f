"""sst1-vectors on files that it has never seen: made anew by the peer, at each limit and one beyond it, and files that are no vectors at all."""
import itertools
import json
import os
import pathlib
import random
import re
import subprocess

import pytest

import pb
import sst1
from sst1 import H, Manifest, Plan, ctx

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABELS = ("manifest plan run state commit commit-salt grant grant-aad state-aad salt tsk-commit role-kem edge-commit state-key role-lock ak blob ak-doc").split()
ARN = "arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012"
NOW = 1_780_000_000_000
rng = random.Random(os.environ.get("CMAW_SEED", "vectors"))


def plain(value):
    """Bytes as hex, however deep."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def run(path):
    """(lines of failing cases, passed)"""
    result = subprocess.run([ROOT / "build" / "tests" / "sst1-vectors", path], capture_output=True, text=True)
    *lines, last = result.stdout.splitlines()
    passed, failed = map(int, re.fullmatch(r"(\d+) passed, (\d+) failed", last).groups())
    assert not result.stderr and len(lines) == failed and all(line.startswith(f"FAIL {path.name}") for line in lines), result
    assert result.returncode == (1 if failed else 0)
    return lines, passed


def manifest_value(**more):
    return {"version": 1, "tenant": "acme", "serial": 1, "epoch": 1, "attestation_root": bytes(32), "not_before_ms": NOW, "not_after_ms": NOW + 1000,
            "roles": [role(1)], **more}


def role(number, **more):
    return {"id": number, "name": f"r{number}", "measurements": [{"pcr0": b"\1" * 48}], "kms_key_arn": ARN, **more}


def arn_of(size):
    return ARN.replace("eu-central-1", "e" * (size - len(ARN) + len("eu-central-1")))


def longest_manifest(size):
    """Of that many bytes: roles full of measurements, and names as long as there is room."""
    roles = [role(i, measurements=[{"pcr0": b"\1" * 48}] * 10) for i in range(1, 21)]
    left = lambda: size - len(pb.encode("Manifest", manifest_value(roles=roles)))  # noqa: E731
    while left() > 600:
        roles[(left() // 52) % 20]["measurements"] += [{"pcr0": b"\1" * 48}]
    for each in roles:
        each["name"] += "n" * min(60, max(0, left()))
    assert left() == 0 and all(len(r["measurements"]) <= 16 for r in roles)
    return manifest_value(roles=roles)


def manifests():
    ok = manifest_value
    valid = [ok(tenant="a" * 64), ok(tenant="a-0"), ok(serial=2**64 - 1), ok(epoch=2**64 - 1), ok(not_before_ms=0, not_after_ms=1), ok(not_after_ms=2**64 - 1),
             ok(roles=[role(i) for i in range(1, 33)]), ok(roles=[role(2**32 - 1)]), ok(roles=[role(1, name="_-" * 32)]),
             ok(roles=[role(1, measurements=[{"pcr0": b"\1" * 48, "pcr1": b"\1" * 48, "pcr2": b"\1" * 48, "pcr8": b"\1" * 48}] * 16)]),
             ok(roles=[role(1, kms_key_arn=arn_of(128))]), ok(roles=[role(1, kms_key_arn=ARN.replace("aws", "aws-us-gov"))]), longest_manifest(16384)]
    invalid = [ok(version=0), ok(version=2), ok(tenant=""), ok(tenant="a" * 65), ok(tenant="a_b"), ok(tenant="A"), ok(tenant="\u00e4"), ok(serial=0), ok(epoch=0),
               ok(attestation_root=bytes(31)), ok(attestation_root=bytes(33)), ok(attestation_root=b""), ok(not_before_ms=NOW + 1000), ok(not_after_ms=0),
               ok(roles=[]), ok(roles=[role(i) for i in range(1, 34)]), ok(roles=[role(0)]), ok(roles=[role(2), role(1)]), ok(roles=[role(1), role(1, name="x")]),
               ok(roles=[role(1), role(2, name="r1")]), ok(roles=[role(1, name="")]), ok(roles=[role(1, name="n" * 65)]), ok(roles=[role(1, name="a.b")]),
               ok(roles=[role(1, measurements=[])]), ok(roles=[role(1, measurements=[{"pcr0": b"\1" * 48}] * 17)]),
               ok(roles=[role(1, kms_key_arn=arn_of(129))]), ok(roles=[role(1, kms_key_arn=ARN.upper())]), ok(roles=[role(1, kms_key_arn="")]),
               ok(roles=[role(1, kms_key_arn=ARN.replace("key/", "key/mrk-"))]), ok(roles=[role(1, kms_key_arn=ARN.replace("key/", "alias/"))]),
               ok(roles=[role(1, kms_key_arn=ARN + "0")]), ok(roles=[role(1, kms_key_arn=ARN.replace("1111", "111"))]), longest_manifest(16385)]
    for pcr in ("pcr0", "pcr1", "pcr2", "pcr8"):
        for bad in (bytes(48), b"\1" * 47, b"\1" * 49, b"\1" * 32):
            invalid.append(ok(roles=[role(1, measurements=[{"pcr0": b"\1" * 48, pcr: bad}])]))
    invalid.append(ok(roles=[role(1, measurements=[{"pcr1": b"\1" * 48}])]))
    return {"valid": [{"manifest": pb.encode("Manifest", v)} for v in valid], "invalid": [{"manifest": pb.encode("Manifest", v)} for v in invalid]}


def chain(steps, **more):
    return [{"id": i, "name": f"s{i}", "role": 1, "timeout_s": 60, "max_attempts": 3, **more} for i in range(1, steps + 1)]


def edge(number, start, end, **more):
    return {"id": number, "from": start, "to": end, "name": f"e{number}", "size_class": 0, **more}


def line(steps):
    return [edge(i + 1, i, (i + 1) % (steps + 1)) for i in range(steps + 1)]


def one_step(ins, outs, classes=()):
    edges = [edge(i + 1, 0, 1) for i in range(ins)] + [edge(ins + i + 1, 1, 0) for i in range(outs)]
    for each, size_class in zip(edges, classes):
        each["size_class"] = size_class
    return chain(1), edges


def plan_value(steps, edges, **more):
    return {"version": 1, "name": "p", "manifest": bytes(32), "steps": steps, "edges": edges, **more}


def longest_plan(size):
    """Of that many bytes: 64 steps in a line, more edges beside it, and names of 64 characters as long as there is room."""
    steps, edges = [{**s, "name": f"{s['id']:064d}"} for s in chain(64)], line(64)
    name = itertools.count()
    steps[0]["name"] = "s1"
    while len(pb.encode("Plan", plan_value(steps, edges))) < size - 90:
        edges.append(edge(len(edges) + 1, 63, 64, name=f"{next(name):064d}"))
    room = size - len(pb.encode("Plan", plan_value(steps, edges)))
    value = plan_value(steps, edges, name="p" * min(64, room + 1))
    steps[0]["name"] = "s" * (len(steps[0]["name"]) + size - len(pb.encode("Plan", value)))
    assert len(pb.encode("Plan", value)) == size and len(steps[0]["name"]) <= 64
    return value


def plans():
    manifest = pb.encode("Manifest", manifest_value(roles=[role(1), role(7)]))
    one, edges = chain(1), line(1)
    made = plan_value
    valid = [made(chain(64), line(64)), made(*one_step(128, 128)), made(one, edges, name="_-" * 32), made(chain(1, timeout_s=1), edges),
             made(chain(1, timeout_s=86400), edges), made(chain(1, max_attempts=1), edges), made(chain(1, max_attempts=100), edges), made(chain(1, role=7), edges),
             made(*one_step(1, 1, [7, 7])), made(*one_step(2, 1, [7, 3])), made(*one_step(8, 1, [5] * 7)), made(*one_step(9, 1, [7] + [0] * 8)), longest_plan(16384),
             made(chain(3), [edge(1, 0, 1), edge(2, 1, 2), edge(3, 1, 3), edge(4, 2, 0), edge(5, 3, 0)]),
             made(chain(2), [edge(1, 0, 2), edge(2, 2, 1), edge(3, 1, 0), edge(4, 0, 1), edge(5, 2, 0)])]
    invalid = [made(chain(65), line(65)), made(*one_step(128, 129)), made([], []), made(one, []), made(one, edges, version=2), made(one, edges, name=""),
               made(one, edges, name="p" * 65), made(one, edges, manifest=bytes(31)), made(chain(1, timeout_s=0), edges), made(chain(1, timeout_s=86401), edges),
               made(chain(1, max_attempts=0), edges), made(chain(1, max_attempts=101), edges), made(chain(1, role=2), edges), made(chain(1, role=0), edges),
               made(chain(2, name="s"), line(2)), made(chain(1, name="S"), edges), made(chain(1, id=2), edges), made(one, [edge(2, 0, 1), edge(3, 1, 0)]),
               made(one, [edge(1, 0, 1)]), made(one, [edge(1, 1, 0)]), made(one, [*edges, edge(3, 1, 1)]), made(one, [*edges, edge(3, 0, 0)]),
               made(one, [*edges, edge(3, 0, 2)]), made(one, [*edges, edge(3, 0, 1, name="e1")]), made(one, [*edges, edge(3, 1, 0, name="e2")]),
               made(one, [edge(1, 0, 1, size_class=8), edge(2, 1, 0)]), made(one, [edge(1, 0, 1, name=""), edge(2, 1, 0)]),
               made(*one_step(2, 1, [7, 7])), made(*one_step(2, 1, [7, 4])), made(*one_step(2, 1, [6, 6])), made(*one_step(1, 2, [0, 7, 7])),
               made(*one_step(8, 1, [5] * 8)), longest_plan(16385),
               made(chain(2), [edge(1, 0, 1), edge(2, 1, 0), edge(3, 1, 2), edge(4, 2, 1)]),  # a cycle
               made(chain(3), [edge(1, 0, 1), edge(2, 1, 0), edge(3, 2, 3), edge(4, 3, 2)]),  # and one beside
               made(chain(2), [edge(1, 0, 1), edge(2, 1, 0), edge(3, 1, 2)]), made(chain(2), [edge(1, 0, 1), edge(2, 1, 0), edge(3, 2, 1)])]
    return {"manifest": manifest, "valid": [{"plan": pb.encode("Plan", v)} for v in valid], "invalid": [{"plan": pb.encode("Plan", v)} for v in invalid]}


def contexts():
    fields = [{"u64": v} for v in (0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)] + [{"text": ""}, {"text": "\u00e4\0\U0001f600"}, {"bytes": b""}, {"bytes": rng.randbytes(70000)}]
    raw = [next(iter(f.values())) for f in fields]
    cases = []
    for label in LABELS:
        take = rng.sample(range(len(fields)), rng.randrange(len(fields)))
        value = ctx(label, *[raw[i] for i in take])
        cases.append({"label": label, "fields": [fields[i] for i in take], "ctx": value, "sha256": H(value)})
    return {"cases": cases}


def derived():
    cases = []
    for label, length in zip(LABELS, [1, 31, 32, 33, 64, 255, 256, 1024, 8160] * 2):
        secret, number = rng.randbytes(rng.choice([1, 32, 200])), rng.randrange(2**64)
        cases.append({"secret": secret, "label": label, "fields": [{"u64": number}], "length": length, "okm": sst1.kdf(secret, label, number, length=length)})
    return {"cases": [c for c in cases if c["length"] <= 64]}


def sealed():
    cases = []
    for length in (0, 1, 16383, 16384, 16385, 32767, 32768, 32769, 100000):
        key, context, random32, unit = (rng.randbytes(n) for n in (32, rng.randrange(200), 32, 7))
        value = sst1.seal(key, context, (unit * (length // 7 + 1))[:length], random32)
        aead_key, nonce, commitment = sst1.seal_keys(key, context, value[:24])
        cases.append({"key": key, "context": context, "random32": random32, "plaintext_unit": unit, "plaintext_length": length, "salt": value[:24],
                      "aead_key": aead_key, "base_nonce": nonce, "commitment": commitment, "sealed": None, "sealed_length": len(value), "sealed_sha256": H(value)})
    return {"cases": cases}


def annotations(count, key=8, value=4):
    return [{"key": f"{i:0{key}d}", "value": "v" * value} for i in range(count)]


def content_of(number, **more):
    return {"content_type": "text/plain", "content": rng.randbytes(number), "annotations": [], "salt": rng.randbytes(32), **more}


def commitments():
    cases = [content_of(n) for n in (0, 1, 70000)] + [content_of(5, content_type=t) for t in ("", "~" * 128)]
    cases += [content_of(5, annotations=a) for a in (annotations(32), annotations(1, 64, 1024), annotations(1, 1, 0))]
    salts = []
    for number in (1, 256):
        secret, run_id, random32, content = rng.randbytes(32), rng.randbytes(32), rng.randbytes(32), rng.randbytes(9)
        salts.append({"secret": secret, "run_id": run_id, "edge": number, "random32": random32, "content": content,
                      "salt": sst1.agent_state_salt(secret, run_id, number, content, random32)})
    return {"cases": [{**c, "agent_state": pb.encode("AgentState", c), "commit": sst1.commit_of(c)} for c in cases], "salts": salts}


def state_case(content, edge_class, parents=(), **seal):
    secret, run_id, random32, number = rng.randbytes(32), rng.randbytes(32), rng.randbytes(32), rng.randrange(1, 257)
    state = sst1.seal_state(secret, run_id, number, content, parents, edge_class, random32=random32, **seal)
    return secret, run_id, random32, number, state


def states():
    made, refused = [], []
    room = {c: size - 4 - len(pb.encode("AgentState", content_of(0))) - 2 for c, size in sst1.CLASS_SIZES.items()}
    for size_class, most in room.items():
        most -= 0 if most < 128 else 1 if most < 16384 else 2 if most < 2097152 else 3  # the length of the length
        for requested, length in ((0, most), (size_class, 0), (0, 0)):
            content = content_of(length)
            secret, run_id, random32, number, state = state_case(content, requested, [rng.randbytes(32)] * rng.randrange(4))
            parsed, plaintext = sst1.State(state), pb.encode("AgentState", content)
            padded = sst1.lp(plaintext) + bytes(sst1.CLASS_SIZES[parsed.size_class] - 4 - len(plaintext))
            made.append({"secret": secret, "state_key": sst1.state_key(secret, run_id, number), "random32": random32, "requested_class": requested,
                         "size_class": parsed.size_class, "header": parsed.header, "context": ctx("state-aad", parsed.header), "content_type": content["content_type"],
                         "content_unit": content["content"], "content_length": length, "annotations": [], "salt": content["salt"],
                         "agent_state_sha256": H(plaintext), "commit": sst1.commit_of(content), "padded_sha256": H(padded), "digest": parsed.digest,
                         "state_length": len(state), "state_sha256": H(state), "state": None})
            assert length == 0 or parsed.size_class == size_class
    bad = [content_of(5, content_type="~" * 129), content_of(5, content_type="\x7f"), content_of(5, salt=bytes(31)), content_of(5, annotations=annotations(33)),
           content_of(5, annotations=annotations(1, 65)), content_of(5, annotations=annotations(1, 1, 1025)), content_of(5, annotations=annotations(1) * 2),
           content_of(5, annotations=[{"key": "A", "value": ""}]), content_of(5, annotations=[{"key": "", "value": ""}])]
    for content, more in [(c, {}) for c in bad] + [(content_of(5), {"size_class": 2}), (content_of(5000), {"kind": 3})]:
        secret, run_id, _, number, state = state_case(content, 0, **more)
        refused.append({"secret": secret, "run_id": run_id, "edge": number, "edge_class": 0, "state": state})
    secret, run_id, _, number, state = state_case(content_of(5), 0)
    right = {"secret": secret, "run_id": run_id, "edge": number, "edge_class": 0, "state": state}
    for wrong in ({"secret": bytes(32)}, {"run_id": bytes(32)}, {"edge": number + 1}, {"edge_class": 2}, {"state": state[:-1]}, {"state": state + b"\0"}):
        refused.append({**right, **wrong})
    return {"states": made, "must_fail": refused}


MADE = {f.__name__: f for f in (manifests, plans, contexts, derived, sealed, commitments, states)}


@pytest.mark.parametrize("name", MADE)
def test_what_the_peer_makes_passes(name, tmp_path):
    value = plain(MADE[name]())
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(value))
    lines, passed = run(path)
    assert not lines and passed >= sum(len(v) for v in value.values() if isinstance(v, list))


@pytest.mark.parametrize("name", ["manifests", "plans"])
def test_the_peer_agrees_about_the_limits(name):
    value = MADE[name]()
    parse = (lambda v: Manifest(v["manifest"])) if name == "manifests" else (lambda v: Plan(v["plan"], Manifest(value["manifest"])))
    for case in value["valid"]:
        parse(case)
    for case in value["invalid"]:
        with pytest.raises((sst1.Refused, IndexError)):
            parse(case)


@pytest.mark.parametrize("name", ["manifests", "plans"])
def test_a_wrong_expectation_is_a_failing_case(name, tmp_path):
    value = plain(MADE[name]())
    value["valid"], value["invalid"] = value["invalid"], value["valid"]
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(value))
    lines, passed = run(path)
    assert len(lines) == len(value["valid"]) + len(value["invalid"]) and passed == 0


NO_VECTORS = {
    "empty": b"", "list": b"[]", "nothing": b"{}", "cut": b'{"cases": [{"label": "run", "ctx": "00', "deep": b"[" * 100000, "binary": bytes(range(256)) * 100, "utf-16": '{"cases": []}'.encode("utf-16"),
    "no case": b'{"cases": []}', "no list": b'{"cases": {"ctx": "00"}}', "a case of no kind": b'{"cases": [7]}', "twice": b'{"cases": [], "cases": []}',
    "too large a number": b'{"cases": [{"secret": "00", "label": "run", "fields": [], "length": 18446744073709551616, "okm": ""}]}',
    "a label of two lines": b'{"cases": [{"label": "run\\nFAIL x", "ctx": "00", "fields": [], "sha256": "00"}]}',
    "a pool of itself": b'{"pool": ["@0;"], "cases": [{"label": "run", "ctx": "@0;", "fields": [], "sha256": "00"}]}',
}


@pytest.mark.parametrize("name", NO_VECTORS)
def test_what_is_no_vector_fails_with_one_line(name, tmp_path):
    path = tmp_path / "odd.json"
    path.write_bytes(NO_VECTORS[name])
    lines, passed = run(path)
    assert len(lines) == 1 and passed == 0


def shared(name):
    folder = pathlib.Path(os.environ.get("CMAW_SHARED", ROOT.parent / "shared")) / "vectors" / "sst1"
    if not folder.is_dir():
        pytest.skip(f"no vectors in {folder} (set CMAW_SHARED)")
    return json.loads((folder / name).read_text())


@pytest.mark.parametrize("name, field", [(f, k) for f, keys in {
    "birth.json": "tsk blob ak_doc claims cose protected payload signature sig_structure public_key_spki kid manifest role", "bundle.json": "bundle pk pinned_manifest",
    "failure.json": "receipt secret ak_doc state plan", "objects.json": "ticket_header ticket workflow_id run_id", "run.json": "parts disclosures"}.items() for k in keys.split()])
def test_a_field_that_is_missing_is_noticed(name, field, tmp_path):
    value = shared(name)
    del value[field]
    path = tmp_path / name
    path.write_text(json.dumps(value))
    assert run(path)[0]
