"""An enclave as its host sees it: agents that misbehave, many steps at once, wire forms of the platform, impostors of KMS, memory."""
import concurrent.futures
import os
import time
import types

import pytest

import harness
import sst1
from harness import one_step_plan, step


@pytest.fixture(scope="module")
def hostile(folder, devd, launch):
    """hostile(mode): a role whose agent does what tests/agents/hostile.c calls mode."""
    made = {}

    def make(mode):
        if mode not in made:
            eif, pcrs = harness.build_image(folder / "images", f"hostile-{mode}", devd, harness.program("agent-hostile"), [mode])
            deployment = harness.Deployment(devd, [pcrs], tenant=f"hostile-{mode}")
            enclave = launch(f"hostile-{mode}", eif)
            deployment.ready(enclave, 1)
            made[mode] = types.SimpleNamespace(deployment=deployment, enclave=enclave)
        return made[mode]
    return make


@pytest.mark.parametrize("mode,code", [("hang", "AGENT_TIMEOUT"), ("abort", "AGENT_FAILED")])
def test_agents_that_do_not_end_well(hostile, mode, code):
    role = hostile(mode)
    run = role.deployment.run(one_step_plan(role.deployment, timeout_s=2 if mode == "hang" else 60))
    for _ in range(2):  # and the enclave lives on
        started = time.monotonic()
        answer = step(role.enclave, run, 1, run.seal(1, b"x"))
        assert answer.code == code, answer
        assert time.monotonic() - started < 120
        failure = sst1.verify_failure(role.deployment.manifest, run.plan, run.header, answer.body["ak_doc"], answer.body["receipt"],
                                      answer.body["states"][0], run.secrets[2])
        assert failure["content"].startswith(code.encode() + b"\n")
    harness.wait_for(lambda: role.enclave.call("stats").body["agents_running"] == 0, "what was killed is gone")


def test_the_host_s_deadline_is_kept(hostile):
    role = hostile("hang")
    run = role.deployment.run(one_step_plan(role.deployment, timeout_s=600))
    started = time.monotonic()
    assert step(role.enclave, run, 1, run.seal(1, b"x"), deadline_ms=1000).code == "AGENT_TIMEOUT"
    assert time.monotonic() - started < 120


def test_many_steps_at_once(chain):
    runs = [chain.deployment.run() for _ in range(40)]

    def one(item):
        index, run = item
        sealed, end = run.seal(1, f"content {index}".encode()), time.monotonic() + 300
        while True:
            answer = step(chain.enclaves[1], run, 1, sealed)
            if answer.code != "BUSY" or time.monotonic() > end:
                return answer.code, answer.body and run.open(answer.body["states"][0])["content"]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        results = list(pool.map(one, enumerate(runs)))
    assert results == [("OK", f"content {i}".encode()) for i in range(40)]


def test_one_connection_takes_many_requests(chain):
    run = chain.deployment.run()
    with chain.enclaves[1].connect() as rpc:
        for index in range(5):
            request = {"plan": run.plan.bytes, "ticket": run.ticket, "step": 1, "inputs": [run.seal(1, b"x" * index)], "attempt": 1}
            assert rpc.call("step", request).code == "OK"
            assert rpc.call("describe").code == "OK"


def test_silent_connections_keep_nobody_out(chain):
    idle = [chain.enclaves[1].connect() for _ in range(20)]
    try:
        for rpc in idle[:10]:
            rpc.socket.sendall((1000).to_bytes(4, "big") + b"half a frame")
        run = chain.deployment.run()
        assert step(chain.enclaves[1], run, 1, run.seal(1, b"x")).code == "OK"
    finally:
        for rpc in idle:
            rpc.socket.close()


def test_an_attestation_carries_the_caller_s_nonce(chain):
    nonce = os.urandom(32)
    answer = chain.enclaves[1].call("attest", {"nonce": nonce})
    document, _ = sst1.attested(answer.body["ak_doc"], chain.deployment.manifest, 1)
    assert document.nonce == nonce
    assert chain.enclaves[1].call("attest", {"nonce": bytes(513)}).code == "BAD_REQUEST"


def test_memory_of_a_serving_enclave(chain):
    """After every size class and many steps: all processes of the enclave together, no agent running."""
    for size in (1, 100_000, 1_800_000):
        run = chain.deployment.run()
        assert step(chain.enclaves[1], run, 1, run.seal(1, os.urandom(size))).code == "OK"
    inside = chain.enclaves[1].processes()
    resident = sum(map(harness.resident_bytes, inside))
    assert inside and 0 < resident < 16 << 20, f"{resident >> 10} KiB in {len(inside)} processes"


