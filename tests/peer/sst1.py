"""SST/1 in Python, written from PROTOCOL.md: an independent peer of the C. Section numbers are that text's.

Everything that refuses raises Refused with the code of section 8 that an enclave would answer."""
import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

import cose
import pb

CODES = ["UNSPECIFIED", "OK", "NOT_READY", "BUSY", "BAD_REQUEST", "DENIED", "EXPIRED", "TOO_LARGE", "AGENT_FAILED", "AGENT_TIMEOUT",
         "KMS_UNAVAILABLE", "INTERNAL"]
CLASS_SIZES = {1: 1024, 2: 4096, 3: 16384, 4: 65536, 5: 262144, 6: 1 << 20, 7: 1835008}
SUM_MAX = 1900000
CHUNK = 16384
LIMITS = {"Manifest": 16 << 10, "Plan": 16 << 10, "TicketHeader": 32 << 10, "Ticket": 64 << 10, "StateHeader": 16 << 10,
          "Bundle": 4 << 20, "Evidence": 256 << 20}
NAME = re.compile(r"[a-z0-9_-]{1,64}")
DATA, FAILURE = 1, 2
FAILURE_TYPE = "application/vnd.cmaw.failure"


class Refused(Exception):
    def __init__(self, code, why):
        super().__init__(f"{code}: {why}")
        self.code, self.why = code, why


def require(holds, why, code="DENIED"):
    if not holds:
        raise Refused(code, why)


def form(holds, why):
    require(holds, why, "BAD_REQUEST")


# section 2

def H(data):
    return hashlib.sha256(data).digest()


def lp(data):
    return len(data).to_bytes(4, "big") + data


def ctx(label, *fields):
    out = b"SST/1\0" + label.encode() + b"\0"
    for field in fields:
        if isinstance(field, int):
            field = field.to_bytes(8, "big")
        out += lp(field.encode() if isinstance(field, str) else field)
    return out


def kdf(secret, label, *fields, length=32):
    return HKDF(hashes.SHA256(), length, b"", ctx(label, *fields)).derive(secret)


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


# section 3

def seal_keys(key, context, salt):
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    okm = HKDFExpand(hashes.SHA512(), 76, info).derive(key)
    return okm[:32], okm[32:44], okm[44:]


def nonce_of(base, index):
    return bytes(a ^ b for a, b in zip(base, index.to_bytes(12, "big")))


def hedged_salt(key, context, random32, digest):
    return mac(kdf(key, "salt"), random32 + digest + context)[:24]


