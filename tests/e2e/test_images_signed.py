"""Signed images, and what cmaw-image says of an image and takes out of it."""
import hashlib
import json
import os
import subprocess

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

import eif
import harness
import pages
from images import IMAGE, Signer, build, described

# nitro-cli's order, of its src/common/json_output.rs; what is ours comes after them
OF_NITRO_CLI = ["EifVersion", "Measurements", "IsSigned", "SigningCertificate", "CheckCRC", "SignatureCheck", "ImageName", "ImageVersion", "Metadata"]
OURS = ["Architecture", "SectionSizes"]
KERNEL_NONE = ("--kernel", "none")


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("signer"))


def built(where, *options, more=""):
    done = build(where, *KERNEL_NONE, *options, more=more)
    assert done.returncode == 0, done.stderr
    return (where / "x.eif").read_bytes(), json.loads(done.stdout)["Measurements"]


def refused(where, *options, more=""):
    """Hint and error of a build that makes no file."""
    done = build(where, *KERNEL_NONE, *options, more=more)
    assert done.returncode in (1, 2) and not done.stdout and not (where / "x.eif").exists(), done.stdout
    lines = [line for line in done.stderr.splitlines() if "no kernel: this image" not in line]
    assert len(lines) <= 2 and lines[0].startswith("cmaw-image: ") and all(line.startswith("hint: ") for line in lines[1:]), lines
    return done.returncode, lines[0].removeprefix("cmaw-image: ")


def test_a_signature_adds_pcr8_and_nothing_else_is_measured(signer, tmp_path):
    plain, unsigned = built(tmp_path)
    assert "PCR8" not in unsigned and described(tmp_path / "x.eif")["IsSigned"] is False
    data, signed = built(tmp_path, *signer.options)
    assert signed.pop("PCR8") == eif.sha384(eif.ZEROS + eif.sha384(signer.der)).hex() and signed == unsigned
    assert [s for s in eif.read(data) if s[0] != eif.SIGNATURE] == eif.read(plain)
    told = described(tmp_path / "x.eif")
    assert told["IsSigned"] is True and told["SignatureCheck"] is True
    assert told["SigningCertificate"]["IssuerName"] == {"countryName": "DE", "organizationName": "Beispiel é AG", "commonName": "signer of images"}
    assert told["SigningCertificate"]["Algorithm"] == "ecdsa-with-SHA384"


def test_the_keys_are_those_of_nitro_cli(signer, tmp_path):
    built(tmp_path, *signer.options)
    told = described(tmp_path / "x.eif")
    assert list(told) == OF_NITRO_CLI + OURS and list(told["Measurements"]) == ["HashAlgorithm", "PCR0", "PCR1", "PCR2", "PCR8"]
    assert list(told["SigningCertificate"]) == ["IssuerName", "Algorithm", "NotBefore", "NotAfter", "Signature"]
    assert list(told["Metadata"]) == ["BuildTime", "BuildTool", "BuildToolVersion", "OperatingSystem", "KernelVersion", "DockerInfo"]
    built(tmp_path)
    unsigned = [key for key in OF_NITRO_CLI if key not in ("SigningCertificate", "SignatureCheck")]
    assert list(described(tmp_path / "x.eif")) == unsigned + OURS


def test_the_page_is_walked_through(tmp_path):
    built(tmp_path)
    (tmp_path / "x.eif").rename(tmp_path / "claims.eif")
    path = f"{harness.program('cmaw').parent}:{os.environ['PATH']}"
    printed = pages.run("docs/sign-images.md", tmp_path, pages.environment_of(tmp_path, PATH=path))
    assert "ramdisk-1" in printed and '"SignatureCheck": true' in printed


def test_two_signed_builds_differ_in_their_signature_only(signer, tmp_path):
    one, other = (eif.read(built(tmp_path, *signer.options)[0]) for _ in range(2))
    assert one != other and [s for s in one if s[0] != eif.SIGNATURE] == [s for s in other if s[0] != eif.SIGNATURE]


def test_the_yaml_file_can_name_them_too(signer, tmp_path):
    _, by_option = built(tmp_path, *signer.options)
    for path in (signer.key, signer.certificate):
        (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / path.name).chmod(0o600)
    _, by_yaml = built(tmp_path, more="sign: {key: key.pem, certificate: certificate.pem}\n")
    assert by_yaml == by_option
    other = Signer(tmp_path / "other")
    _, overridden = built(tmp_path, *other.options, more="sign: {key: key.pem, certificate: certificate.pem}\n")
    assert overridden["PCR8"] != by_yaml["PCR8"]


