"""cmaw-worker with the instance metadata service as the only place of its credentials: it configures enclaves with the role's temporary keys, and
with newer ones before those expire."""
import types

import pytest

import credential_services as services
import harness
import orchestra
from credential_services import answer, metadata, scripted, status

LIFETIME_S = 12  # as the service says, so that they are renewed after three to six; KMS takes them for longer, however slow this machine is


@pytest.fixture(scope="module")
def born(folder, devd, images, launch):
    """A deployment with one enclave that has been born, and waits for a worker."""
    deployment = harness.Deployment(devd, images.pcrs[:1], tenant="credentials")
    enclave = launch("credentials", images.eifs[0])
    assert deployment.provision(enclave, 1).code == "OK"
    return types.SimpleNamespace(deployment=deployment, enclave=enclave)


@pytest.fixture
def start(born, temporal, tmp_path):
    """start(url, …) runs a worker that has nothing but the metadata service there."""
    workers = []

    def run(url, *arguments, **more):
        workers.append(orchestra.Worker(tmp_path, temporal, born.deployment, {1: born.enclave}, *arguments,
                                        env=services.environment(tmp_path, AWS_EC2_METADATA_SERVICE_ENDPOINT=url, **more)).daemon)
        return workers[-1]
    yield run
    for worker in workers:
        worker.kill()


def restart(born):
    """As if it had been replaced: a new one comes up without a key."""
    born.enclave.launch.kill()
    born.enclave.launch.start()


def is_ready(born):
    return born.enclave.call("describe").body["state"] == 3


def decrypts(born):
    """The access key ids of Decrypt calls for the deployment's key, oldest first."""
    key = born.deployment.keys[0]
    return [e["userIdentity"]["accessKeyId"] for e in reversed(born.deployment.devd.events())
            if e["eventName"] == "Decrypt" and any(r["ARN"] == key for r in e["resources"])]


def ready_with(born, key):
    harness.wait_for(lambda: is_ready(born), "the enclave")
    assert decrypts(born)[-1] == key["AccessKeyId"]


def assert_not_told(born, tmp_path, *keys):
    """No file that a test left, and no log of the enclave, holds a secret; but for what the mock was given."""
    secrets = [key[name].encode() for key in keys for name in ("SecretAccessKey", "SessionToken")]
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "imds.json" and not p.name.startswith("core")]
    assert any(p.name == "worker.log" for p in files)
    for path in [*files, born.enclave.launch.log, born.enclave.proxy.log, born.deployment.devd.daemon.log]:
        content = path.read_bytes()
        assert not [s for s in secrets if s in content], path


def test_keys_are_renewed_and_reach_the_enclave(born, devd, start, tmp_path):
    first, second = devd.session(harness.PARENT), devd.session(harness.PARENT)
    mock = services.MetadataMock(tmp_path, first, LIFETIME_S)
    try:
        restart(born)
        worker = start(mock.url, "--credentials", "imds")
        ready_with(born, first)
        mock.kill()  # it is away for a moment, as it may be, until the worker has missed it
        log = worker.log.read_text
        harness.wait_for(lambda: "credentials.not_renewed" in log(), "a renewal that fails")
        mock.serve(second, 3600)
        harness.wait_for(lambda: "credentials.renewed source=imds" in log().rsplit("credentials.not_renewed", 1)[1], "the renewal")
        restart(born)
        ready_with(born, second)
        worker.stop()
        assert_not_told(born, tmp_path, first, second)
    finally:
        mock.kill()


@pytest.mark.parametrize("word", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_keys_that_kms_does_not_take_are_fetched_once_more(born, devd, start, tmp_path, word):
    good = devd.session(harness.PARENT)
    bad = services.KEYS if word.startswith("Unrecognized") else devd.session(harness.PARENT, 0)
    served = metadata(keys=[lambda h: h.say(200, answer(bad)), lambda h: h.say(200, answer(good))])
    with scripted(served) as server:
        restart(born)
        worker = start(server.url, "--credentials", "imds")
        ready_with(born, good)
        assert [path for _, path, _ in server.seen].count(services.TOKEN_PATH) == 2
        assert worker.tail().count("enclave.configure role=") == 1 and f'kms="{word}: ' in worker.tail()
        worker.stop()
    assert_not_told(born, tmp_path, good, bad)


def test_a_metadata_service_that_comes_up_later(born, devd, start, tmp_path):
    """The worker serves, says what it waits for, and configures the enclave as soon as there are keys."""
    good, trouble = devd.session(harness.PARENT), [status(503)] * 4
    with scripted(metadata(token=[*trouble, status(200, "t0k3n")], keys=lambda h: h.say(200, answer(good)))) as server:
        restart(born)
        worker = start(server.url, "--credentials", "imds")
        ready_with(born, good)
        assert "credentials.not_renewed failures=1 text=\"imds: " in worker.tail() and "HTTP 503" in worker.tail()
        worker.stop()
    assert_not_told(born, tmp_path, good)


@pytest.mark.parametrize("parts,words", [({"token": status(404)}, ["version 1 only"]), ({"keys": status(200, "{")}, ["no JSON object"]), ({"roles": status(404)}, ["has no role"])],
                         ids=["version-1", "malformed", "no-role"])
def test_a_worker_without_credentials_ends(start, parts, words):
    with scripted(metadata(**parts)) as server:
        with pytest.raises(AssertionError) as ended:
            start(server.url, "--credentials", "imds")
    assert "cmaw-worker: imds: " in str(ended.value)
    for word in words:
        assert word in str(ended.value)
