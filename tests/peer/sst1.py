"""SST/1 in Python, written from PROTOCOL.md: an independent peer of the C. Section numbers are that text's. All of it is had from here: what
comes before section 6 is in the two files that this one starts with.

Everything that refuses raises Refused with the code of section 8 that an enclave would answer."""
from cryptography.hazmat.primitives import serialization

import cose
from sst1_crypto import *
from sst1_objects import *

# sections 6 and 9: attestation, birth

def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def attested(doc, manifest, role):
    """Section 9, attestation of a role. Returns the document and its AK."""
    require(1 <= len(doc) <= 24 << 10, "ak_doc size")
    require(role in manifest.roles, "role")
    try:
        document = manifest.document_type(doc, manifest.root)
        key = cose.p256_spki(document.public_key)
    except cose.Malformed as error:
        raise Refused("DENIED", f"document: {error}") from None
    require(manifest.valid_at(document.timestamp), "document outside the manifest's validity")
    require(all(any(document.pcrs[i]) for i in (0, 1, 2)), "debug enclave")
    require(measured_as(manifest.roles[role], document.pcrs), "measurement")
    require(document.pcrs.get(16) == pcr16(manifest.mh, role), "role lock")
    require(document.user_data == H(ctx("ak", manifest.mh, role)), "user_data")
    return document, key


def verified_cose(data, document, key, content_type, extra):
    require(len(data) <= 64 << 10, "COSE size")
    try:
        protected, payload = cose.verify(data, key)
    except cose.Malformed as error:
        raise Refused("DENIED", f"COSE: {error}") from None
    require(same(protected, {1: -7, 3: content_type, 4: H(document.public_key), **extra}), "protected header")
    require(isinstance(payload, dict), "payload")
    return payload


def same(a, b):
    """Equality that tells True from 1."""
    return a == b and cose.dumps(a) == cose.dumps(b)


def verify_birth(cert, ak_doc, manifest, role, blob=None, tsk=None):
    document, key = attested(ak_doc, manifest, role)
    claims = verified_cose(cert, document, key, "application/vnd.cmaw.birth+cbor", {})
    require(sorted(claims) == [1, 2, 3, 4, 5, 6, 7, 8], "claims")
    require(same([claims[i] for i in (1, 2, 3, 7)], [1, manifest.mh, role, manifest.roles[role]["kms_key_arn"]]), "claims")
    require(all(isinstance(claims[i], bytes) and len(claims[i]) == 32 for i in (4, 5, 6)), "claims")
    require(type(claims[8]) is int and 0 <= claims[8] < 1 << 64 and manifest.valid_at(claims[8]), "created")
    if blob is not None:
        require(1 <= len(blob) <= 6 << 10 and claims[5] == H(ctx("blob", blob)), "blob")
    if tsk is not None:
        require(claims[4] == tsk_commit(tsk, manifest.mh, role) and claims[6] == raw_public(role_key(tsk, manifest.mh, role)), "TSK")
    return claims[6]


def make_birth(key, manifest, role, tsk, blob, created_ms):
    claims = {1: 1, 2: manifest.mh, 3: role, 4: tsk_commit(tsk, manifest.mh, role), 5: H(ctx("blob", blob)),
              6: raw_public(role_key(tsk, manifest.mh, role)), 7: manifest.roles[role]["kms_key_arn"], 8: created_ms}
    return cose.sign(key, {1: -7, 3: "application/vnd.cmaw.birth+cbor", 4: H(spki(key))}, claims)


def check_lock(manifest_bytes, role, pcrs, root_sha256, now_ms):
    """Section 6 point 1: what PCR16 is to be extended with."""
    manifest = Manifest(manifest_bytes)
    require(manifest.valid_at(now_ms), "validity", "EXPIRED")
    require(role in manifest.roles, "role")
    require(manifest.root == root_sha256, "root")
    require(measured_as(manifest.roles[role], pcrs), "measurement")
    return role_lock_data(manifest.mh, role)


def verify_bundle(data, pinned_mh):
    value = parse("Bundle", data)
    manifest = Manifest(value["manifest"])
    require(manifest.mh == pinned_mh, "pinned manifest")
    ids = [r["role"] for r in value["roles"]]
    require(ids == sorted(set(ids)) and all(i in manifest.roles for i in ids), "roles")
    return manifest, {r["role"]: verify_birth(r["birth_cert"], r["ak_doc"], manifest, r["role"], r["kms_blob"]) for r in value["roles"]}