def faults(where):
    """(what is wrong, options, exit code, words of the message)"""
    good, other, late, early, small, locked = (Signer(where / name, **more) for name, more in {
        "good": {}, "other": {}, "late": {"before": -30, "after": -1}, "early": {"before": 2}, "small": {"curve": ec.SECP256R1},
        "locked": {"passphrase": b"secret"}}.items())
    (where / "two.pem").write_bytes(good.certificate.read_bytes() * 2)
    (where / "none.pem").write_bytes(b"")
    (where / "text.pem").write_bytes(b"Certificate:\n" + good.certificate.read_bytes())
    yield "no certificate", ("--sign-key", good.key), 2, "there is no certificate"
    yield "no key", ("--sign-certificate", good.certificate), 2, "there is no key"
    yield "a pair that does not fit", ("--sign-key", good.key, "--sign-certificate", other.certificate), 1, "is not the one of the certificate"
    yield "expired", late.options, 1, "expired on"
    yield "not yet valid", early.options, 1, "is not valid before"
    yield "P-256", small.options, 1, "is not a private P-384 key"
    yield "P-256 certificate", ("--sign-key", good.key, "--sign-certificate", small.certificate), 1, "is not of a P-384 key"
    yield "a passphrase", locked.options, 1, "is not a private P-384 key"
    yield "a certificate as key", ("--sign-key", good.key, "--sign-certificate", good.key), 1, "is not one certificate"
    yield "a key as certificate", ("--sign-key", good.certificate, "--sign-certificate", good.certificate), 1, "others can read the signing key"
    for name in ("two", "none", "text"):
        yield name, ("--sign-key", good.key, "--sign-certificate", where / f"{name}.pem"), 1, "is not one certificate"
    yield "no such key", ("--sign-key", where / "absent", "--sign-certificate", good.certificate), 1, "absent"
    yield "no such certificate", ("--sign-key", good.key, "--sign-certificate", where / "absent"), 1, "absent"


def test_what_cannot_sign_is_named(tmp_path):
    seen = set()
    for name, options, code, words in faults(tmp_path):
        status, said = refused(tmp_path, *options)
        assert status == code and words in said, (name, said)
        seen.add(name)
    assert len(seen) == 15


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_can_read_is_not_used(tmp_path, mode):
    signer = Signer(tmp_path / "signer")
    signer.key.chmod(mode)
    status, said = refused(tmp_path, *signer.options)
    assert status == 1 and f"(mode {mode:o}): not used" in said


