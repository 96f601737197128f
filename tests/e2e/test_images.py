"""Images: what cmaw-image writes, read and measured by the peer, and what the launcher makes of a damaged one."""
import json
import os

import pytest

import eif
import harness
from harness import program, run


@pytest.fixture
def recipe(folder, devd, tmp_path):
    """build(**changes) builds an image in a folder of its own; returns its bytes and the printed measurements."""
    def build(name="image", agent=None, kms_host=harness.KMS_HOST, roots=None, attestation=None, limits="memory_mib: 64", init=None):
        here = tmp_path / f"{name}-{os.urandom(3).hex()}"
        here.mkdir()
        (here / "agent").write_bytes(agent or program("echo_agent").read_bytes())
        os.utime(here / "agent", (1, int.from_bytes(os.urandom(3), "big")))
        os.chmod(here / "agent", 0o600)
        (here / "image.yaml").write_text(f"""version: 1
name: sample
agent:
  command: [/bin/agent, "two words"]
  io: raw
  content_type: text/plain
  env: [B=2, A=1]
  files:
    - {{source: agent, target: /bin/agent, mode: "0755"}}
limits: {{{limits}, processes: 4, open_files: 32, cpu_s: 20, output_kib: 64, tmp_kib: 8}}
""")
        out = run(program("cmaw-image"), "build", here / "image.yaml", "-o", here / "x.eif", "--init", init or program("init-sim"),
                  "--kms-host", kms_host, "--kms-roots", roots or devd.tls_ca, "--attestation-root", attestation or devd.root, "--kernel", "none").stdout
        return (here / "x.eif").read_bytes(), json.loads(out)["Measurements"]
    return build


def test_two_builds_in_two_folders_give_the_same_file(recipe):
    assert recipe()[0] == recipe("elsewhere")[0]


def test_the_measurements_are_those_of_the_platform(recipe):
    data, printed = recipe()
    assert printed["HashAlgorithm"] == "Sha384 { ... }"
    assert {f"PCR{i}": v.hex() for i, v in eif.measure(eif.read(data)).items()} == {k: printed[k] for k in ("PCR0", "PCR1", "PCR2")}


def test_measure_and_describe_agree_with_build(recipe, tmp_path):
    data, printed = recipe()
    path = tmp_path / "again.eif"
    path.write_bytes(data)
    for verb in ("measure", "describe"):
        assert json.loads(run(program("cmaw-image"), verb, path).stdout)["Measurements"] == printed


def test_the_image_holds_what_its_recipe_says(recipe, devd):
    ramdisks = [eif.uncpio(p) for t, p in eif.read(recipe()[0]) if t == eif.RAMDISK]
    assert len(ramdisks) == 2
    first, second = ramdisks
    assert first["init"][1] == program("init-sim").read_bytes() and first["init"][0] == 0o100755
    assert second["etc/cmaw/kms-roots.pem"][1] == devd.tls_ca.read_bytes()
    assert second["agent/bin/agent"] == (0o100755, program("echo_agent").read_bytes())
    conf = dict(line.split("=", 1) for line in second["etc/cmaw/enclave.conf"][1].decode().splitlines())
    assert conf["agent.arg.0"] == "/bin/agent" and conf["agent.arg.1"] == "two words" and conf["kms.host"] == harness.KMS_HOST
    assert conf["agent.env.0"] in ("A=1", "B=2") and conf["agent.memory_mib"] == "64" and conf["debug"] == "0"


def test_whatever_matters_is_measured(recipe, devd, tmp_path):
    echo = program("echo_agent").read_bytes()
    other = tmp_path / "other"
    other.write_bytes(devd.tls_ca.read_bytes() + b"\n")
    another_root = harness.Devd(tmp_path / "other-root")
    another_root.daemon.kill()
    init = tmp_path / "init"
    init.write_bytes(program("init-sim").read_bytes() + b"\0")
    changes = [{}, {"agent": echo[:-1] + bytes([echo[-1] ^ 1])}, {"kms_host": "kms.other.test"}, {"roots": other},
               {"attestation": another_root.root}, {"limits": "memory_mib: 65"}, {"init": init}]
    measured = [recipe(**change)[1]["PCR0"] for change in changes]
    assert len(set(measured)) == len(changes)