def check_pin(known, manifest):
    """known: manifests pinned before. Section 9, "a manifest"."""
    for old in known:
        if old.tenant == manifest.tenant:
            require(manifest.serial >= old.serial and manifest.epoch >= old.epoch, "older than what is pinned")
            require(manifest.serial != old.serial or manifest.mh == old.mh, "another manifest of the same serial")


# section 7: one step

def check_step(manifest, role, sk, request, now_ms, own_mh=None):
    """Points 1 to 6. Returns the opened inputs; raises Refused with the code. own_mh: of the enclave, if not the manifest's."""
    plan = Plan(request["plan"], manifest)
    header, grants = parse_ticket(request["ticket"], plan)
    states = [State(data) for data in request["inputs"]]
    step = plan.step(request["step"])
    form(1 <= request["attempt"] <= (step["max_attempts"] if step else 100), "attempt")
    require(sum(len(s.ciphertext) for s in states) <= SUM_MAX, "inputs", "TOO_LARGE")
    require(manifest.valid_at(now_ms) and now_ms < header.expires_ms, "time", "EXPIRED")
    header.check(manifest, plan)
    require(own_mh in (None, manifest.mh), "own manifest")
    require(step is not None and step["role"] == role, "step or role")
    secrets = open_grant(sk, header.run_id, role, grants[role])
    require(sorted(secrets) == plan.role_edges(role), "edges of the grant")
    require(all(edge_commit(s, header.nonce, e) == header.commits[e - 1] for e, s in secrets.items()), "edge commitment")
    require([s.edge for s in states] == [e["id"] for e in plan.ins(step["id"])], "inputs")
    for state in states:
        producer = plan.edge(state.edge)["from"]
        require(state.run == header.run_id and state.kind == DATA, "run or kind")
        require(len(state.parents) == (len(plan.ins(producer)) if producer else 0), "parents")
    return [open_state(secrets[s.edge], s, plan.edge(s.edge)["size_class"]) for s in states]


# section 9: receipts and runs

def receipt_extra(manifest, role, run_id):
    return {15: {1: f"cmaw:{manifest.tenant}/{manifest.roles[role]['name']}", 2: run_id.hex()}}


def entries_ok(entries):
    return isinstance(entries, list) and all(
        isinstance(e, list) and len(e) == 3 and type(e[0]) is int and 1 <= e[0] < 1 << 32 and
        all(isinstance(x, bytes) and len(x) == 32 for x in e[1:]) for e in entries) and \
        [e[0] for e in entries] == sorted({e[0] for e in entries})


def claims_of_receipt(data):
    """The payload without any check of who signed it, to learn which document it names."""
    try:
        parts = cose.loads(data, strict=True)
        claims = cose.loads(parts[2], strict=True)
        require(isinstance(claims, dict) and sorted(claims) == list(range(1, 12)), "receipt claims")
        return claims
    except (cose.Malformed, TypeError, IndexError, KeyError):
        raise Refused("DENIED", "receipt form") from None


def verify_receipt(data, docs, manifest, plan, header, kind):
    """docs: {H(ctx("ak-doc", doc)): doc}. Returns the claims."""
    claims = claims_of_receipt(data)
    require(all(type(claims[i]) is int and 0 <= claims[i] < 1 << (64 if i in (8, 9) else 32) for i in (1, 3, 4, 5, 8, 9, 11)), "receipt numbers")
    require(isinstance(claims[10], bytes) and claims[10] in docs, "receipt's document")
    step = plan.step(claims[3])
    require(step is not None and claims[4] == step["role"], "receipt's step")
    document, key = attested(docs[claims[10]], manifest, step["role"])
    verified_cose(data, document, key, "application/vnd.cmaw.receipt+cbor", receipt_extra(manifest, step["role"], header.run_id))
    require(claims[1] == 1 and claims[2] == header.run_id and claims[11] == kind, "receipt")
    require(1 <= claims[5] <= step["max_attempts"], "attempt")
    require(manifest.not_before_ms <= claims[8] <= claims[9] and claims[8] < header.expires_ms, "times")
    require(document.timestamp <= claims[8] + 60000, "document after the step")
    require(entries_ok(claims[6]) and entries_ok(claims[7]), "entries")
    require([e[0] for e in claims[6]] == [e["id"] for e in plan.ins(step["id"])], "inputs")
    return claims


