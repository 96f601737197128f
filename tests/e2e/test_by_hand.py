"""What `cmaw up` does at once, verb by verb, as an operator without a stack does it; and the passphrase at a terminal."""
import os
import pty
import select
import signal
import subprocess
import termios
import time

import pytest

import harness
import orchestra
import pb
import sst1
from stack import Stack

WORKFLOW = """version: 1
name: there-and-back
steps:
  - {name: first, role: one, timeout_s: 30, max_attempts: 3}
  - {name: second, role: two, timeout_s: 30, max_attempts: 3}
edges:
  - {name: a, from: client, to: first, size_class: 0}
  - {name: b, from: first, to: second, size_class: 0}
  - {name: c, from: second, to: client, size_class: 0}
"""


@pytest.fixture(scope="module")
def owner(folder):
    """A store of its own, and no stack."""
    return Stack(folder / "by-hand")


@pytest.fixture(scope="module")
def manifest(owner, devd, images):
    """(path, hash): keys that nobody can use yet, and a manifest of the two images."""
    admin = devd.client("kms", harness.ADMIN)
    roles = "".join(f"  - {{id: {i}, name: {name}, kms_key_arn: '{admin.create_key(Policy=harness.key_policy())['KeyMetadata']['Arn']}', images: [{eif}]}}\n"
                    for i, (name, eif) in enumerate(zip(("one", "two"), images.eifs), 1))
    yaml, path = owner.folder / "manifest.yaml", owner.folder / "manifest.bin"
    yaml.write_text(f"version: 1\ntenant: by-hand\nserial: 7\nepoch: 1\nattestation_root: {devd.root}\nvalidity_days: 2\nroles:\n{roles}")
    made = owner.cmaw("manifest", "new", yaml, "--output", path)
    assert made.status == 0, made.err
    return path, made.out.strip()