def launch(path, devd, tmp_path):
    return run(program("cmaw-launch"), "run", "--backend", "sim", "--eif", path, "--socket", tmp_path / "e.sock", "--nsm", devd.nsm,
               "--name", "damaged", check=False, timeout=180)


@pytest.mark.parametrize("where", ["magic", "middle", "end", "cut", "longer"])
def test_a_damaged_image_is_not_started(recipe, devd, tmp_path, where):
    data = recipe()[0]
    middle = len(data) // 2
    damaged = {"magic": b"X" + data[1:], "middle": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:],
               "end": data[:-1] + bytes([data[-1] ^ 1]), "cut": data[:-1], "longer": data + b"\0"}[where]
    path = tmp_path / "damaged.eif"
    path.write_bytes(damaged)
    result = launch(path, devd, tmp_path)
    assert result.returncode == 1 and result.stderr.count("cmaw-launch:") == 1 and "hint:" in result.stderr, result.stderr


def test_an_image_with_one_byte_changed_and_its_checksum_made_good(recipe, devd, tmp_path):
    """A host changes one byte of the file and corrects the CRC. If it still boots, it is another measurement, and denies itself."""
    data, printed = recipe()
    sections = eif.read(data)
    index = max(i for i, (kind, _) in enumerate(sections) if kind == eif.RAMDISK)
    files = eif.uncpio(sections[index][1])
    mode, content = files["agent/bin/agent"]
    files["agent/bin/agent"] = (mode, content[:-1] + bytes([content[-1] ^ 1]))
    entries = [(p, m, c) for p, (m, c) in files.items()]
    sections[index] = (eif.RAMDISK, eif.cpio(entries))
    path = tmp_path / "changed.eif"
    path.write_bytes(eif.write(sections))
    genuine = {i: bytes.fromhex(printed[f"PCR{i}"]) for i in (0, 1, 2)}
    deployment = harness.Deployment(devd, [genuine], tenant="changed")
    enclave = harness.Enclave(tmp_path / "e", "changed", path, devd)
    try:
        assert enclave.call("describe").body["pcr0"] == eif.measure(sections)[0] != genuine[0]
        assert deployment.provision(enclave, 1).code == "DENIED"
    finally:
        enclave.kill()
    (tmp_path / "control.eif").write_bytes(data)
    control = harness.Enclave(tmp_path / "c", "control", tmp_path / "control.eif", devd)
    try:
        assert deployment.provision(control, 1).code == "OK"
    finally:
        control.kill()


def test_an_image_that_another_tool_wrote_is_measured_and_run_alike(devd, tmp_path):
    path, pcrs = harness.peer_image(tmp_path, "peer", devd, {"/bin/agent": program("echo_agent").read_bytes()})
    printed = json.loads(run(program("cmaw-image"), "measure", path).stdout)["Measurements"]
    assert {i: bytes.fromhex(printed[f"PCR{i}"]) for i in (0, 1, 2)} == pcrs
    enclave = harness.Enclave(tmp_path / "e", "peer", path, devd)
    try:
        harness.Deployment(devd, [pcrs], tenant="peer").ready(enclave, 1)
    finally:
        enclave.kill()


@pytest.mark.parametrize("settings", [{"debug": "2"}, {"agent.io": "both"}, {"kms.host": ""}, {"agent.memory_mib": "lots"}, {"attestation.root": "00"},
                                      {"no.such.key": "1"}], ids=lambda s: next(iter(s)))
def test_an_image_with_settings_that_make_no_sense_ends_at_once(devd, tmp_path, settings):
    path, _ = harness.peer_image(tmp_path, "nonsense", devd, {"/bin/agent": program("echo_agent").read_bytes()}, **settings)
    enclave = harness.Enclave(tmp_path / "e", "nonsense", path, devd)  # the heartbeat comes first, as on the platform
    try:
        assert enclave.launch.process.wait(60) == 1
    finally:
        enclave.kill()