def verify_run(evidence, pinned_mh, secrets=None):
    """Evidence bytes against a pinned manifest hash; with the edge secrets also what only the owner sees.
    Returns (run_id, unbound client edges)."""
    value = parse("Evidence", evidence)
    manifest = Manifest(value["manifest"])
    require(manifest.mh == pinned_mh, "pinned manifest")
    plan = Plan(value["plan"], manifest)
    header = TicketHeader(value["ticket_header"])
    header.check(manifest, plan)
    for edge, secret in (secrets or {}).items():
        require(plan.edge(edge) and edge_commit(secret, header.nonce, edge) == header.commits[edge - 1], "edge secret")
    docs = {H(ctx("ak-doc", doc)): doc for doc in value["ak_docs"]}
    require(len(docs) == len(value["ak_docs"]), "a document twice")
    receipts = [verify_receipt(data, docs, manifest, plan, header, DATA) for data in value["receipts"]]
    require([c[3] for c in receipts] == [s["id"] for s in plan.steps], "one receipt for every step, in order")
    require(list(dict.fromkeys(c[10] for c in receipts)) == list(docs), "documents in order of first use, all used")
    produced, consumed = {}, {}
    for claims in receipts:
        require([e[0] for e in claims[7]] == [e["id"] for e in plan.outs(claims[3])], "outputs")
        consumed |= {e[0]: (e[1], e[2]) for e in claims[6]}
        produced |= {e[0]: (e[1], e[2]) for e in claims[7]}
    for edge in plan.edges:
        if edge["from"] and edge["to"]:
            require(produced[edge["id"]] == consumed[edge["id"]], f"edge {edge['id']}")
    bound = {**consumed, **produced}
    seen = _verify_states(value["states"], plan, header, receipts, bound, secrets)
    shown = _verify_disclosures(value["disclosures"], plan, bound)
    return header.run_id, [e["id"] for e in plan.edges if not (e["from"] and e["to"]) and e["id"] not in seen | shown]


def _verify_states(states, plan, header, receipts, bound, secrets):
    states = [State(data) for data in states]
    edges = [s.edge for s in states]
    require(edges == sorted(set(edges)) and all(plan.edge(e) for e in edges), "states ascending")
    for state in states:
        edge = plan.edge(state.edge)
        require(state.run == header.run_id and state.kind == DATA, "state")
        check_class(state, edge["size_class"])
        parents = [e[1] for e in receipts[edge["from"] - 1][6]] if edge["from"] else []
        require(state.parents == parents, "parents")
        require(state.digest == bound[state.edge][0], "digest")
        if secrets is not None:
            require(state.edge in secrets, "no secret for a state")
            require(commit_of(open_state(secrets[state.edge], state, edge["size_class"])) == bound[state.edge][1], "commit")
    return set(edges)


def _verify_disclosures(disclosures, plan, bound):
    edges = [d["edge"] for d in disclosures]
    require(edges == sorted(set(edges)) and all(plan.edge(e) for e in edges), "disclosures ascending")
    for disclosure in disclosures:
        require(commit_of(parse_agent_state(disclosure["agent_state"])) == bound[disclosure["edge"]][1], "disclosure")
    return set(edges)


def verify_failure(manifest, plan, header, ak_doc, receipt, state_bytes, secret=None):
    """A failure state with its receipt of kind 2."""
    docs = {H(ctx("ak-doc", ak_doc)): ak_doc}
    claims = verify_receipt(receipt, docs, manifest, plan, header, FAILURE)
    state = State(state_bytes)
    first = plan.outs(claims[3])[0]
    require(state.run == header.run_id and state.kind == FAILURE and state.edge == first["id"], "failure state")
    check_class(state, first["size_class"])
    require(state.parents == [e[1] for e in claims[6]], "parents")
    require(len(claims[7]) == 1 and claims[7][0][:2] == [state.edge, state.digest], "output")
    if secret is None:
        return None
    require(edge_commit(secret, header.nonce, state.edge) == header.commits[state.edge - 1], "edge secret")
    opened = open_state(secret, state, first["size_class"])
    require(commit_of(opened) == claims[7][0][2], "commit")
    require(opened["content_type"] == FAILURE_TYPE and not opened["annotations"], "failure content type")
    code, newline, error = opened["content"].partition(b"\n")
    require(code in (b"AGENT_FAILED", b"AGENT_TIMEOUT") and newline and len(error) <= 2048, "failure content")
    return opened
