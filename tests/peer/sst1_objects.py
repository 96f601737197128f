"""SST/1 in Python, sections 4 and 5 of PROTOCOL.md and the client's part of a run: messages, keys, states, grants. See sst1.py."""
import hashlib
import os
import re

import cose
import pb
from sst1_crypto import (CLASS_SIZES, DATA, FAILURE, H, LIMITS, NAME, SUM_MAX, Refused, ctx, derive_key_pair, form, hpke_export, hpke_receive,
                         hpke_send, kdf, lp, mac, open_sealed, require, seal, sealed_size)

# section 4: objects

def parse(message, data):
    form(len(data) <= LIMITS.get(message, 1 << 30), f"{message} too large")
    try:
        return pb.decode(message, data)
    except pb.NotCanonical as error:
        raise Refused("BAD_REQUEST", f"not canonical: {error}") from None


class Manifest:
    document_type = cose.Document  # of its enclaves; another one where QEMU's documents are taken
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
