"""The peer against the published vectors of SST/1: a peer that is wrong itself proves nothing."""
import hashlib
import json
import os
import pathlib
import re
import subprocess

import pytest

import cose
import pb
import sst1
from sst1 import H, Manifest, Plan, Refused, State, TicketHeader

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = pathlib.Path(os.environ.get("CMAW_SHARED", ROOT.parent / "shared")) / "vectors"
if not (VECTORS / "sst1").is_dir():
    pytest.skip(f"no vectors in {VECTORS} (set CMAW_SHARED)", allow_module_level=True)


def load(name):
    """The file with its pool put in and every hex string left as text."""
    value = json.loads((VECTORS / "sst1" / name).read_text())
    pool = value.pop("pool", [])

    def fill(x):
        if isinstance(x, str):
            return re.sub(r"@(\d+);", lambda m: pool[int(m[1])], x)
        if isinstance(x, list):
            return [fill(y) for y in x]
        return {k: fill(y) for k, y in x.items()} if isinstance(x, dict) else x
    return fill(value)


def unhex(text):
    return bytes.fromhex(text)


def cases(name, *path, ident=lambda c, i: c.get("id") or c.get("why") or c.get("comment") or c.get("rule") or str(i)):
    value = load(name)
    for key in path:
        value = value[key]
    return [pytest.param(c, id=f"{ident(c, i)}"[:60]) for i, c in enumerate(value)]


def expect(case, call):
    """call() is accepted or refused as the case says."""
    if case.get("expect", "reject") == "accept":
        call()
    else:
        with pytest.raises(Refused):
            call()


def field(value):
    return value["u64"] if "u64" in value else value["text"] if "text" in value else unhex(value["bytes"])


@pytest.mark.parametrize("case", cases("ctx.json", "cases"))
def test_ctx(case):
    got = sst1.ctx(case["label"], *[field(f) for f in case["fields"]])
    assert got.hex() == case["ctx"] and H(got).hex() == case["sha256"]


@pytest.mark.parametrize("case", cases("kdf.json", "cases"))
def test_kdf(case):
    assert sst1.kdf(unhex(case["secret"]), case["label"], *[field(f) for f in case["fields"]], length=case["length"]).hex() == case["okm"]