def credentials(devd):
    parent, admin = devd.credentials(harness.PARENT), devd.credentials(harness.ADMIN)
    return {"AWS_ACCESS_KEY_ID": parent["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": parent["SecretAccessKey"],
            "CMAW_ADMIN_ACCESS_KEY_ID": admin["AccessKeyId"], "CMAW_ADMIN_SECRET_ACCESS_KEY": admin["SecretAccessKey"]}


@pytest.fixture(scope="module")
def enclaves(launch, images):
    return {name: launch(f"by-hand-{name}", eif) for name, eif in zip(("one", "two"), images.eifs)}


def routes(enclaves):
    return [word for name, enclave in enclaves.items() for word in ("--enclave", f"{name}=uds:{enclave.socket}:{harness.RPC_PORT}")]


@pytest.fixture(scope="module")
def bundle(owner, devd, manifest, enclaves):
    path = owner.folder / "bundle.bin"
    refused = owner.cmaw("provision", manifest[0], *routes(enclaves), "--keep-policies", "--output", path, env=credentials(devd))
    assert refused.status != 0 and not path.exists()  # the keys' policies allow nobody anything so far
    assert "AccessDeniedException" in refused.err and "hint: PCR0 as expected, " in refused.err and "PCR16 as expected" in refused.err
    made = owner.cmaw("provision", manifest[0], *routes(enclaves), "--output", path, "--kms-url", f"https://127.0.0.1:{devd.port}", "--ca-file", devd.tls_ca,
                      "--region", harness.REGION, "--admin-arn", harness.ADMIN, "--instance-arn", harness.PARENT, env=credentials(devd))
    assert made.status == 0, made.err
    return path


def test_an_image_by_the_client_is_the_builder_s(owner, devd, images):
    path = owner.folder / "one.eif"
    built = owner.cmaw("image", "build", images.eifs[0].with_suffix(".yaml"), "-o", path, "--init", harness.program("init-sim"), "--kernel", "none",
                       "--kms-host", harness.KMS_HOST, "--kms-roots", devd.tls_ca, "--attestation-root", devd.root)
    assert bytes.fromhex(built.json()["Measurements"]["PCR0"]) == images.pcrs[0][0]
    assert path.read_bytes() == images.eifs[0].read_bytes()


def test_a_manifest_says_what_its_yaml_said(owner, devd, manifest, images):
    path, mh = manifest
    mine = sst1.Manifest(path.read_bytes())
    assert mine.mh.hex() == mh and mine.tenant == "by-hand"
    shown = owner.cmaw("manifest", "show", path).json()
    assert (shown["hash"], shown["serial"], shown["attestation_root"]) == (mh, 7, sst1.H(devd.root.read_bytes()).hex())
    assert [r["measurements"] for r in shown["roles"]] == [[{f"pcr{n}": value.hex() for n, value in pcrs.items()}] for pcrs in images.pcrs]
    assert shown["not_after_ms"] - shown["not_before_ms"] == 2 * 86400 * 1000


def test_a_manifest_that_is_none(owner, tmp_path):
    (tmp_path / "noise").write_bytes(os.urandom(64))
    owner.cmaw("manifest", "show", tmp_path / "noise").assert_one_line_error("is not a manifest", hint=False)
    (tmp_path / "bad.yaml").write_text("version: 1\ntenant: x\nserial: none\n")
    owner.cmaw("manifest", "new", tmp_path / "bad.yaml", "--output", tmp_path / "out").assert_one_line_error("bad.yaml:3")


def test_births_by_hand_are_accepted_by_the_peer(bundle, manifest):
    sst1.verify_bundle(bundle.read_bytes(), bytes.fromhex(manifest[1]))


def test_an_image_of_the_other_role_is_not_born(owner, devd, manifest, enclaves, bundle):
    exchanged = {"one": enclaves["two"], "two": enclaves["one"]}
    out = owner.folder / "exchanged.bin"
    refused = owner.cmaw("provision", manifest[0], *routes(exchanged), "--keep-policies", "--output", out, env=credentials(devd))
    assert refused.status != 0 and refused.err.startswith("cmaw") and not out.exists()
    assert "RoleRefused" in refused.err and "hint: PCR0 is " in refused.err and "as the manifest expects" in refused.err


def test_trust_asks_for_the_manifest_that_was_named(owner, devd, bundle):
    owner.cmaw("trust", bundle, "--root", devd.root, "--manifest-hash", "00" * 32).assert_one_line_error("another manifest")


def test_a_manifest_that_goes_back_is_not_trusted(owner, devd, images, launch):
    """A host offers its owner an older deployment, which is genuine and may have a known fault; then another with the same serial."""
    def trust(name, serial):
        deployment, path = harness.Deployment(devd, images.pcrs[:1], tenant="rollback", serial=serial), owner.folder / f"{name}.bundle"
        assert deployment.provision(launch(f"rollback-{name}", images.eifs[0]), 1).code == "OK"
        path.write_bytes(pb.encode("Bundle", {"manifest": deployment.manifest.bytes, "roles": [{"role": 1, **deployment.births[1]}]}))
        return owner.cmaw("trust", path, "--root", devd.root)
    assert trust("second", 2).status == 0
    for name, serial in (("first", 1), ("another-second", 2)):
        trust(name, serial).assert_one_line_error("goes back behind one that was pinned")
    assert trust("third", 3).status == 0


def test_a_run_without_a_stack(owner, devd, bundle, manifest, enclaves, tmp_path):
    """A worker that configures the enclaves from the bundle, and the owner's run under the manifest that was pinned by hash."""
    trusted = owner.cmaw("trust", bundle, "--root", devd.root, "--manifest-hash", manifest[1])
    assert trusted.status == 0, trusted.err
    key = devd.credentials(harness.PARENT)
    temporal = orchestra.Temporal(tmp_path / "temporal")
    worker = None
    try:
        worker = harness.Daemon("cmaw-worker", tmp_path / "worker.log", "--temporal", temporal.address, "--bundle", bundle, *routes(enclaves),
                                env={**os.environ, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
        workflow, letter, result = tmp_path / "workflow.yaml", tmp_path / "letter.txt", tmp_path / "result"
        workflow.write_text(WORKFLOW)
        letter.write_bytes(b"there and back")
        ran = owner.cmaw("run", workflow, letter, "--temporal", temporal.address, "--output", result, "--json").json()
        assert set(ran) == {"run_id", "workflow_id", "status", "output_file"}
        assert (ran["status"], ran["output_file"]) == ("completed", str(result)) and ran["workflow_id"] == sst1.workflow_id(bytes.fromhex(ran["run_id"]))
        assert result.read_bytes() == b"there and back"
        inline = owner.cmaw("run", workflow, letter, "--temporal", temporal.address, "--json").json()
        assert set(inline) == {"run_id", "workflow_id", "status", "output"} and inline["output"] == "there and back"
        assert {r["run_id"] for r in owner.cmaw("list", "--json").json()} == {ran["run_id"], inline["run_id"]}
        evidence = tmp_path / "evidence"
        nowhere = {"AWS_EC2_METADATA_DISABLED": "true"}  # no credentials, whatever this machine may answer
        verified = owner.cmaw("verify", ran["run_id"], "--temporal", temporal.address, "--evidence", evidence, env=nowhere)
        assert verified.status == 4, verified.err  # CloudTrail cannot be asked, so it is not proven
        assert "INCOMPLETE confidentiality" in verified.out and "database and logs were not looked at" in verified.out  # of a server elsewhere
        assert sst1.verify_run(evidence.read_bytes(), bytes.fromhex(manifest[1]))[0].hex() == ran["run_id"]
    finally:
        if worker:
            worker.kill()
        temporal.kill()


def at_a_terminal(owner, store, answers, *arguments):
    """Runs the client in a session of its own with a terminal; types each answer when a question stands there. Gives (status, what
    the terminal showed)."""
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background has it ignored, and that is inherited
        environment = {k: v for k, v in owner.env.items() if k != "CMAW_PASSPHRASE_FILE"}
        os.execve(harness.program("cmaw"), ["cmaw", *map(str, arguments)], {**environment, "CMAW_STORE": str(store)})
    shown, typed, end = b"", 0, time.monotonic() + 300
    while time.monotonic() < end:
        readable, _, _ = select.select([terminal], [], [], 300)
        try:
            piece = os.read(terminal, 4096) if readable else b""
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
        if typed < len(answers) and shown.count(b": ") > typed and shown.endswith(b": "):
            os.write(terminal, answers[typed].encode() + (b"" if answers[typed] == "\x03" else b"\n"))
            typed += 1
    assert termios.tcgetattr(terminal)[3] & termios.ECHO  # whatever happened, the terminal has its echo again
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


@pytest.fixture
def sealing(owner, devd, bundle, tmp_path):
    """A new store with a pinned deployment, and a submit from it that ends with exit code 3, at a server that is not there, if
    the passphrase was good."""
    store, workflow = tmp_path / "store.db", tmp_path / "workflow.yaml"
    assert owner.cmaw("trust", bundle, "--root", devd.root, env={"CMAW_STORE": str(store)}).status == 0
    workflow.write_text(WORKFLOW)
    return store, ("submit", workflow, workflow, "--temporal", f"127.0.0.1:{harness.free_port()}")


def test_the_passphrase_is_asked_at_the_terminal(owner, sealing, tmp_path):
    store, submit = sealing
    status, shown = at_a_terminal(owner, store, ["a secret one", "another one"], *submit)
    assert status == 1 and "differ" in shown, shown
    status, shown = at_a_terminal(owner, store, ["a secret one", "a secret one"], *submit)
    assert status == 3 and "new passphrase" in shown and "once more" in shown, shown
    assert "a secret one" not in shown  # what is typed is not shown
    status, shown = at_a_terminal(owner, store, ["a wrong one"], *submit)
    assert status == 1 and "wrong passphrase" in shown and "once more" not in shown, shown
    status, shown = at_a_terminal(owner, store, ["\x03"], *submit)
    assert status == -signal.SIGINT, (status, shown)
    assert at_a_terminal(owner, store, ["a secret one"], *submit)[0] == 3
    with_file = tmp_path / "passphrase"
    harness.write_secret(with_file, "a secret one\n")
    assert owner.cmaw(*submit, "--passphrase-file", with_file, env={"CMAW_STORE": str(store)}).status == 3


def test_without_a_terminal_a_passphrase_needs_a_file(owner, sealing):
    store, submit = sealing
    environment = {k: v for k, v in owner.env.items() if k != "CMAW_PASSPHRASE_FILE"}
    result = subprocess.run([harness.program("cmaw"), *submit], capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL,
                            start_new_session=True, env={**environment, "CMAW_STORE": str(store)})
    assert result.returncode == 1 and "passphrase" in result.stderr and "hint: " in result.stderr, result.stderr
