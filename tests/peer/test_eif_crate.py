"""Enclave images against AWS's own library, aws-nitro-enclaves-image-format: the same content gives the same file, both measure alike, each reads
what the other wrote, and both tell the same of a signature. The library is skipped where it cannot be built (scripts/eif-peer)."""
import json
import random
import subprocess
import typing

import pytest
from cryptography.hazmat.primitives import serialization

import eif
from images import IMAGE, ROOT, Signer, build, described
from test_vectors import VECTORS

WRITE = ROOT / "build" / "tests" / "eif-write"
CMDLINE = "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on"
PCRS = ("PCR0", "PCR1", "PCR2", "PCR8")


class Content(typing.NamedTuple):
    name: str
    kernel: int = 1000            # bytes
    cmdline: str = CMDLINE
    ramdisks: tuple = (100, 200)  # bytes of each
    signed: bool = False
    custom: object = None         # CustomMetadata
    docker: object = None

    def bytes_of(self, part, size):
        return random.Random(f"{self.name} {part}").randbytes(size)


CONTENTS = [
    Content("one ramdisk", ramdisks=(4096,)), Content("two ramdisks"), Content("three ramdisks", ramdisks=(1, 2, 3)),
    Content("as many as fit", ramdisks=tuple(range(1, 30))), Content("as many as fit and a signature", ramdisks=tuple(range(1, 29)), signed=True),
    Content("no command line", cmdline=""), Content("no command line, one ramdisk", cmdline="", ramdisks=(7,)),
    Content("no command line, signed", cmdline="", signed=True), Content("a long command line", cmdline="x" * 2047),
    Content("a command line of one letter", cmdline="x"), Content("a command line not of ASCII", cmdline="name=é€𝄞"),
    Content("a command line with a line feed", cmdline=CMDLINE + "\n"), Content("a kernel of one byte", kernel=1),
    Content("bytes of every residue", kernel=4093, ramdisks=(4094, 4095, 4097)), Content("one byte each", kernel=1, cmdline="c", ramdisks=(1,)),
    Content("one byte each, signed", kernel=1, cmdline="c", ramdisks=(1,), signed=True), Content("signed", signed=True),
    Content("signed, one ramdisk", ramdisks=(512,), signed=True), Content("signed, five ramdisks", ramdisks=(5, 4, 3, 2, 1), signed=True),
    Content("big", kernel=7_000_003, ramdisks=(9_000_001, 17_000_017)), Content("big and signed", kernel=8_000_000, ramdisks=(24_000_001,), signed=True),
    Content("small before big", ramdisks=(1, 5_000_000)), Content("big before small", ramdisks=(5_000_000, 1)),
    Content("own metadata", custom={"team": "claims", "nested": {"a": [1, 2.5, None, True]}, "é": "€"}),
    Content("own metadata, signed", custom={"commit": "0123abcd"}, docker={"Architecture": "amd64", "Config": {"Cmd": ["/bin/sh"]}}, signed=True),
    Content("metadata of 100 KiB", custom={f"key {i}": "x" * 100 for i in range(900)}),
]


@pytest.fixture(scope="session")
def crate():
    found = subprocess.run([ROOT / "scripts" / "eif-peer"], capture_output=True, text=True)
    if found.returncode == 3:
        pytest.skip("AWS's library for enclave images: " + found.stderr.strip().splitlines()[-1])
    assert found.returncode == 0, found.stderr

    def run(*arguments):
        done = subprocess.run([found.stdout.strip(), *map(str, arguments)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


@pytest.fixture(scope="session", params=["PKCS8", "TraditionalOpenSSL"])
def any_signer(request, tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("signer"), getattr(serialization.PrivateFormat, request.param))


@pytest.fixture(scope="session")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("signer"))


def identity(content):
    build = {"BuildTime": "1970-01-01T00:00:00+00:00", "BuildTool": "t", "BuildToolVersion": "0", "OperatingSystem": "Linux", "KernelVersion": "6"}
    return {"ImageName": content.name, "ImageVersion": "1", "BuildMetadata": build, "DockerInfo": content.docker, "CustomMetadata": content.custom}


def words_of(content, where, signer):
    """What both builders take behind the name of the file."""
    (where / "kernel").write_bytes(content.bytes_of("kernel", content.kernel))
    (where / "metadata").write_text(json.dumps(identity(content)))
    ramdisks = [where / f"ramdisk-{i}" for i in range(len(content.ramdisks))]
    for path, size in zip(ramdisks, content.ramdisks):
        path.write_bytes(content.bytes_of(path.name, size))
    sign = [signer.certificate, signer.key] if content.signed else ["-", "-"]
    return [where / "kernel", content.cmdline, where / "metadata", *sign, *ramdisks]


def assert_told_alike(theirs, ours):
    """What the library tells of an image and what cmaw-image does, in nitro-cli's words."""
    assert ours["Measurements"] == theirs["Measurements"] and set(ours["Measurements"]) - {"HashAlgorithm"} <= set(PCRS)
    for name in ("EifVersion", "IsSigned", "CheckCRC"):
        assert ours[name] == theirs[name]
    assert ours["CheckCRC"] is True and ours["EifVersion"] == 4
    for name in ("SigningCertificate", "SignatureCheck"):
        assert ours.get(name) == theirs.get(name)
    told = theirs["Identity"]
    assert (ours["ImageName"], ours["ImageVersion"]) == (told["ImageName"], told["ImageVersion"])
    assert ours["Metadata"] == told["BuildMetadata"] | {"DockerInfo": told["DockerInfo"]} | (told["CustomMetadata"] or {})


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.name)
def test_both_make_of_one_content_one_image(crate, signer, content, tmp_path, record_property):
    words = words_of(content, tmp_path, signer)
    printed = crate("build", tmp_path / "theirs", *words)["Measurements"]
    theirs = (tmp_path / "theirs").read_bytes()
    sections = eif.read(theirs)
    words[2].write_bytes(dict(sections)[eif.METADATA])  # the order of keys is the library's
    subprocess.run([WRITE, tmp_path / "ours", *words], check=True, timeout=180)
    ours = (tmp_path / "ours").read_bytes()
    if content.signed:  # a signature is another each time
        assert [s for s in eif.read(ours) if s[0] != eif.SIGNATURE] == [s for s in sections if s[0] != eif.SIGNATURE]
        assert len(ours) - len(theirs) in range(-100, 100)
    else:
        assert ours == theirs
    for path in (tmp_path / "theirs", tmp_path / "ours"):
        told = crate("describe", path)
        assert told["Measurements"] == printed and told["IsSigned"] == content.signed == ("PCR8" in printed)
        assert told.get("SignatureCheck") == (True if content.signed else None) and told.get("StartsWithNitroCli", True)
        assert_told_alike(told, described(path))
    record_property("counted", "images on which AWS's library and cmaw-image agree")


