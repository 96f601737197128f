"""What was acknowledged is there after a kill; many requests at once."""
import concurrent.futures
import re
import signal
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

import devd as world
from devd import CONTEXT, Enclave


@pytest.fixture
def own(tmp_path):
    devd = world.Devd(tmp_path / "devd").start()
    yield devd
    devd.stop()


def test_kill_during_writes(own):
    """Rounds of kill -9 while eight clients make keys: none that was acknowledged is missing, each has its event."""
    clients = [own.client("kms", own.access_key(world.ADMIN)) for _ in range(8)]
    text = world.policy(world.ADMINISTRATION)
    acknowledged, lock = {}, threading.Lock()

    def make(client, enough):
        while True:
            try:
                answer = client.create_key(Policy=text)
            except (BotoCoreError, ClientError):
                return
            with lock:
                acknowledged[answer["KeyMetadata"]["Arn"]] = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
                if len(acknowledged) >= enough:
                    full.set()

    for round_number in range(3):
        full = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = [pool.submit(make, client, 40 * (round_number + 1)) for client in clients]
            assert full.wait(300)
            own.kill()
            for one in done:
                one.result(timeout=120)
        own.start()
    admin = own.client("kms", own.access_key(world.ADMIN))
    listed = {key["KeyArn"] for page in admin.get_paginator("list_keys").paginate() for key in page["Keys"]}
    assert set(acknowledged) <= listed
    trail = own.client("cloudtrail", own.access_key(world.ADMIN))
    logged = set()
    attribute = [{"AttributeKey": "EventName", "AttributeValue": "CreateKey"}]
    for page in trail.get_paginator("lookup_events").paginate(LookupAttributes=attribute):
        logged |= {event["Resources"][0]["ResourceName"] for event in page["Events"]}
    assert logged == listed


def test_an_enclave_outlives_a_kill(own):
    admin = own.client("kms", own.access_key(world.ADMIN))
    credentials = own.access_key(world.PARENT)
    key = admin.create_key(Policy=world.hardened())["KeyMetadata"]["Arn"]
    enclave = Enclave(own.folder)
    enclave.extend_and_lock(16, world.ROLE_LOCK)
    made = own.client("kms", credentials).generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT,
                                                            Recipient=enclave.recipient())
    secret = enclave.open(made)
    leaf = world.split_document(enclave.attest())[1]["certificate"]
    own.kill()
    own.start()
    again = Enclave(own.folder, token=enclave.token)
    assert again.token == enclave.token
    described = again.call({"DescribePCR": {"index": 16}})["DescribePCR"]
    assert described == {"lock": True, "data": world.extended(world.ROLE_LOCK)}
    assert world.split_document(again.attest())[1]["certificate"] == leaf
    opened = own.client("kms", credentials).decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT, Recipient=again.recipient())
    assert again.open(opened) == secret


def test_hundreds_at_once(own):
    admin = own.client("kms", own.access_key(world.ADMIN))
    client = own.client("kms", own.access_key(world.PARENT))
    text = world.policy(world.ADMINISTRATION, world.allow(world.PARENT, ["kms:GenerateDataKey", "kms:Decrypt"]))
    key = admin.create_key(Policy=text)["KeyMetadata"]["Arn"]
    enclave = Enclave(own.folder)
    recipient = enclave.recipient()

    def one(number):
        context = {"number": str(number)}
        made = client.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context, Recipient=recipient)
        opened = client.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)
        return enclave.open(made) == opened["Plaintext"]

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        assert all(pool.map(one, range(300)))
    trail = own.client("cloudtrail", own.access_key(world.ADMIN))
    for name in ("GenerateDataKey", "Decrypt"):
        attribute = [{"AttributeKey": "EventName", "AttributeValue": name}]
        pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=attribute)
        assert sum(len(page["Events"]) for page in pages) == 300


def test_access_keys_while_serving(own):
    key = own.access_key(world.PARENT)
    assert own.client("kms", key).generate_random(NumberOfBytes=1)


def test_the_system_chooses_port_0(tmp_path):
    chosen = world.Devd(tmp_path / "devd")
    chosen.port = 0
    with chosen.start():
        assert chosen.port != 0 and chosen.client("kms", chosen.access_key(world.PARENT)).generate_random(NumberOfBytes=1)


def serve(folder, port):
    return world.subprocess.run([world.PROGRAM, "serve", "--dir", folder, "--port", str(port)], capture_output=True, text=True, timeout=120)


def test_a_second_one_disturbs_nothing(own, tmp_path):
    same_folder = serve(own.folder, 0)
    assert same_folder.returncode == 1 and "serves" in same_folder.stderr
    other = world.Devd(tmp_path / "other")
    same_port = serve(other.folder, own.port)
    assert same_port.returncode == 3 and "cannot listen" in same_port.stderr and "hint:" in same_port.stderr
    assert own.client("kms", own.access_key(world.PARENT)).generate_random(NumberOfBytes=1)
    assert Enclave(own.folder).call("GetRandom")


def test_one_that_dies_says_where(own):
    own.process.send_signal(signal.SIGABRT)
    with pytest.raises(AssertionError) as failure:
        own.stop()
    assert f"ended with -{signal.SIGABRT.value}" in str(failure.value) and "fatal signal=SIGABRT" in str(failure.value)
    assert re.search(r"cmaw-devd\(\+0x[0-9a-f]+\)", str(failure.value))