def deploy(folder, devd, name, kms=None):
    eif, pcrs = harness.build_image(folder / "images", name, devd, harness.program("echo_agent"))
    deployment = harness.Deployment(devd, [pcrs], tenant=name)
    return deployment, harness.Enclave(folder / "enclaves", name, eif, devd, kms=kms)


@pytest.mark.parametrize("cms,document", [("a", "definite"), ("b", "indefinite")])
def test_every_form_of_the_platform_is_understood(folder, cms, document):
    name = f"form-{cms}-{document}"
    devd = harness.Devd(folder / name, "--cms-form", cms, "--map-form", document)
    deployment, enclave = deploy(folder, devd, name)
    try:
        deployment.ready(enclave, 1)
        run = deployment.run(one_step_plan(deployment))
        assert step(enclave, run, 1, run.seal(1, b"x")).code == "OK"
    finally:
        enclave.kill()
        devd.daemon.kill()


def test_time_is_the_module_s_and_not_the_host_s(folder):
    """The module's clock is 200 s behind: a ticket that was over 100 s ago by ours is still good inside."""
    devd = harness.Devd(folder / "behind", "--nsm-clock-offset", "-200")
    deployment, enclave = deploy(folder, devd, "behind")
    try:
        deployment.ready(enclave, 1)
        for seconds, code in ((-100, "OK"), (-300, "EXPIRED")):
            run = deployment.run(one_step_plan(deployment), expires_in_ms=seconds * 1000)
            assert step(enclave, run, 1, run.seal(1, b"x")).code == code
    finally:
        enclave.kill()
        devd.daemon.kill()


def test_an_impostor_of_kms_is_not_spoken_to(folder, devd):
    """The proxy leads to another KMS with a certificate of its own for the same name: TLS ends in the enclave and says no."""
    impostor = harness.Devd(folder / "impostor")
    deployment, enclave = deploy(folder, devd, "misled", kms=impostor)
    try:
        answer = deployment.provision(enclave, 1)
        assert answer.code == "KMS_UNAVAILABLE", answer
        assert not any(e["eventName"] == "GenerateDataKey" for e in impostor.events())
    finally:
        enclave.kill()
        impostor.daemon.kill()


def test_an_unreachable_kms_is_said_so(folder, devd):
    deployment, enclave = deploy(folder, devd, "lonely")
    enclave.proxy.kill()
    try:
        answer = deployment.provision(enclave, 1)
        assert answer.code == "KMS_UNAVAILABLE" and answer.kms_error, answer
    finally:
        enclave.kill()


def test_wrong_credentials_are_said_so(folder, devd):
    deployment, enclave = deploy(folder, devd, "stranger")
    try:
        request = {"manifest": deployment.manifest.bytes, "role": 1,
                   "credentials": {"access_key_id": "AKIAAAAAAAAAAAAAAAAA", "secret_access_key": "x" * 40}}
        answer = enclave.call("provision", request)
        assert answer.code != "OK" and answer.kms_error["type"] == "UnrecognizedClientException", answer
        assert deployment.provision(enclave, 1).code == "OK"
    finally:
        enclave.kill()


def test_an_enclave_outlives_a_restart_of_the_simulator(folder):
    devd = harness.Devd(folder / "restarted")
    deployment, enclave = deploy(folder, devd, "survivor")
    try:
        deployment.ready(enclave, 1)
        devd.daemon.kill()
        run = deployment.run(one_step_plan(deployment))
        assert step(enclave, run, 1, run.seal(1, b"x")).code == "OK"  # a step needs neither NSM nor KMS
        devd.daemon.start()
        answer = enclave.call("attest", {"nonce": b"again"})
        assert answer.code == "OK"
        document, _ = sst1.attested(answer.body["ak_doc"], deployment.manifest, 1)
        assert document.pcrs[16] == sst1.pcr16(deployment.manifest.mh, 1)
    finally:
        enclave.kill()
        devd.daemon.kill()


def test_terminate_ends_every_process(folder, devd):
    deployment, enclave = deploy(folder, devd, "ended")
    deployment.ready(enclave, 1)
    inside = enclave.processes()
    enclave.stop()
    for pid in inside:
        harness.wait_for(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), f"process {pid} is still there")
