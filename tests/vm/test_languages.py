"""The examples in Python, Go and shell, each in a machine of its own: the same images, the same output byte for byte."""
import json

import pytest

import bare
import examples
import harness


def build(name, folder, devd):
    eif = folder / f"{name}.eif"
    out = harness.run(harness.program("cmaw-image"), "build", examples.image_of(name), "-o", eif, "--init", harness.program("init-vm"), "--kernel", (bare.TOOLS / "bzImage").resolve(),
                      "--kms-host", harness.KMS_HOST, "--kms-roots", devd.tls_ca, "--attestation-root", devd.root).stdout
    return eif, {i: bytes.fromhex(json.loads(out)["Measurements"][f"PCR{i}"]) for i in (0, 1, 2)}


@pytest.mark.parametrize("name", examples.WORKFLOWS)
def test_an_example_in_its_machine(vm_folder, vm_devd, name, record_property):
    if examples.missing(name):
        pytest.skip(examples.missing(name))
    image = build(name, vm_folder, vm_devd)
    record_property("measured", f"image of {name} with its kernel: {image[0].stat().st_size / (1 << 20):.1f} MiB")
    role = bare.Role(vm_folder, name, vm_devd, image=image)  # 96 MiB, as any
    try:
        cases = list(examples.cases(name).items())
        for case, (content, expected) in (cases[0], cases[-1]):  # without help of the hardware a machine is slow; the simulation runs all of them
            code, output = role.step(content)
            assert (code, output) == (("OK", expected) if expected is not None else ("AGENT_FAILED", None)), (name, case, role.enclave.lines()[-5:])
    finally:
        role.enclave.kill()
