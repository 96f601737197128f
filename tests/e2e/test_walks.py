"""The pages that a reader walks through work as they stand there, in a home of its own with nothing set."""
import hashlib
import os
import re
import shutil
import subprocess

import pytest

import harness
import oci
import pages
from harness import ROOT
from stack import LETTERS

PROOFS = re.compile(r"^PASS (confidentiality|attestation|integrity):", re.M)


@pytest.fixture
def home(tmp_path):
    """The home of a reader; what runs in it at the end is stopped."""
    yield tmp_path
    for stack in tmp_path.rglob("stack.json"):
        environment = pages.environment_of(tmp_path, CMAW_DIR=str(stack.parent))
        subprocess.run([harness.program("cmaw"), "down"], env=environment, capture_output=True, timeout=120)


def test_the_two_commands_are_targets():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    shown = re.findall(r"^make (\w+)", pages.blocks((ROOT / "README.md").read_text())[1].text, re.M)
    assert shown == ["demo", "test"] and set(shown) <= set(targets)


def test_the_demo_by_hand(home):
    printed = pages.run("README.md", home, pages.environment_of(home), cwd=ROOT)
    assert '"decision":' in printed and len(PROOFS.findall(printed)) == 3


def test_the_runner_tells_a_command_that_fails(home):
    assert pages.execute([pages.Command("false\n", ""), pages.Command("echo\n", "")], home, pages.environment_of(home), home, 180) == ([""], 1)
    shown = pages.commands(pages.Block("sh", "", "$ echo a b\na …\n$ seq 3\n…\n3\n$ cat <<END\n> x\n> END\nx\n"))
    printed, status = pages.execute(shown, home, pages.environment_of(home), home, 180)
    assert status == 0 and all(pages.matches(command.output, text) for command, text in zip(shown, printed))
    assert not pages.matches("a …\n", "b c\n") and not pages.matches("a\n", "a\nb\n") and not pages.matches("a\n…\nc\n", "a\nb\n")


def test_an_auditor(home, stack):
    """docs/verify.md, with a run of the stack's: the auditor has its evidence, the manifest and the sources."""
    run_id = stack.run(LETTERS / "01-water-approve.txt").json()["run_id"]
    for name, more in (("run", []), ("disclosed", ["--disclose", "decision"])):
        assert stack.cmaw("evidence", run_id, "-o", home / f"{name}.evidence", *more).status == 0
    assert stack.cmaw("verify", run_id, "--report", home / "run.html").status == 0
    shutil.copy(stack.dir / "manifest.bin", home / "run.manifest")
    for name in ("agents", "build"):
        (home / name).symlink_to(ROOT / name)
    path = f"{harness.program('cmaw').parent}:{os.environ['PATH']}"
    manifest = stack.cmaw("status", "--json").json()["manifest"]
    pages.run("docs/verify.md", home, pages.environment_of(home, PATH=path, MANIFEST_HASH=manifest, DEPLOYMENT=str(stack.dir / "devd")))


def test_a_newcomer(home):
    printed = pages.run("docs/first-run.md", home, pages.environment_of(home), cwd=ROOT)
    assert len(PROOFS.findall(printed)) == 10


def test_somebody_who_writes_an_agent(home):
    pages.run("docs/write-an-agent.md", home, pages.environment_of(home), cwd=ROOT)


@pytest.fixture
def snapshot(tmp_path):
    """A repository of the tree as it is, in a folder of another name."""
    where = tmp_path / "origin"
    where.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    names = b"\0".join(name for name in listed.split(b"\0") if name and os.path.lexists(ROOT / os.fsdecode(name)))
    copied = subprocess.run(["tar", "-c", "--null", "-T", "-"], cwd=ROOT, input=names, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=where, input=copied, check=True)
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "as it is"]):
        subprocess.run(["git", *words], cwd=where, check=True)
    return where


def image_files(folder):
    """What every recipe needs and no stack gives here."""
    (folder / "roots.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (folder / "root.der").write_bytes(b"\x30\x03\x02\x01\x05")
    return folder


def test_a_third_party(home, snapshot):
    """docs/reproduce.md, with what a maker has published: an archive, a recipe, and measurements of an image with this build's /init."""
    (home / "published").mkdir()
    published = image_files(home / "published")
    (published / "agent.tar").write_bytes(oci.archive(oci.docker_save([oci.tar([oci.file("agent", oci.ELF, 0o755)])], {"Cmd": ["/agent"]})))
    (published / "agent.yaml").write_text("version: 1\nname: agent\nagent: {rootfs: agent.tar, io: raw}\nkms: {roots: roots.pem}\n"
                                          "attestation: {root: root.der}\nkernel: none\n")
    init = harness.program("init")
    packages = ["gcc-12", "binutils", "libc6-dev", "libssl-dev", "libseccomp-dev", "libjansson-dev"]
    (published / "versions").write_text(subprocess.run(["dpkg-query", "-W", *packages], check=True, capture_output=True, text=True).stdout)
    (published / "init.sha384").write_text(hashlib.sha384(init.read_bytes()).hexdigest() + "  -\n")
    (published / "measurements.json").write_text(harness.run(harness.program("cmaw-image"), "build", published / "agent.yaml", "-o", home / "published.eif",
                                                             "--init", init).stdout)
    pages.run("docs/reproduce.md", home, pages.environment_of(home, CLONE=str(snapshot), PUBLISHED=str(published)))
    assert (home / "mine.eif").read_bytes() == (home / "published.eif").read_bytes()


def test_somebody_with_an_image_of_another_builder(home):
    image_files(home)
    (home / "agent").write_bytes(oci.ELF)
    (home / "agent").chmod(0o755)
    path = f"{harness.program('cmaw').parent}:{os.environ['PATH']}"
    pages.run("docs/build-images.md", home, pages.environment_of(home, PATH=path, AGENT="agent", INIT=str(harness.program("init-sim")), ROOTS="roots.pem",
                                                                 ROOT="root.der"))


def test_somebody_in_trouble(home, stack):
    """docs/troubleshooting.md: what to look at first; its tables are checked against the sources by tests/artifact."""
    path = f"{harness.program('cmaw').parent}:{os.environ['PATH']}"
    pages.run("docs/troubleshooting.md", home, {**pages.environment_of(home, PATH=path), "CMAW_DIR": str(stack.dir), "CMAW_STORE": str(stack.store)})
