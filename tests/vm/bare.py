"""Bare enclaves: images that boot in QEMU's machine and are talked to over vsock, with keys from the emulator, and no Temporal."""
import os
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e")]

import harness  # noqa: E402
import cose  # noqa: E402
import sst1  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("CMAW_VM", ""))
MEMORY_MIB = 96


class Devd(harness.Devd):
    """The emulator, which takes QEMU's documents."""

    def __init__(self, folder):
        super().__init__(folder, "--accept-unsigned-qemu-documents")


def build_image(folder, name, devd, agent, arguments=(), init="init-vm", **more):
    """harness.build_image, with a kernel and the /init of the tier."""
    return harness.build_image(folder, name, devd, agent, arguments, init=harness.program(init), kernel=TOOLS / "bzImage", **more)


class Enclave(harness.Enclave):
    """A machine of its own with its proxy. Its end is the launcher's."""

    def __init__(self, folder, name, eif, devd, *arguments, machine_mib=MEMORY_MIB):
        super().__init__(folder, name, eif, devd, "--memory", machine_mib, "--vm", TOOLS, "--boot-timeout", 300, *arguments)

    def backend(self, devd):
        return ["--backend", "qemu"]

    def lines(self, event=""):
        """What the enclave has logged so far, the event and what follows it."""
        found = re.findall(r'enclave\.log name=\S+ line="\S+ \w+ enclave (.*)"', self.launch.log.read_text(errors="replace"))
        return [line for line in found if line.startswith(event)]


class Deployment(harness.Deployment):
    """As in the other tiers, but for documents that nobody has signed."""

    def __init__(self, devd, images, **more):
        super().__init__(devd, images, **more)
        self.manifest.document_type = cose.UnsignedDocument


class Role:
    """A deployment of one role and its enclave, ready for steps."""

    def __init__(self, folder, name, devd, agent=None, arguments=(), machine_mib=MEMORY_MIB, image=None, **limits):
        """image: (path, PCRs) of one that is there already, instead of an agent to build it of."""
        self.devd = devd
        self.eif, self.pcrs = image or build_image(folder / "images", name, devd, agent, arguments, **limits)
        self.deployment = Deployment(devd, [self.pcrs], tenant=name)
        self.enclave = Enclave(folder / "enclaves", name, self.eif, devd, machine_mib=machine_mib)
        try:
            self.deployment.ready(self.enclave, 1)
        except BaseException:
            self.enclave.kill()
            raise

    def step(self, content, timeout_s=60):
        """(code, content that came back or None, run) of one step."""
        run = self.deployment.run(harness.one_step_plan(self.deployment, timeout_s))
        answer = harness.step(self.enclave, run, 1, run.seal(1, content))
        return answer.code, run.open(answer.body["states"][0])["content"] if answer.code == "OK" else None

    def words_of_failure(self, content):
        """What the owner reads of a step whose agent failed."""
        run = self.deployment.run(harness.one_step_plan(self.deployment))
        answer = harness.step(self.enclave, run, 1, run.seal(1, content))
        assert answer.code == "AGENT_FAILED", answer
        return sst1.verify_failure(self.deployment.manifest, run.plan, run.header, answer.body["ak_doc"], answer.body["receipt"],
                                   answer.body["states"][0], run.secrets[2])["content"]
