"""A strict CBOR reader, COSE_Sign1 as SST/1 uses it, and Nitro attestation documents. cbor2 only writes."""
import datetime
import hashlib

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Malformed(Exception):
    pass


class Reader:
    """strict: also RFC 8949 section 4.2.1 deterministic."""

    def __init__(self, data, strict):
        self.data, self.at, self.strict = data, 0, strict

    def take(self, size):
        if size > len(self.data) - self.at:
            raise Malformed("cut off")
        self.at += size
        return self.data[self.at - size:self.at]

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info == 31 and major in (4, 5) and not self.strict:
            return major, None
        if info > 27:
            raise Malformed("additional information")
        value = int.from_bytes(self.take(1 << (info - 24)), "big")
        if self.strict and value < (24, 1 << 8, 1 << 16, 1 << 32)[info - 24]:
            raise Malformed("not shortest")
        return major, value

    def item(self, depth=0):
        if depth > 8:
            raise Malformed("depth")
        major, value = self.head()
        if major == 0:
            return value
        if major == 1:
            return -1 - value
        if major == 2:
            return self.take(value)
        if major == 3:
            try:
                return self.take(value).decode()
            except UnicodeDecodeError:
                raise Malformed("not UTF-8") from None
        if major == 4:
            return self.items(value, depth)
        if major == 5:
            return self.pairs(value, depth)
        if major == 6 and depth == 0 and value == 18 and not self.strict:
            return self.item(depth)
        if major == 7 and value in (20, 21, 22):
            return {20: False, 21: True, 22: None}[value]
        raise Malformed(f"major type {major}")

    def ends(self):
        if self.at < len(self.data) and self.data[self.at] == 0xFF:
            self.at += 1
            return True
        return False

    def items(self, count, depth):
        out = []
        while (not self.ends()) if count is None else len(out) < count:
            out.append(self.item(depth + 1))
        return out

    def pairs(self, count, depth):
        out, last, seen = {}, b"", 0
        while (not self.ends()) if count is None else seen < count:
            start = self.at
            key = self.item(depth + 1)
            raw = self.data[start:self.at]
            if not isinstance(key, (int, str)) or key in out or (self.strict and raw <= last):
                raise Malformed("map key")
            out[key] = self.item(depth + 1)
            last, seen = raw, seen + 1
        return out


def loads(data, strict=False):
    reader = Reader(data, strict)
    value = reader.item()
    if reader.at != len(data):
        raise Malformed("trailing bytes")
    return value


def dumps(value):
    return cbor2.dumps(value, canonical=True)


def sig_structure(protected, payload):
    return dumps(["Signature1", protected, b"", payload])


