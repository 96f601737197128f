"""SST/1 in Python, sections 2 and 3 of PROTOCOL.md and HPKE: hashes, sealed contents, grants' keys. See sst1.py."""
import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

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
