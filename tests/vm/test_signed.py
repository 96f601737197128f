"""Signed images in QEMU's machine: what it takes for a signature, and what it measures of it."""
import os

import pytest

import bare
import eif
import harness
import sst1
from images import Signer


@pytest.fixture(scope="module")
def signed(vm_folder, vm_devd):
    """A bare enclave of a signed image, which the manifest names with its PCR8."""
    signer = Signer(vm_folder / "signer")
    path, pcrs = bare.build_image(vm_folder / "images", "signed", vm_devd, harness.program("echo_agent"), options=signer.options)
    assert pcrs[8] == eif.sha384(eif.ZEROS + eif.sha384(signer.der))
    deployment = bare.Deployment(vm_devd, [pcrs], tenant="signed")
    enclave = bare.Enclave(vm_folder / "enclaves", "signed", path, vm_devd)
    yield enclave, deployment, pcrs
    enclave.kill()


def test_the_machine_measures_what_cmaw_image_printed(signed):
    enclave, deployment, pcrs = signed
    body = enclave.call("describe").body
    assert {n: body[f"pcr{n}"] for n in (0, 1, 2, 8)} == pcrs
    deployment.ready(enclave, 1)
    document, _ = sst1.attested(enclave.call("attest", {"nonce": os.urandom(32)}).body["ak_doc"], deployment.manifest, 1)
    assert {n: document.pcrs[n] for n in (0, 1, 2, 8)} == pcrs


def test_an_empty_command_line_boots_and_is_measured_as_such(vm_folder, vm_devd):
    path, pcrs = bare.build_image(vm_folder / "images", "no-cmdline", vm_devd, harness.program("echo_agent"), options=("--cmdline", ""))
    assert dict(eif.read(path.read_bytes()))[eif.CMDLINE] == b""
    enclave = bare.Enclave(vm_folder / "enclaves", "no-cmdline", path, vm_devd)
    try:
        body = enclave.call("describe").body
        assert {n: body[f"pcr{n}"] for n in (0, 1, 2)} == pcrs
    finally:
        enclave.kill()