def seal(key, context, plaintext, random32=None, digest=None):
    salt = hedged_salt(key, context, random32 or os.urandom(32), H(plaintext) if digest is None else digest)
    aead_key, base, commitment = seal_keys(key, context, salt)
    out = salt + commitment
    for index in range(len(plaintext) // CHUNK + 1):
        out += AESGCM(aead_key).encrypt(nonce_of(base, index), plaintext[index * CHUNK:(index + 1) * CHUNK], None)
    return out


def open_sealed(key, context, sealed):
    require(len(sealed) >= 56 + 16, "sealed too short")
    aead_key, base, commitment = seal_keys(key, context, sealed[:24])
    require(hmac.compare_digest(commitment, sealed[24:56]), "commitment")
    body, out, index = sealed[56:], b"", 0
    while True:
        chunk, body = body[:CHUNK + 16], body[CHUNK + 16:]
        last = len(chunk) < CHUNK + 16
        try:
            out += AESGCM(aead_key).decrypt(nonce_of(base, index), chunk, None)
        except (InvalidTag, ValueError):
            raise Refused("DENIED", "tag") from None
        if last:
            return out
        index += 1


def sealed_size(size):
    return 56 + size + 16 * (size // CHUNK + 1)


# HPKE, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, export-only, base mode

KEM_SUITE = b"KEM" + (0x20).to_bytes(2, "big")
HPKE_SUITE = b"HPKE" + bytes.fromhex("00200001ffff")


def _extract(suite, salt, label, ikm):
    return mac(salt or bytes(32), b"HPKE-v1" + suite + label + ikm)


def _expand(suite, prk, label, info, length):
    return HKDFExpand(hashes.SHA256(), length, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info).derive(prk)


def derive_key_pair(ikm):
    prk = _extract(KEM_SUITE, b"", b"dkp_prk", ikm)
    return X25519PrivateKey.from_private_bytes(_expand(KEM_SUITE, prk, b"sk", b"", 32))


def raw_public(key):
    return key.public_key().public_bytes_raw()


def _shared(dh, enc, pk):
    prk = _extract(KEM_SUITE, b"", b"eae_prk", dh)
    return _expand(KEM_SUITE, prk, b"shared_secret", enc + pk, 32)


def _exporter(shared, info):
    context = b"\0" + _extract(HPKE_SUITE, b"", b"psk_id_hash", b"") + _extract(HPKE_SUITE, b"", b"info_hash", info)
    return _expand(HPKE_SUITE, _extract(HPKE_SUITE, shared, b"secret", b""), b"exp", context, 32)


def hpke_send(pk, info, ephemeral=None):
    ephemeral = ephemeral or X25519PrivateKey.generate()
    enc = raw_public(ephemeral)
    try:
        dh = ephemeral.exchange(X25519PublicKey.from_public_bytes(pk))
    except ValueError:
        raise Refused("DENIED", "all-zero shared secret") from None
    return enc, _exporter(_shared(dh, enc, pk), info)


def hpke_receive(sk, enc, info):
    require(len(enc) == 32, "enc length")
    try:
        dh = sk.exchange(X25519PublicKey.from_public_bytes(enc))
    except ValueError:
        raise Refused("DENIED", "all-zero shared secret") from None
    return _exporter(_shared(dh, enc, raw_public(sk)), info)


def hpke_export(exporter_secret, context, length):
    return _expand(HPKE_SUITE, exporter_secret, b"sec", context, length)


# section 4: objects

def parse(message, data):
    form(len(data) <= LIMITS.get(message, 1 << 30), f"{message} too large")
    try:
        return pb.decode(message, data)
    except pb.NotCanonical as error:
        raise Refused("BAD_REQUEST", f"not canonical: {error}") from None


class Manifest:
    ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

    def __init__(self, data):
        self.bytes, self.mh = data, H(ctx("manifest", data))
        value = parse("Manifest", data)
        form(value["version"] == 1, "version")
        form(re.fullmatch(r"[a-z0-9-]{1,64}", value["tenant"]), "tenant")
        form(value["serial"] >= 1 and value["epoch"] >= 1, "serial, epoch")
        form(len(value["attestation_root"]) == 32, "attestation_root")
        form(value["not_before_ms"] < value["not_after_ms"], "validity")
        self.tenant, self.serial, self.epoch, self.root = value["tenant"], value["serial"], value["epoch"], value["attestation_root"]
        self.not_before_ms, self.not_after_ms = value["not_before_ms"], value["not_after_ms"]
        ids = [role["id"] for role in value["roles"]]
        form(1 <= len(ids) <= 32 and ids == sorted(set(ids)) and ids[0] >= 1, "roles")
        form(len({role["name"] for role in value["roles"]}) == len(ids), "role names")
        for role in value["roles"]:
            self._role(role)
        self.roles = {role["id"]: role for role in value["roles"]}

    def _role(self, role):
        form(NAME.fullmatch(role["name"]), "role name")
        form(1 <= len(role["measurements"]) <= 16, "measurements")
        form(len(role["kms_key_arn"]) <= 128 and self.ARN.fullmatch(role["kms_key_arn"]), "kms_key_arn")
        for measurement in role["measurements"]:
            form(len(measurement["pcr0"]) == 48, "pcr0")
            form(all(len(m) in (0, 48) and (not m or any(m)) for m in measurement.values()), "measurement")

    def valid_at(self, ms):
        return self.not_before_ms <= ms < self.not_after_ms


def measured_as(role, pcrs):
    """pcrs: {0: …, 1: …, 2: …, 8: …}"""
    return any(all(not m[f"pcr{i}"] or m[f"pcr{i}"] == pcrs.get(i) for i in (0, 1, 2, 8)) for m in role["measurements"])


def role_lock_data(mh, role):
    return ctx("role-lock", mh, role)


def pcr16(mh, role):
    return hashlib.sha384(bytes(48) + role_lock_data(mh, role)).digest()


class Plan:
    def __init__(self, data, manifest):
        self.bytes, self.ph = data, H(ctx("plan", data))
        value = parse("Plan", data)
        self.name, self.manifest, self.steps, self.edges = value["name"], value["manifest"], value["steps"], value["edges"]
        form(value["version"] == 1 and len(self.manifest) == 32 and NAME.fullmatch(self.name), "plan")
        form(1 <= len(self.steps) <= 64 and [s["id"] for s in self.steps] == list(range(1, len(self.steps) + 1)), "steps")
        form(1 <= len(self.edges) <= 256 and [e["id"] for e in self.edges] == list(range(1, len(self.edges) + 1)), "edges")
        form(len({s["name"] for s in self.steps}) == len(self.steps), "step names")
        for step in self.steps:
            form(NAME.fullmatch(step["name"]) and 1 <= step["timeout_s"] <= 86400 and 1 <= step["max_attempts"] <= 100, "step")
            form(step["role"] in manifest.roles, "role")
        for edge in self.edges:
            form(NAME.fullmatch(edge["name"]) and edge["size_class"] <= 7, "edge")
            form(edge["from"] <= len(self.steps) and edge["to"] <= len(self.steps) and edge["from"] != edge["to"], "ends")
        self._graph()

    def _graph(self):
        for end in range(len(self.steps) + 1):
            for side in (self.ins(end), self.outs(end)):
                form(len({e["name"] for e in side}) == len(side), "edge names")
                form(side, "an end without edges")
                form(sum(sealed_size(CLASS_SIZES[e["size_class"]]) for e in side if e["size_class"]) <= SUM_MAX, "sums")
        done = set()
        while True:
            ready = {s["id"] for s in self.steps if s["id"] not in done and all(e["from"] in done | {0} for e in self.ins(s["id"]))}
            if not ready:
                break
            done |= ready
        form(len(done) == len(self.steps), "cycle")

    def ins(self, step):
        return [e for e in self.edges if e["to"] == step]

    def outs(self, step):
        return [e for e in self.edges if e["from"] == step]

    def step(self, number):
        return self.steps[number - 1] if 1 <= number <= len(self.steps) else None

    def edge(self, number):
        return self.edges[number - 1] if 1 <= number <= len(self.edges) else None

    def role_edges(self, role):
        own = {s["id"] for s in self.steps if s["role"] == role}
        return [e["id"] for e in self.edges if e["from"] in own or e["to"] in own]

    def roles(self):
        return sorted({s["role"] for s in self.steps})


class TicketHeader:
    def __init__(self, data):
        self.bytes, self.run_id = data, H(ctx("run", data))
        value = parse("TicketHeader", data)
        self.manifest, self.plan, self.expires_ms = value["manifest"], value["plan"], value["expires_ms"]
        self.nonce, self.commits = value["nonce"], value["edge_commits"]
        form(value["version"] == 1 and len(self.manifest) == 32 and len(self.plan) == 32 and len(self.nonce) == 32, "ticket header")
        form(1 <= len(self.commits) <= 256 and all(len(c) == 32 for c in self.commits), "edge_commits")

    def check(self, manifest, plan):
        """Section 7 point 3 and section 9, what both say of it."""
        require(plan.manifest == self.manifest == manifest.mh, "another manifest")
        require(self.plan == plan.ph, "another plan")
        require(len(self.commits) == len(plan.edges), "number of commits")
        require(self.expires_ms <= manifest.not_after_ms, "expires after the manifest")


def workflow_id(run_id):
    return "cmaw-" + run_id[:20].hex()


def parse_ticket(data, plan):
    value = parse("Ticket", data)
    header = TicketHeader(value["header"])
    form([g["role"] for g in value["grants"]] == plan.roles(), "grants")
    form(all(len(g["enc"]) == 32 for g in value["grants"]), "enc")
    return header, {g["role"]: g for g in value["grants"]}


class State:
    def __init__(self, data):
        self.bytes = data
        value = parse("State", data)
        self.header, self.ciphertext = value["header"], value["ciphertext"]
        header = parse("StateHeader", self.header)
        self.run, self.edge, self.kind = header["run"], header["edge"], header["kind"]
        self.parents, self.size_class = header["parents"], header["size_class"]
        form(header["version"] == 1 and len(self.run) == 32 and self.kind in (DATA, FAILURE), "state header")
        form(self.edge >= 1 and 1 <= self.size_class <= 7 and all(len(p) == 32 for p in self.parents), "state header")
        self.digest = H(ctx("state", self.header, self.ciphertext))


def parse_agent_state(data):
    try:
        value = pb.decode("AgentState", data)
    except pb.NotCanonical as error:
        raise Refused("DENIED", f"agent state: {error}") from None
    require(re.fullmatch(r"[ -~]{0,128}", value["content_type"]), "content_type")
    require(len(value["salt"]) == 32 and len(value["annotations"]) <= 32, "agent state")
    require(len({a["key"] for a in value["annotations"]}) == len(value["annotations"]), "annotation keys")
    for annotation in value["annotations"]:
        require(re.fullmatch(r"[a-z0-9_.-]{1,64}", annotation["key"]) and len(annotation["value"].encode()) <= 1024, "annotation")
    return value


def commit_of(agent_state):
    annotations = [text for a in agent_state["annotations"] for text in (a["key"], a["value"])]
    return H(ctx("commit", agent_state["salt"], agent_state["content_type"], agent_state["content"], len(agent_state["annotations"]), *annotations))


# section 5: keys

def tsk_commit(tsk, mh, role):
    return kdf(tsk, "tsk-commit", mh, role)


def role_key(tsk, mh, role):
    return derive_key_pair(kdf(tsk, "role-kem", mh, role))


def encryption_context(manifest, role):
    return {"sst": "1", "tenant": manifest.tenant, "role": str(role), "manifest": manifest.mh.hex()}


def edge_commit(secret, nonce, edge):
    return kdf(secret, "edge-commit", nonce, edge)


def state_key(secret, run_id, edge):
    return kdf(secret, "state-key", run_id, edge)


def make_grant(pk, run_id, role, secrets, ephemeral=None, random32=None):
    enc, exporter = hpke_send(pk, ctx("grant", run_id, role), ephemeral)
    key = hpke_export(exporter, b"SST/1 grant", 32)
    plaintext = pb.encode("GrantSecrets", {"secrets": [{"edge": e, "secret": s} for e, s in sorted(secrets.items())]})
    return {"role": role, "enc": enc, "sealed": seal(key, ctx("grant-aad", run_id, role), plaintext, random32)}


def open_grant(sk, run_id, role, grant):
    key = hpke_export(hpke_receive(sk, grant["enc"], ctx("grant", run_id, role)), b"SST/1 grant", 32)
    plaintext = open_sealed(key, ctx("grant-aad", run_id, role), grant["sealed"])
    try:
        secrets = pb.decode("GrantSecrets", plaintext)["secrets"]
    except pb.NotCanonical:
        raise Refused("DENIED", "grant secrets") from None
    edges = [s["edge"] for s in secrets]
    require(edges == sorted(set(edges)) and all(len(s["secret"]) == 32 for s in secrets), "grant secrets")
    return {s["edge"]: s["secret"] for s in secrets}


def smallest_class(agent_state_size):
    for number, size in CLASS_SIZES.items():
        if 4 + agent_state_size <= size:
            return number
    raise Refused("TOO_LARGE", "no class is large enough")


def seal_state(secret, run_id, edge, agent_state, parents=(), edge_class=0, kind=DATA, random32=None, size_class=None):
    """agent_state: dict with salt. size_class overrides what the rules give, to make what is refused."""
    plain = pb.encode("AgentState", agent_state)
    size_class = size_class or edge_class or smallest_class(len(plain))
    require(4 + len(plain) <= CLASS_SIZES[size_class], "content does not fit", "TOO_LARGE")
    padded = lp(plain) + bytes(CLASS_SIZES[size_class] - 4 - len(plain))
    header = pb.encode("StateHeader", {"version": 1, "run": run_id, "edge": edge, "kind": kind, "parents": list(parents), "size_class": size_class})
    sealed = seal(state_key(secret, run_id, edge), ctx("state-aad", header), padded, random32, commit_of(agent_state))
    return pb.encode("State", {"header": header, "ciphertext": sealed})


def agent_state_salt(secret, run_id, edge, content, random32=None):
    return mac(kdf(secret, "commit-salt", run_id, edge), (random32 or os.urandom(32)) + H(content))


def check_class(state, edge_class):
    require(edge_class in (0, state.size_class), "class of the edge")
    require(len(state.ciphertext) == sealed_size(CLASS_SIZES[state.size_class]), "ciphertext length")


def open_state(secret, state, edge_class):
    check_class(state, edge_class)
    padded = open_sealed(state_key(secret, state.run, state.edge), ctx("state-aad", state.header), state.ciphertext)
    require(len(padded) == CLASS_SIZES[state.size_class], "class size")
    size = int.from_bytes(padded[:4], "big")
    require(size <= len(padded) - 4 and not any(padded[4 + size:]), "padding")
    require(edge_class or smallest_class(size) == state.size_class, "not the smallest class")
    return parse_agent_state(padded[4:4 + size])


# the client: a run

class Run:
    """What a client makes for one run: ticket, secrets, sealed inputs."""

    def __init__(self, manifest, plan, role_keys, expires_ms, nonce=None):
        self.manifest, self.plan = manifest, plan
        self.secrets = {e["id"]: os.urandom(32) for e in plan.edges}
        nonce = nonce or os.urandom(32)
        self.header = TicketHeader(pb.encode("TicketHeader", {
            "version": 1, "manifest": manifest.mh, "plan": plan.ph, "expires_ms": expires_ms, "nonce": nonce,
            "edge_commits": [edge_commit(s, nonce, e) for e, s in sorted(self.secrets.items())]}))
        self.run_id = self.header.run_id
        grants = [make_grant(role_keys[r], self.run_id, r, {e: self.secrets[e] for e in plan.role_edges(r)}) for r in plan.roles()]
        self.ticket = pb.encode("Ticket", {"header": self.header.bytes, "grants": grants})

    def agent_state(self, edge, content, content_type="application/octet-stream", annotations=()):
        return {"content_type": content_type, "content": content, "annotations": list(annotations),
                "salt": agent_state_salt(self.secrets[edge], self.run_id, edge, content)}

    def seal(self, edge, content, parents=(), **more):
        values = self.agent_state(edge, content, more.pop("content_type", "text/plain"), more.pop("annotations", ()))
        return seal_state(self.secrets[edge], self.run_id, edge, values, parents, self.plan.edge(edge)["size_class"], **more)

    def open(self, state):
        state = State(state)
        return open_state(self.secrets[state.edge], state, self.plan.edge(state.edge)["size_class"])


# sections 6 and 9: attestation, birth

def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def attested(doc, manifest, role):
    """Section 9, attestation of a role. Returns the document and its AK."""
    require(1 <= len(doc) <= 24 << 10, "ak_doc size")
    require(role in manifest.roles, "role")
    try:
        document = cose.Document(doc, manifest.root)
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
