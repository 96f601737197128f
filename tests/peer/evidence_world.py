"""Runs that never happened, with every signature that their evidence needs: an attestation authority, enclaves, a plan, receipts, states,
disclosures. Everything is made by the peer, nothing by the C."""
import datetime
import hashlib
import os

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

import cose
import pb
import sst1
from sst1 import H, Manifest, Plan, Run, State, commit_of, ctx

NOW_MS = 1780000000000
HOUR_MS = 3600 * 1000
DOCUMENT_HEADER = bytes.fromhex("a1013822")  # {1: -35}


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """root, regional, zonal, instance, as the platform's; an enclave has a leaf of its own."""

    def __init__(self, levels=("root", "region", "zone", "instance")):
        self.bundle, self.key, self.subject = [], None, None
        for depth, level in enumerate(levels):
            key = ec.generate_private_key(ec.SECP384R1())
            self.bundle.append(self._issue(level, key, len(levels) - 1 - depth))
            self.key, self.subject = key, level
        self.root = hashlib.sha256(self.bundle[0]).digest()

    def _issue(self, subject, key, path_length):
        now = datetime.datetime.fromtimestamp(NOW_MS / 1000, datetime.timezone.utc)
        hours = datetime.timedelta(hours=3)
        authority = path_length is not None
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False)
        builder = (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(self.subject or subject)).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - hours).not_valid_after(now + hours)
                   .add_extension(x509.BasicConstraints(authority, path_length), True)
                   .add_extension(x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage), True))
        return builder.sign(self.key or key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)

    def enclave(self, manifest, role, pcrs):
        return Enclave(self, manifest, role, pcrs)

    def sign_document(self, fields):
        key = ec.generate_private_key(ec.SECP384R1())
        payload = cbor2.dumps({**fields, "certificate": self._issue("leaf " + os.urandom(4).hex(), key, None), "cabundle": self.bundle})
        r, s = decode_dss_signature(key.sign(cose.sig_structure(DOCUMENT_HEADER, payload), ec.ECDSA(hashes.SHA384())))
        return cose.dumps([DOCUMENT_HEADER, {}, payload, r.to_bytes(48, "big") + s.to_bytes(48, "big")])


class Enclave:
    def __init__(self, authority, manifest, role, pcrs):
        self.manifest, self.role, self.key = manifest, role, ec.generate_private_key(ec.SECP256R1())
        self.doc = authority.sign_document({
            "module_id": "i-0123456789abcdef0-enc0123456789abcdef", "digest": "SHA384", "timestamp": NOW_MS,
            "pcrs": {**{i: bytes(48) for i in range(16)}, **pcrs, 16: sst1.pcr16(manifest.mh, role)},
            "public_key": sst1.spki(self.key), "user_data": H(ctx("ak", manifest.mh, role)), "nonce": None})

    def receipt(self, run, step, inputs, outputs):
        claims = {1: 1, 2: run.run_id, 3: step["id"], 4: self.role, 5: 1, 6: inputs, 7: outputs, 8: NOW_MS + 10, 9: NOW_MS + 20,
                  10: H(ctx("ak-doc", self.doc)), 11: sst1.DATA}
        protected = {1: -7, 3: "application/vnd.cmaw.receipt+cbor", 4: H(sst1.spki(self.key)), **sst1.receipt_extra(self.manifest, self.role, run.run_id)}
        return cose.sign(self.key, protected, claims)


def pcrs_of(role):
    return {i: bytes([16 * role + i]) * 48 for i in (0, 1, 2)}


def make_manifest(authority, roles=("reader", "writer", "judge")):
    return Manifest(pb.encode("Manifest", {
        "version": 1, "tenant": "acme", "serial": 1, "epoch": 1, "attestation_root": authority.root,
        "roles": [{"id": i, "name": name, "measurements": [{f"pcr{n}": v for n, v in pcrs_of(i).items()}],
                   "kms_key_arn": f"arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-{i:012}"} for i, name in enumerate(roles, 1)],
        "not_before_ms": NOW_MS - HOUR_MS, "not_after_ms": NOW_MS + HOUR_MS}))


def chain(manifest, steps):
    """client -> step 1 -> … -> client, the roles in turn."""
    edges = [{"id": i + 1, "from": i, "to": (i + 1) % (steps + 1), "name": f"e{i + 1}", "size_class": 1} for i in range(steps + 1)]
    return Plan(pb.encode("Plan", {
        "version": 1, "name": "test", "manifest": manifest.mh, "edges": edges,
        "steps": [{"id": i, "name": f"s{i}", "role": (i - 1) % len(manifest.roles) + 1, "timeout_s": 60, "max_attempts": 3} for i in range(1, steps + 1)]}), manifest)


def evidence(authority, steps, with_states=(), disclosed=(), enclave_per_step=True, said=b"what edge %d carried"):
    """(manifest hash, evidence bytes) of a chain of that many steps; every step has a document of its own, or every role has one."""
    manifest = make_manifest(authority)
    plan = chain(manifest, steps)
    run = Run(manifest, plan, {role: sst1.raw_public(sst1.role_key(os.urandom(32), manifest.mh, role)) for role in manifest.roles}, NOW_MS + HOUR_MS // 2)
    contents = {e["id"]: run.agent_state(e["id"], said % e["id"], annotations=[{"key": "from", "value": "test"}]) for e in plan.edges}
    states, entries = {}, {}
    for edge in plan.edges:
        parents = [entries[e["id"]][1] for e in plan.ins(edge["from"])] if edge["from"] else []
        states[edge["id"]] = sst1.seal_state(run.secrets[edge["id"]], run.run_id, edge["id"], contents[edge["id"]], parents, 1)
        entries[edge["id"]] = [edge["id"], State(states[edge["id"]]).digest, commit_of(contents[edge["id"]])]
    enclaves, docs, receipts = {}, [], []
    for step in plan.steps:
        key = step["id"] if enclave_per_step else step["role"]
        if key not in enclaves:
            enclaves[key] = authority.enclave(manifest, step["role"], pcrs_of(step["role"]))
            docs.append(enclaves[key].doc)
        receipts.append(enclaves[key].receipt(run, step, [entries[e["id"]] for e in plan.ins(step["id"])], [entries[e["id"]] for e in plan.outs(step["id"])]))
    return manifest.mh, pb.encode("Evidence", {
        "manifest": manifest.bytes, "plan": plan.bytes, "ticket_header": run.header.bytes, "ak_docs": docs, "receipts": receipts,
        "states": [states[e] for e in with_states],
        "disclosures": [{"edge": e, "agent_state": pb.encode("AgentState", contents[e])} for e in disclosed]})
