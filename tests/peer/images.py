"""Images that cmaw-image builds, and who signs them."""
import datetime
import json
import pathlib
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oci import ELF, IMAGE

ROOT = pathlib.Path(__file__).resolve().parents[2]
DAY = datetime.timedelta(days=1)


class Signer:
    """A key and its own certificate, as files; dates in days from now."""

    def __init__(self, where, form=serialization.PrivateFormat.PKCS8, before=-1, after=30, curve=ec.SECP384R1, passphrase=None):
        where.mkdir(exist_ok=True)
        key, now = ec.generate_private_key(curve()), datetime.datetime.now(datetime.timezone.utc)
        name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Beispiel é AG"),
                          x509.NameAttribute(NameOID.COMMON_NAME, "signer of images")])
        certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
                       .not_valid_before(now + before * DAY).not_valid_after(now + after * DAY).sign(key, hashes.SHA384()))
        self.key, self.certificate = where / "key.pem", where / "certificate.pem"
        lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        self.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, lock))
        self.key.chmod(0o600)
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.der = certificate.public_bytes(serialization.Encoding.DER)
        self.options = ("--sign-key", self.key, "--sign-certificate", self.certificate)


def described(path):
    return json.loads(subprocess.run([IMAGE, "describe", path], capture_output=True, text=True, check=True, timeout=180).stdout)


def build(where, *options, more=""):
    """x.eif in the folder; returns how cmaw-image ended."""
    (where / "elf").write_bytes(ELF)
    (where / "kernel").write_bytes(bytes(0x202) + b"HdrS" + bytes(1001))
    (where / "roots.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (where / "root.der").write_bytes(b"\x30\x03\x02\x01\x05")
    (where / "image.yaml").write_text("version: 1\nname: x\nagent:\n  io: raw\n  command: [/a]\n  files: [{source: elf, target: /a, mode: \"0755\"}]\n"
                                      "init: elf\nkms: {roots: roots.pem}\nattestation: {root: root.der}\n" + more)
    return subprocess.run([IMAGE, "build", where / "image.yaml", "-o", where / "x.eif", *options], capture_output=True, text=True, timeout=180)