def test_the_published_image_is_told_alike(crate):
    path = VECTORS / "eif" / "one-ramdisk.eif"
    if not path.is_file():
        pytest.skip(f"no image in {path.parent}")
    expected = json.loads((path.parent / "expected.json").read_text())["one-ramdisk"]
    told = crate("describe", path)
    assert_told_alike(told, described(path))
    assert {name: told["Measurements"][name] for name in PCRS[:3]} == {name: expected[name] for name in PCRS[:3]}


def test_there_are_enough():
    names = [content.name for content in CONTENTS]
    assert len(set(names)) == len(names) >= 20
    assert sum(c.signed for c in CONTENTS) >= 5 and sum(c.cmdline == "" for c in CONTENTS) >= 2 and {1, 2, 3} <= {len(c.ramdisks) for c in CONTENTS}


@pytest.mark.parametrize("options", [("--kernel", "none"), ("--kernel", "kernel"), ("--kernel", "kernel", "--cmdline", ""), ("--kernel", "kernel", "--debug")],
                         ids=" ".join)
@pytest.mark.parametrize("sign", [False, True], ids=["unsigned", "signed"])
def test_the_library_reads_what_cmaw_image_builds(crate, any_signer, options, sign, tmp_path, record_property):
    paths = [str(tmp_path / "kernel") if word == "kernel" else word for word in options]
    if sign:
        paths += any_signer.options
    built = build(tmp_path, *paths)
    assert built.returncode == 0, built.stderr
    told = crate("describe", tmp_path / "x.eif")
    assert told["Measurements"] == json.loads(built.stdout)["Measurements"] and told["IsSigned"] == sign and told.get("StartsWithNitroCli", True)
    assert_told_alike(told, described(tmp_path / "x.eif"))
    record_property("counted", "images on which AWS's library and cmaw-image agree")


def test_key_and_certificate_as_aws_s_guide_makes_them(crate, tmp_path):
    """docs.aws.amazon.com/enclaves/latest/user/set-up-attestation.html: a key with its parameters before it, a certificate of version 1."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)
    openssl("ecparam", "-name", "secp384r1", "-genkey", "-out", "key.pem")
    openssl("req", "-new", "-key", "key.pem", "-sha384", "-nodes", "-subj", "/CN=AWS/C=US/ST=WA/L=Seattle/O=Amazon/OU=AWS", "-out", "csr.pem")
    openssl("x509", "-req", "-days", "20", "-in", "csr.pem", "-out", "certificate.pem", "-sha384", "-signkey", "key.pem")
    (tmp_path / "key.pem").chmod(0o600)
    built = build(tmp_path, "--kernel", "none", "--sign-key", tmp_path / "key.pem", "--sign-certificate", tmp_path / "certificate.pem")
    assert built.returncode == 0, built.stderr
    told, ours = crate("describe", tmp_path / "x.eif"), described(tmp_path / "x.eif")
    assert_told_alike(told, ours)
    assert ours["SignatureCheck"] is True and ours["SigningCertificate"]["IssuerName"] == {
        "commonName": "AWS", "countryName": "US", "stateOrProvinceName": "WA", "localityName": "Seattle", "organizationName": "Amazon",
        "organizationalUnitName": "AWS"}


def test_a_signature_of_another_image_is_told_by_both(crate, signer, tmp_path):
    """The signature section of one image in another: the key is right, the PCR0 is not."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        words = words_of(Content(name, signed=True), tmp_path / name, signer)
        subprocess.run([WRITE, tmp_path / name / "x.eif", *words], check=True, timeout=180)
    sections = eif.read((tmp_path / "one/x.eif").read_bytes())
    foreign = dict(eif.read((tmp_path / "other/x.eif").read_bytes()))[eif.SIGNATURE]
    (tmp_path / "x.eif").write_bytes(eif.write([(kind, foreign if kind == eif.SIGNATURE else data) for kind, data in sections]))
    told = crate("describe", tmp_path / "x.eif")
    done = subprocess.run([IMAGE, "describe", tmp_path / "x.eif"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == "cmaw-image: the signature is of another PCR0\n"
    assert_told_alike(told, json.loads(done.stdout))
    assert told["SignatureCheck"] is False
