"""Makes attestation documents that the simulated module would not: with its own keys out of devd.db, so that only what a case
changes is wrong; and those of QEMU's nitro-enclave machine."""
import contextlib
import datetime
import sqlite3
import time

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

import devd as world

ORDER = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973
ES384 = cbor2.dumps({1: -35})


def der(key):
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Forger:
    def __init__(self, devd, enclave, public_key):
        self.fields = world.split_document(enclave.attest(public_key=public_key))[1]
        module = self.fields["module_id"].split("-enc")[0]
        with contextlib.closing(sqlite3.connect(f"file:{devd.folder}/devd.db?mode=ro", uri=True)) as db:
            keys = dict(db.execute("SELECT name, key FROM certificate"))
        self.leaf_key = serialization.load_der_private_key(keys[f"leaf:{enclave.token}"], None)
        self.instance_key = serialization.load_der_private_key(keys[f"instance:{module}"], None)

    def sign(self, payload, protected=ES384, key=None):
        signed = cbor2.dumps(["Signature1", protected, b"", payload])
        r, s = utils.decode_dss_signature((key or self.leaf_key).sign(signed, ec.ECDSA(hashes.SHA384())))
        return r, s

    def document(self, changes=None, payload=None, protected=ES384, unprotected=None, signature=None, key=None, prefix=b""):
        """changes replaces members of the payload (None: null, ...: absent); signature is made of (r, s)."""
        if payload is None:
            fields = {name: value for name, value in {**self.fields, **(changes or {})}.items() if value is not ...}
            payload = cbor2.dumps(fields)
        r, s = self.sign(payload, protected, key)
        raw = r.to_bytes(48, "big") + s.to_bytes(48, "big") if signature is None else signature(r, s)
        return prefix + cbor2.dumps([protected, unprotected or {}, payload, raw])

    def leaf(self, key=None, issuer_key=None, not_before=-60, not_after=3600, ca=False, usage=True, extra=None, issuer=None):
        """A leaf certificate by the instance's key; times are seconds from now."""
        key = key or self.leaf_key
        now = datetime.datetime.now(datetime.timezone.utc)
        above = x509.load_der_x509_certificate(self.fields["cabundle"][-1])
        names = dict.fromkeys(["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
                               "encipher_only", "decipher_only"], False)
        builder = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "forged")]))
                   .issuer_name(issuer or above.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(seconds=not_before)).not_valid_after(now + datetime.timedelta(seconds=not_after))
                   .add_extension(x509.BasicConstraints(ca, None), True)
                   .add_extension(x509.KeyUsage(digital_signature=usage, **(names | {"crl_sign": not usage})), False))
        if extra is not None:
            builder = builder.add_extension(*extra)
        return builder.sign(issuer_key or self.instance_key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


def qemu_document(public_key, image="good", registers=None, protected=b"\xa1\x01\x20", signature=bytes(64), age_s=0, **changes):
    """What hw/virtio/virtio-nsm.c of QEMU writes: whole seconds, 16 locked registers, zeros for everything that is signed."""
    pcrs = {index: bytes(48) for index in range(16)}
    pcrs |= {index: world.pcr(image + str(index)) for index in (0, 1, 2)}
    fields = {"module_id": "i-234-enc5678", "digest": "SHA384", "timestamp": (int(time.time()) - age_s) * 1000, "pcrs": pcrs | (registers or {}),
              "certificate": bytes(64), "cabundle": [bytes(64)], "public_key": public_key, "user_data": None, "nonce": None}
    fields = {name: value for name, value in {**fields, **changes}.items() if value is not ...}
    return cbor2.dumps([protected, {}, cbor2.dumps(fields), signature])
