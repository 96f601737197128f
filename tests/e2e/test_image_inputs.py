"""Agents from images of other builders run: in the folder that the image names, found by its PATH, through its links."""
import json

import harness
import oci
from harness import program, run, step


def build(tmp_path, devd):
    """Two layers: the second moves the program of the first into a folder behind a link."""
    echo = program("echo_agent").read_bytes()
    layers = [oci.tar([oci.folder("opt"), oci.file("opt/echo", b"an older one", 0o755), oci.link("bin", "opt/tools"), oci.file("dev/null", b"x")]),
              oci.tar([oci.gone("opt/echo"), oci.folder("opt/tools", 0o700), oci.file("opt/tools/echo", echo, 0o4700), oci.same("opt/again", "opt/tools/echo")])]
    config = {"Entrypoint": ["./echo"], "WorkingDir": "/bin", "Env": ["PATH=/bin"], "User": "nobody"}
    (tmp_path / "saved.tar").write_bytes(oci.archive(oci.docker_save(layers, config)))
    (tmp_path / "image.yaml").write_text("version: 1\nname: echo\nagent: {rootfs: saved.tar, io: raw, content_type: text/plain}\n"
                                         "limits: {memory_mib: 64, processes: 4, open_files: 32, cpu_s: 20, output_kib: 64, tmp_kib: 8}\n")
    out = run(program("cmaw-image"), "build", tmp_path / "image.yaml", "-o", tmp_path / "x.eif", "--init", program("init-sim"), "--kms-host", harness.KMS_HOST,
              "--kms-roots", devd.tls_ca, "--attestation-root", devd.root, "--kernel", "none").stdout
    measurements = json.loads(out)["Measurements"]
    return tmp_path / "x.eif", {i: bytes.fromhex(measurements[f"PCR{i}"]) for i in (0, 1, 2)}


def test_the_agent_of_a_docker_archive_does_its_work(devd, tmp_path):
    eif, pcrs = build(tmp_path, devd)
    deployment, enclaves = harness.Deployment(devd, [pcrs, pcrs], tenant="inputs"), []
    try:
        for role in (1, 2):
            enclaves.append(harness.Enclave(tmp_path / f"e{role}", f"inputs{role}", eif, devd))
            deployment.ready(enclaves[-1], role)
        job = deployment.run()
        answer = step(enclaves[0], job, 1, job.seal(1, b"from a layer"))
        assert answer.code == "OK", (answer, enclaves[0].launch.tail())
        answer = step(enclaves[1], job, 2, answer.body["states"][0])
        assert answer.code == "OK" and job.open(answer.body["states"][0])["content"] == b"from a layer"
    finally:
        for enclave in enclaves:
            enclave.kill()