def sign(key, protected, payload, low_s=True):
    """COSE_Sign1, ES256, by the cryptography package; protected and payload are Python values."""
    protected, payload = dumps(protected), dumps(payload)
    r, s = decode_dss_signature(key.sign(sig_structure(protected, payload), ec.ECDSA(hashes.SHA256())))
    if (s <= P256_ORDER // 2) != low_s:
        s = P256_ORDER - s
    return dumps([protected, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")])


def verify(cose, key):
    """Protected map and payload map of one of our own COSE_Sign1; ValueError or Malformed if anything is off."""
    parts = loads(cose, strict=True)
    if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {} or not all(isinstance(parts[i], bytes) for i in (0, 2, 3)):
        raise Malformed("not a COSE_Sign1 of ours")
    if len(parts[3]) != 64:
        raise Malformed("signature length")
    r, s = int.from_bytes(parts[3][:32], "big"), int.from_bytes(parts[3][32:], "big")
    if not 1 <= r < P256_ORDER or not 1 <= s <= P256_ORDER // 2:
        raise Malformed("signature range")
    try:
        key.verify(encode_dss_signature(r, s), sig_structure(parts[0], parts[2]), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Malformed("signature") from None
    return loads(parts[0], strict=True), loads(parts[2], strict=True)


def p256_spki(der):
    """The key of an uncompressed named-curve P-256 SPKI of 91 bytes."""
    if der is None or len(der) != 91:
        raise Malformed("SPKI length")
    try:
        key = serialization.load_der_public_key(der)
    except ValueError:
        raise Malformed("SPKI") from None
    again = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1" or again != der:
        raise Malformed("SPKI")
    return key


class Document:
    """A Nitro attestation document, verified (facts/NITRO.md section 1) at its own timestamp under a pinned root."""

    BUNDLE_MIN = 2

    def __init__(self, data, root_sha256):
        parts = loads(data)
        if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {} or parts[0] != bytes.fromhex("a1013822"):
            raise Malformed("envelope")
        self._read(loads(parts[2]), len(parts[2]))
        leaf = self._chain(root_sha256)
        signature = parts[3]
        if len(signature) != 96:
            raise Malformed("document signature")
        r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
        try:
            leaf.public_key().verify(encode_dss_signature(r, s), sig_structure(parts[0], parts[2]), ec.ECDSA(hashes.SHA384()))
        except InvalidSignature:
            raise Malformed("document signature") from None

    def _read(self, fields, size):
        if not isinstance(fields, dict) or not 1 <= size <= 16384:
            raise Malformed("payload")
        self.module_id, self.timestamp = fields.get("module_id"), fields.get("timestamp")
        self.pcrs, self.certificate, self.cabundle = fields.get("pcrs"), fields.get("certificate"), fields.get("cabundle")
        if not isinstance(self.module_id, str) or "-enc" not in self.module_id or fields.get("digest") != "SHA384":
            raise Malformed("module_id or digest")
        if type(self.timestamp) is not int or self.timestamp <= 0 or not isinstance(self.pcrs, dict):
            raise Malformed("timestamp or pcrs")
        if any(type(i) is not int or not 0 <= i <= 31 or not isinstance(v, bytes) or len(v) != 48 for i, v in self.pcrs.items()):
            raise Malformed("pcrs")
        if not {0, 1, 2, 3, 4, 8} <= set(self.pcrs):
            raise Malformed("pcrs")
        if not isinstance(self.cabundle, list) or not self.BUNDLE_MIN <= len(self.cabundle) <= 8:
            raise Malformed("cabundle")
        if any(not isinstance(c, bytes) or not 1 <= len(c) <= 1024 for c in [*self.cabundle, self.certificate]):
            raise Malformed("certificates")
        for name in ("public_key", "user_data", "nonce"):
            value = fields.get(name)
            if value is not None and (not isinstance(value, bytes) or len(value) > 1024):
                raise Malformed(name)
            setattr(self, name, value)

    def _chain(self, root_sha256):
        if hashlib.sha256(self.cabundle[0]).digest() != root_sha256:
            raise Malformed("root")
        try:
            chain = [x509.load_der_x509_certificate(der) for der in [*self.cabundle, self.certificate]]
        except ValueError:
            raise Malformed("certificate") from None
        when = datetime.datetime.fromtimestamp(self.timestamp / 1000, datetime.timezone.utc)
        for depth, certificate in enumerate(chain):
            if not certificate.not_valid_before_utc <= when <= certificate.not_valid_after_utc:
                raise Malformed("validity")
            if depth:
                self._issued(chain[depth - 1], certificate)
            self._role(certificate, len(chain) - 2 - depth, depth == len(chain) - 1)
        return chain[-1]

    @staticmethod
    def _issued(issuer, certificate):
        if issuer.subject.public_bytes() != certificate.issuer.public_bytes():
            raise Malformed("issuer")
        try:
            issuer.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(certificate.signature_hash_algorithm))
        except InvalidSignature:
            raise Malformed("certificate signature") from None

    @staticmethod
    def _role(certificate, cas_below, leaf):
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp384r1":
            raise Malformed("certificate key")
        try:
            basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            raise Malformed("extensions") from None
        if any(e.critical and not isinstance(e.value, (x509.BasicConstraints, x509.KeyUsage)) for e in certificate.extensions):
            raise Malformed("critical extension")
        if leaf:
            if basic.ca or not usage.digital_signature:
                raise Malformed("leaf")
        elif not basic.ca or not usage.key_cert_sign or (basic.path_length is not None and basic.path_length < cas_below):
            raise Malformed("CA")


class UnsignedDocument(Document):
    """What QEMU's machine gives (section 1.7): exactly that form, and nothing in it is authentic."""

    BUNDLE_MIN = 1

    def __init__(self, data, _root_sha256):
        parts = loads(data)
        if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {} or parts[0] != bytes.fromhex("a10120") or parts[3] != bytes(64):
            raise Malformed("envelope")
        self._read(loads(parts[2]), len(parts[2]))
        if self.certificate != bytes(64) or self.cabundle != [bytes(64)]:
            raise Malformed("certificates")