@pytest.mark.parametrize("case", cases("seal.json", "cases"))
def test_seal(case):
    unit, length = unhex(case["plaintext_unit"]), case["plaintext_length"]
    plaintext = (unit * (length // len(unit) + 1))[:length]
    key, context = unhex(case["key"]), unhex(case["context"])
    sealed = sst1.seal(key, context, plaintext, unhex(case["random32"]))
    assert sealed[:24].hex() == case["salt"] and H(sealed).hex() == case["sealed_sha256"] and len(sealed) == case["sealed_length"]
    assert [x.hex() for x in sst1.seal_keys(key, context, sealed[:24])] == [case["aead_key"], case["base_nonce"], case["commitment"]]
    assert sst1.open_sealed(key, context, sealed) == plaintext
    for at in {0, 30, len(sealed) - 1}:
        bad = bytearray(sealed)
        bad[at] ^= 1
        with pytest.raises(Refused):
            sst1.open_sealed(key, context, bytes(bad))


def typed(message, value):
    """JSON of the vectors as the codec takes it."""
    out = {}
    for _, name, kind in pb.SCHEMA[message]:
        if name in value:
            element = kind[0] if isinstance(kind, list) else kind
            one = (lambda x: unhex(x)) if element == "bytes" else (lambda x: x) if element in pb.SCALARS else (lambda x: typed(element, x))
            out[name] = [one(x) for x in value[name]] if isinstance(kind, list) else one(value[name])
    return out


def test_objects():
    objects = load("objects.json")
    for name, message in (("manifest", "Manifest"), ("plan", "Plan"), ("ticket_header", "TicketHeader")):
        assert pb.encode(message, typed(message, objects[name]["value"])).hex() == objects[name]["bytes"]
    manifest = Manifest(unhex(objects["manifest"]["bytes"]))
    plan = Plan(unhex(objects["plan"]["bytes"]), manifest)
    header, grants = sst1.parse_ticket(unhex(objects["ticket"]), plan)
    assert (manifest.mh.hex(), plan.ph.hex()) == (objects["manifest"]["mh"], objects["plan"]["ph"])
    assert header.run_id.hex() == objects["run_id"] and sst1.workflow_id(header.run_id) == objects["workflow_id"]
    header.check(manifest, plan)
    for edge in objects["edges"]:
        secret = unhex(edge["secret"])
        assert sst1.edge_commit(secret, unhex(edge["nonce"]), edge["edge"]).hex() == edge["commit"]
        assert sst1.state_key(secret, header.run_id, edge["edge"]).hex() == edge["state_key"]


def test_keys():
    keys = load("keys.json")
    mh = unhex(keys["mh"])
    for case in keys["roles"]:
        tsk, role = unhex(case["tsk"]), case["role"]
        assert sst1.tsk_commit(tsk, mh, role).hex() == case["tsk_commit"]
        sk = sst1.role_key(tsk, mh, role)
        assert sk.private_bytes_raw().hex() == case["sk"] and sst1.raw_public(sk).hex() == case["pk"]
        assert sst1.role_lock_data(mh, role).hex() == case["role_lock_data"] and sst1.pcr16(mh, role).hex() == case["pcr16"]
        assert H(sst1.ctx("ak", mh, role)).hex() == case["ak_user_data"]


@pytest.mark.parametrize("case", cases("grant.json", "grants"))
def test_grant(case):
    run_id, role = unhex(case["run_id"]), case["role"]
    secrets = {int(e): unhex(s) for e, s in case["secrets"].items()}
    ephemeral = sst1.derive_key_pair(unhex(case["ikm_e"]))
    grant = sst1.make_grant(unhex(case["pk"]), run_id, role, secrets, ephemeral, unhex(case["random32"]))
    assert grant["enc"].hex() == case["enc"] and pb.encode("Grant", grant).hex() == case["grant"]
    sk = sst1.X25519PrivateKey.from_private_bytes(unhex(case["sk"]))
    assert sst1.open_grant(sk, run_id, role, grant) == secrets


@pytest.mark.parametrize("case", cases("grant.json", "must_fail"))
def test_grant_refused(case):
    sk = sst1.X25519PrivateKey.from_private_bytes(unhex(case["sk"]))
    with pytest.raises(Refused):
        grant = sst1.parse("Grant", unhex(case["grant"]))
        sst1.open_grant(sk, unhex(case["run_id"]), grant["role"], grant)


@pytest.mark.parametrize("case", cases("state.json", "states"))
def test_state(case):
    unit, length = unhex(case["content_unit"]), case["content_length"]
    content = (unit * (length // max(1, len(unit)) + 1))[:length]
    values = {"content_type": case["content_type"], "content": content, "annotations": case["annotations"], "salt": unhex(case["salt"])}
    assert H(pb.encode("AgentState", values)).hex() == case["agent_state_sha256"]
    header = sst1.parse("StateHeader", unhex(case["header"]))
    secret = unhex(case["secret"])
    state = sst1.seal_state(secret, header["run"], header["edge"], values, header["parents"], case["requested_class"], header["kind"],
                            unhex(case["random32"]))
    parsed = State(state)
    assert parsed.header.hex() == case["header"] and parsed.size_class == case["size_class"]
    assert parsed.digest.hex() == case["digest"] and sst1.commit_of(values).hex() == case["commit"]
    assert case["state"] in (None, state.hex())
    assert sst1.open_state(secret, parsed, case["requested_class"]) == values


@pytest.mark.parametrize("case", cases("state.json", "must_fail"))
def test_state_refused(case):
    with pytest.raises(Refused):
        state = State(unhex(case["state"]))
        sst1.require(state.run == unhex(case["run_id"]) and state.edge == case["edge"], "run or edge")
        sst1.open_state(unhex(case["secret"]), state, case["edge_class"])


@pytest.mark.parametrize("case", cases("commit.json", "cases"))
def test_commit(case):
    values = sst1.parse_agent_state(unhex(case["agent_state"]))
    assert sst1.commit_of(values).hex() == case["commit"]


@pytest.mark.parametrize("case", cases("commit.json", "salts"))
def test_commit_salt(case):
    got = sst1.agent_state_salt(unhex(case["secret"]), unhex(case["run_id"]), case["edge"], unhex(case["content"]), unhex(case["random32"]))
    assert got.hex() == case["salt"]


def test_birth():
    birth = load("birth.json")
    manifest = Manifest(unhex(birth["manifest"]))
    pk = sst1.verify_birth(unhex(birth["cose"]), unhex(birth["ak_doc"]), manifest, birth["role"], unhex(birth["blob"]), unhex(birth["tsk"]))
    assert pk.hex() == birth["claims"]["6"]


@pytest.mark.parametrize("case", cases("birth.json", "must_fail"))
def test_birth_refused(case):
    birth = load("birth.json")
    with pytest.raises(Refused):
        sst1.verify_birth(unhex(case["cert"]), unhex(case["ak_doc"]), Manifest(unhex(birth["manifest"])), birth["role"], unhex(case["blob"]),
                          unhex(case["tsk"]))


def test_receipts():
    objects, receipts = load("objects.json"), load("receipt.json")
    manifest = Manifest(unhex(objects["manifest"]["bytes"]))
    plan = Plan(unhex(objects["plan"]["bytes"]), manifest)
    header = TicketHeader(unhex(objects["ticket_header"]["bytes"]))
    for case in receipts["receipts"]:
        doc = unhex(case["ak_doc"])
        claims = sst1.verify_receipt(unhex(case["cose"]), {H(sst1.ctx("ak-doc", doc)): doc}, manifest, plan, header, sst1.DATA)
        assert claims[3] == case["step"] and cose.dumps(claims).hex() == case["payload"]


@pytest.mark.parametrize("case", cases("manifests.json", "valid"))
def test_manifest(case):
    Manifest(unhex(case["manifest"]))


@pytest.mark.parametrize("case", cases("manifests.json", "invalid"))
def test_manifest_refused(case):
    with pytest.raises(Refused):
        Manifest(unhex(case["manifest"]))


@pytest.mark.parametrize("case", cases("plans.json", "valid"))
def test_plan(case):
    Plan(unhex(case["plan"]), Manifest(unhex(load("plans.json")["manifest"])))


@pytest.mark.parametrize("case", cases("plans.json", "invalid"))
def test_plan_refused(case):
    with pytest.raises(Refused):
        Plan(unhex(case["plan"]), Manifest(unhex(load("plans.json")["manifest"])))


@pytest.mark.parametrize("case", cases("protobuf.json", "canonical"))
def test_canonical(case):
    data = unhex(case["bytes"])
    assert pb.encode(case["message"], pb.decode(case["message"], data)) == data


@pytest.mark.parametrize("case", cases("protobuf.json", "refused"))
def test_not_canonical(case):
    with pytest.raises(pb.NotCanonical):
        pb.decode(case["message"], unhex(case["bytes"]))


@pytest.mark.parametrize("case", cases("lock.json", "cases"))
def test_lock(case):
    def check():
        manifest = Manifest(unhex(case["manifest"]))
        measurement = manifest.roles.get(case["role"], {"measurements": [{}]})["measurements"][0]
        pcrs = {0: unhex(case["pcr0"]), **{i: measurement.get(f"pcr{i}") for i in (1, 2, 8)}}
        extend = sst1.check_lock(unhex(case["manifest"]), case["role"], pcrs, unhex(case["root_sha256"]), case["now_ms"])
        assert extend.hex() == case["extend"] and hashlib.sha384(bytes(48) + extend).hexdigest() == case["pcr16"]
    expect(case, check)


@pytest.mark.parametrize("case", cases("step.json", "variants"))
def test_step(case):
    value = load("step.json")
    request = {**value["request"], **case["replace"]}
    manifest = Manifest(unhex(value["manifest"]))
    sk = sst1.X25519PrivateKey.from_private_bytes(unhex(request["sk"]))
    step = {"plan": unhex(request["plan"]), "ticket": unhex(request["ticket"]), "step": request["step"],
            "inputs": [unhex(x) for x in request["inputs"]], "attempt": request["attempt"]}
    code = "OK"
    try:
        sst1.check_step(manifest, request["role"], sk, step, request["now_ms"], unhex(request["mh"]))
    except Refused as refusal:
        code = refusal.code
    assert code in case["code"].split(" or ")


@pytest.mark.parametrize("case", cases("bundle.json", "variants"))
def test_bundle(case):
    value = load("bundle.json")
    expect(case, lambda: sst1.verify_bundle(unhex(case["bundle"]), unhex(case.get("pinned_manifest", value["pinned_manifest"]))))


def test_bundle_keys():
    value = load("bundle.json")
    _, keys = sst1.verify_bundle(unhex(value["bundle"]), unhex(value["pinned_manifest"]))
    assert {str(r): k.hex() for r, k in keys.items()} == value["pk"]


@pytest.mark.parametrize("case", cases("bundle.json", "pins"))
def test_pins(case):
    expect(case, lambda: sst1.check_pin([Manifest(unhex(m)) for m in case["known"]], Manifest(unhex(case["manifest"]))))


@pytest.mark.parametrize("case", cases("failure.json", "variants"))
def test_failure(case):
    value = load("failure.json")
    manifest = Manifest(unhex(value["manifest"]))
    plan, header = Plan(unhex(value["plan"]), manifest), TicketHeader(unhex(value["ticket_header"]))

    def check(secret):
        sst1.verify_failure(manifest, plan, header, unhex(case["ak_doc"]), unhex(case["receipt"]), unhex(case["state"]), secret)
    expect(case, lambda: check(unhex(case["secret"])))
    if case["needs_secrets"]:
        check(None)


@pytest.mark.parametrize("case", cases("run.json", "variants") + cases("evidence.json", "variants"))
def test_run(case):
    secrets = {int(e): unhex(s) for e, s in case.get("secrets", {}).items()} or None
    result = []

    def check(with_secrets):
        result[:] = sst1.verify_run(unhex(case["evidence"]), unhex(case["pinned_manifest"]), with_secrets)
    expect(case, lambda: check(secrets))
    if secrets:
        check(None)  # only a holder of the secrets can see the fault
    if case["expect"] == "accept" and "unbound_edges" in case:
        assert result[1] == case["unbound_edges"] and result[0].hex() == case["run_id"]


@pytest.mark.parametrize("case", cases("run.json", "variants") + cases("evidence.json", "variants"))
def test_cmaw_verify_decides_a_run(case, tmp_path):
    """The program has no secrets: what only their holder can see is accepted by it."""
    file = tmp_path / "run.evidence"
    file.write_bytes(unhex(case["evidence"]))
    result = subprocess.run([ROOT / "build" / "client" / "cmaw-verify", file, "--manifest-hash", case["pinned_manifest"]], capture_output=True, text=True)
    assert result.returncode == (0 if case["expect"] == "accept" or case.get("secrets") else 1), result.stdout + result.stderr


NITRO = sorted((VECTORS / "nitro").rglob("*.cose"))


@pytest.mark.parametrize("path", NITRO, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_nitro_documents(path):
    root = hashlib.sha256((VECTORS / "nitro/root/AWS_NitroEnclaves_Root-G1.der").read_bytes()).digest()
    if path.parent.name == "bad":
        with pytest.raises(cose.Malformed):
            cose.Document(path.read_bytes(), root)
    else:
        document = cose.Document(path.read_bytes(), root)
        assert all(any(document.pcrs[i]) for i in (0, 1, 2)) == (path.parent.name == "good")