def section_of(signer, pcr0, alg=-35, hash_bits=384):
    """A signature section by cryptography and cbor2."""
    key = serialization.load_pem_private_key(signer.key.read_bytes(), None)
    payload, header = cbor2.dumps({"register_index": 0, "register_value": list(pcr0)}), cbor2.dumps({1: alg})
    signed = key.sign(cbor2.dumps(["Signature1", header, b"", payload]), ec.ECDSA(getattr(hashes, f"SHA{hash_bits}")()))
    raw = b"".join(n.to_bytes((key.key_size + 7) // 8, "big") for n in decode_dss_signature(signed))
    return cbor2.dumps([{"signing_certificate": list(signer.certificate.read_bytes()), "signature": list(cbor2.dumps([header, {}, payload, raw]))}])


def test_an_image_whose_certificate_has_expired_is_described_with_a_warning(signer, tmp_path):
    data, _ = built(tmp_path, *signer.options)
    late = Signer(tmp_path / "late", before=-30, after=-1)
    sections = [(kind, payload) for kind, payload in eif.read(data) if kind != eif.SIGNATURE]
    (tmp_path / "late.eif").write_bytes(eif.write(sections + [(eif.SIGNATURE, section_of(late, eif.measure(sections)[0]))]))
    done = subprocess.run([IMAGE, "describe", tmp_path / "late.eif"], capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["SignatureCheck"] is True
    assert done.stderr == "cmaw-image: the signing certificate is not valid today: nitro-cli does not start this image\n"


def test_a_signature_by_another_curve_is_not_checked_and_said_so(tmp_path):
    data, _ = built(tmp_path)
    small = Signer(tmp_path / "small", curve=ec.SECP256R1)
    sections = eif.read(data)
    section = section_of(small, eif.measure(sections)[0], alg=-7, hash_bits=256)
    (tmp_path / "small.eif").write_bytes(eif.write(sections + [(eif.SIGNATURE, section)]))
    done = subprocess.run([IMAGE, "describe", tmp_path / "small.eif"], capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["IsSigned"] is True and "SignatureCheck" not in told and "PCR8" in told["Measurements"]
    assert done.stderr == "cmaw-image: the signature is not checked: the signing certificate's key is not P-384\n"


def test_extract_writes_the_sections_and_describes(signer, tmp_path):
    data, _ = built(tmp_path, *signer.options)
    out = tmp_path / "out"
    done = subprocess.run([IMAGE, "extract", tmp_path / "x.eif", "-o", out], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    files = told.pop("Files")
    assert told == described(tmp_path / "x.eif") and sorted(files) == sorted(os.listdir(out))
    kinds = {"kernel": eif.KERNEL, "cmdline": eif.CMDLINE, "metadata.json": eif.METADATA, "signature.cbor": eif.SIGNATURE}
    sections = eif.read(data)
    assert {name: (out / name).read_bytes() for name in kinds} == {name: dict(sections)[kind] for name, kind in kinds.items()}
    assert [(out / f"ramdisk-{i}").read_bytes() for i in range(2)] == [payload for kind, payload in sections if kind == eif.RAMDISK]
    assert (out / "certificate.pem").read_bytes() == signer.certificate.read_bytes() and len(files) == 7
    assert {(out / name).stat().st_mode & 0o777 for name in files} == {0o644}


def test_extract_replaces_nothing_unless_told(signer, tmp_path):
    built(tmp_path)
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.write_text("mine")
    (out / "ramdisk-1").symlink_to(outside)
    command = [IMAGE, "extract", tmp_path / "x.eif", "-o", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and f"{out}/ramdisk-1 is there already" in done.stderr and "--force" in done.stderr
    assert os.listdir(out) == ["ramdisk-1"] and not done.stdout
    subprocess.run([*command, "--force"], check=True, capture_output=True)
    assert outside.read_text() == "mine" and not (out / "ramdisk-1").is_symlink() and len(os.listdir(out)) == 5


def test_what_is_extracted_is_of_one_image(signer, tmp_path):
    built(tmp_path, *signer.options)
    out = tmp_path / "out"
    command = [IMAGE, "extract", tmp_path / "x.eif", "-o", out]
    subprocess.run(command, check=True, capture_output=True)
    (out / "ramdisk-28").write_text("of an image with more of them")
    (out / "notes").write_text("mine")
    built(tmp_path)  # without a signature
    told = json.loads(subprocess.run([*command, "--force"], check=True, capture_output=True).stdout)
    assert sorted(os.listdir(out)) == sorted([*told["Files"], "notes"]) and "certificate.pem" not in told["Files"]
    for name in told["Files"]:
        (out / name).unlink()
    (out / "signature.cbor").write_text("another's")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and f"{out}/signature.cbor is there already" in done.stderr


def test_extract_writes_nothing_of_what_is_no_image(tmp_path):
    data, _ = built(tmp_path)
    (tmp_path / "bad.eif").write_bytes(data[:-1])
    done = subprocess.run([IMAGE, "extract", tmp_path / "bad.eif", "-o", tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 1 and "bad section size" in done.stderr and not (tmp_path / "out").exists()
    missing = subprocess.run([IMAGE, "extract", tmp_path / "x.eif"], capture_output=True, text=True)
    assert missing.returncode == 2 and "extract needs -o FOLDER" in missing.stderr


def test_the_measurements_printed_are_a_digest_of_the_parts(tmp_path):
    data, printed = built(tmp_path)
    payload = {kind: b"".join(p for k, p in eif.read(data) if k == kind) for kind in (eif.KERNEL, eif.CMDLINE, eif.RAMDISK)}
    content = hashlib.sha384(payload[eif.KERNEL] + payload[eif.CMDLINE] + payload[eif.RAMDISK]).digest()
    assert printed["PCR0"] == hashlib.sha384(bytes(48) + content).hexdigest()


def test_a_role_of_a_signed_image_takes_no_other_signer(devd, signer, tmp_path):
    """The same code with another signature, or none, has the same PCR0, and is not who the manifest names."""
    def image(name, options):
        return harness.build_image(tmp_path / name, "same", devd, harness.program("echo_agent"), options=options)

    path, pcrs = image("right", signer.options)
    deployment = harness.Deployment(devd, [pcrs], tenant="signed")
    for name, options in (("other", Signer(tmp_path / "other-signer").options), ("unsigned", ())):
        stranger, measured = image(name, options)
        assert measured[0] == pcrs[0] and measured.get(8) != pcrs[8]
        enclave = harness.Enclave(tmp_path / name, name, stranger, devd)
        try:
            assert deployment.provision(enclave, 1).code == "DENIED"
        finally:
            enclave.kill()
    enclave = harness.Enclave(tmp_path / "e", "right", path, devd)
    try:
        deployment.ready(enclave, 1)
    finally:
        enclave.kill()
