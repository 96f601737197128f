"""kill -9 at any instant: nothing that was acknowledged is lost, and no effect is there without its event or the other way round.

Each client owns its keys, so it knows what their state can be: that of the last acknowledged call, or that of the one call whose
answer never came."""
import collections
import contextlib
import json
import os
import random
import socket
import sqlite3
import threading
import time

import boto3
import botocore.config
import pytest
from botocore.exceptions import BotoCoreError

import devd as world
from whole import whole_answers

ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
KILLS = 22
CLIENTS = 6
LOST = (BotoCoreError, OSError)  # no answer came: it may have happened or not


class Key:
    """What a client knows of a key: for each property, the values that it may have now."""

    def __init__(self, arn, policy):
        self.arn, self.touched = arn, True
        self.may_be = {"policy": {policy}, "state": {"Enabled"}, "description": {""}, "tag": {None}, "alias": {None}}


class Worker:
    """Does step again and again, in a thread for each round, until it is told to stop."""

    def __init__(self):
        self.stop, self.error, self.thread = False, None, None

    def begin(self):
        self.stop = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.stop:
                self.step()
        except BaseException as error:  # for the test to raise
            self.error = error

    def end(self):
        self.stop = True
        self.thread.join(120)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error


class Client(Worker):
    def __init__(self, number, devd, seed):
        super().__init__()
        self.rng, self.number = random.Random(seed * 100 + number), number
        self.kms = devd.client("kms", devd.access_key(world.ADMIN, ALL))
        self.acknowledged = {}  # request id: operation
        self.keys, self.blobs = [], []
        self.count = 0

    def call(self, operation, function, **arguments):
        """The answer, or None if none came."""
        try:
            answer = function(**arguments)
        except LOST:
            return None
        self.acknowledged[answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]] = operation
        return answer

    def change(self, key, what, value, operation, function, **arguments):
        """A call that changes a property: before its answer, the old and the new value are possible."""
        key.touched = True
        key.may_be[what] |= {value}
        if what != "alias":
            arguments["KeyId"] = key.arn
        if self.call(operation, function, **arguments) is not None:
            key.may_be[what] = {value}

    def policy(self):
        self.count += 1
        sid = f"c{self.number}n{self.count}"
        everything = {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": world.ADMIN}, "Action": "kms:*", "Resource": "*"}
        return world.policy(everything)

    def create(self):
        policy = self.policy()
        answer = self.call("CreateKey", self.kms.create_key, Policy=policy)
        if answer is not None:
            self.keys.append(Key(answer["KeyMetadata"]["Arn"], policy))

    def put_policy(self, key):
        policy = self.policy()
        self.change(key, "policy", policy, "PutKeyPolicy", self.kms.put_key_policy, PolicyName="default", Policy=policy)

    def describe(self, key):
        self.count += 1
        text = f"description {self.count}"
        self.change(key, "description", text, "UpdateKeyDescription", self.kms.update_key_description, Description=text)

    def tag(self, key):
        self.count += 1
        value = str(self.count)
        self.change(key, "tag", value, "TagResource", self.kms.tag_resource, Tags=[{"TagKey": "count", "TagValue": value}])

    def alias(self, key):
        """Made if there is none, deleted if there is one."""
        if key.may_be["alias"] == {None}:
            self.count += 1
            name = f"alias/c{self.number}n{self.count}"
            self.change(key, "alias", name, "CreateAlias", self.kms.create_alias, AliasName=name, TargetKeyId=key.arn)
        elif len(key.may_be["alias"]) == 1:
            self.change(key, "alias", None, "DeleteAlias", self.kms.delete_alias, AliasName=next(iter(key.may_be["alias"])))

    def disable_and_enable(self, key):
        self.change(key, "state", "Disabled", "DisableKey", self.kms.disable_key)
        self.change(key, "state", "Enabled", "EnableKey", self.kms.enable_key)

    def delete_and_keep(self, key):
        self.change(key, "state", "PendingDeletion", "ScheduleKeyDeletion", self.kms.schedule_key_deletion)
        if key.may_be["state"] == {"PendingDeletion"}:
            self.change(key, "state", "Disabled", "CancelKeyDeletion", self.kms.cancel_key_deletion)
        if key.may_be["state"] == {"Disabled"}:
            self.change(key, "state", "Enabled", "EnableKey", self.kms.enable_key)

    def encrypt(self, key):
        self.count += 1
        plaintext = f"client {self.number} number {self.count}".encode()
        answer = self.call("Encrypt", self.kms.encrypt, KeyId=key.arn, Plaintext=plaintext)
        if answer is not None:
            self.blobs.append((key.arn, answer["CiphertextBlob"], plaintext))

    def decrypt(self, key):
        usable = {one.arn for one in self.keys if one.may_be["state"] == {"Enabled"}}
        blobs = [(blob, plaintext) for arn, blob, plaintext in self.blobs[-20:] if arn in usable]
        if blobs:
            blob, plaintext = self.rng.choice(blobs)
            answer = self.call("Decrypt", self.kms.decrypt, CiphertextBlob=blob)
            assert answer is None or answer["Plaintext"] == plaintext

    def generate(self, key):
        answer = self.call("GenerateDataKey", self.kms.generate_data_key, KeyId=key.arn, KeySpec="AES_256")
        if answer is not None:
            self.blobs.append((key.arn, answer["CiphertextBlob"], answer["Plaintext"]))

    def step(self):
        usable = [key for key in self.keys if key.may_be["state"] == {"Enabled"}]
        if not usable or self.rng.random() < 0.05:
            self.create()
            return
        steps = [self.put_policy, self.put_policy, self.describe, self.tag, self.alias, self.encrypt, self.decrypt, self.generate,
                 self.disable_and_enable, self.delete_and_keep]
        self.rng.choice(steps)(self.rng.choice(usable))

    def settle(self):
        """What is possible becomes what is; anything else is a loss."""
        for key in self.keys:
            if not key.touched:
                continue  # all are looked at in the end
            key.touched = False
            for name, value in present(self.kms, key.arn).items():
                assert value in key.may_be[name], (key.arn, name, value, key.may_be[name])
                key.may_be[name] = {value}


def present(kms, arn):
    """The properties of a key as KMS tells them."""
    metadata = kms.describe_key(KeyId=arn)["KeyMetadata"]
    tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=arn)["Tags"]}
    aliases = [alias["AliasName"] for alias in kms.list_aliases(KeyId=arn)["Aliases"]]
    assert len(aliases) <= 1
    return {"state": metadata["KeyState"], "description": metadata["Description"], "policy": kms.get_key_policy(KeyId=arn)["Policy"],
            "tag": tags.get("count"), "alias": aliases[0] if aliases else None}


class Register(Worker):
    """An enclave that extends a register all the time: the chain of acknowledged values is never cut or forked."""

    def __init__(self, devd):
        super().__init__()
        self.devd, self.enclave = devd, world.Enclave(devd.folder)
        self.values, self.count = [bytes(48)], 0

    def step(self):
        with contextlib.suppress(OSError, EOFError):
            self.extend()

    def extend(self):
        if len(self.values) == 2:  # the last answer did not come: nothing more until it is known what became of it
            return time.sleep(0.01)
        self.count += 1
        data = self.count.to_bytes(4, "big")
        self.values.append(world.hashlib.sha384(self.values[0] + data).digest())
        assert self.enclave.call({"ExtendPCR": {"index": 20, "data": data}})["ExtendPCR"]["data"] == self.values[1]
        self.values = self.values[1:]

    def settle(self):
        token = self.enclave.token
        self.enclave.close()
        self.enclave = world.Enclave(self.devd.folder, token=token)
        value = self.enclave.call({"DescribePCR": {"index": 20}})["DescribePCR"]["data"]
        assert value in self.values
        self.values = [value]


def all_events(devd):
    """Oldest first."""
    trail, events = devd.client("cloudtrail", devd.access_key(world.ADMIN)), []
    for page in trail.get_paginator("lookup_events").paginate(LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "kms.amazonaws.com"}]):
        events += [json.loads(event["CloudTrailEvent"]) for event in page["Events"]]
    return events[::-1]


STATES = {"EnableKey": "Enabled", "DisableKey": "Disabled", "ScheduleKeyDeletion": "PendingDeletion", "CancelKeyDeletion": "Disabled"}


def replay(event, keys):
    """What a successful call that writes says of its key."""
    name, parameters = event["eventName"], event["requestParameters"]
    arn = event["resources"][-1]["ARN"]
    if name == "CreateKey":
        assert arn not in keys and event["responseElements"]["keyMetadata"]["arn"] == arn
        keys[arn] = {"state": "Enabled", "description": "", "policy": parameters["policy"], "tag": None, "alias": None}
    elif name in STATES:
        keys[arn]["state"] = STATES[name]
    elif name == "PutKeyPolicy":
        keys[arn]["policy"] = parameters["policy"]
    elif name == "UpdateKeyDescription":
        keys[arn]["description"] = parameters["description"]
    elif name == "TagResource":
        keys[arn]["tag"] = parameters["tags"][0]["tagValue"]
    else:
        keys[arn]["alias"] = {"CreateAlias": parameters["aliasName"], "DeleteAlias": None}[name]


def check_events_and_effects_agree(devd, kms):
    """Replaying the events gives exactly the keys that are there, with all their properties."""
    keys = {}
    for event in all_events(devd):
        if "errorCode" not in event and not event["readOnly"]:
            replay(event, keys)
    listed = {key["KeyArn"] for page in kms.get_paginator("list_keys").paginate() for key in page["Keys"]}
    assert listed == set(keys)
    for arn, replayed in keys.items():
        assert present(kms, arn) == replayed
    return len(keys)


def check_database(devd):
    with contextlib.closing(sqlite3.connect(f"file:{devd.folder}/devd.db?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def check_acknowledged(devd, clients):
    """Each acknowledged call has its event, once and under its name; each acknowledged blob opens."""
    logged = collections.defaultdict(list)
    for event in all_events(devd):
        logged[event["requestID"]].append((event["eventName"], event.get("errorCode")))
    for client in clients:
        for request_id, operation in client.acknowledged.items():
            assert logged[request_id] == [(operation, None)]
        states = {key.arn: key.may_be["state"] for key in client.keys}
        for arn, blob, plaintext in client.blobs[:: max(1, len(client.blobs) // 40)]:
            if states[arn] == {"Enabled"}:
                assert client.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext


def acknowledged(clients):
    return sum(len(client.acknowledged) for client in clients)


@pytest.mark.timeout(900)
def test_kills_at_random_instants(tmp_path):
    seed = int(os.environ.get("CMAW_TEST_SEED", random.randrange(1 << 30)))
    print(f"CMAW_TEST_SEED={seed}")
    rng = random.Random(seed)
    devd = world.Devd(tmp_path / "devd").start()
    clients = [Client(number, devd, seed) for number in range(CLIENTS)]
    workers = [*clients, Register(devd)]
    per_round = []
    for _ in range(KILLS):
        before = acknowledged(clients)
        for worker in workers:
            worker.begin()
        if len(per_round) % 3:  # else the kill may also come before any answer
            world.wait_for(lambda: acknowledged(clients) > before)
        time.sleep(rng.uniform(0.02, 0.35))  # the instant is what is random here
        devd.kill()
        for worker in workers:
            worker.end()
        devd.start()
        for worker in workers:
            worker.settle()
        check_database(devd)
        per_round.append(acknowledged(clients) - before)
    print(f"{sum(per_round)} calls acknowledged in {KILLS} rounds: {per_round}")
    assert sum(count > 0 for count in per_round) >= KILLS // 2  # most kills met work
    check_acknowledged(devd, clients)
    assert check_events_and_effects_agree(devd, clients[0].kms) >= CLIENTS
    assert devd.stop() == 0


@pytest.mark.parametrize("start", ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "HTTP/1.1 200 OK\r\nServer: x"],
                         ids=["head", "some-of-the-body", "some-of-the-head"])
def test_an_answer_cut_off_is_none(start):
    """What the other tests rest on: a client here does not take the start of an answer for a whole one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def cut_off():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(start.encode())

        client = whole_answers(boto3.client(
            "kms", region_name=world.REGION, endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}", aws_access_key_id="a" * 16,
            aws_secret_access_key="b" * 40, config=botocore.config.Config(retries={"total_max_attempts": 1})))
        thread = threading.Thread(target=cut_off)
        thread.start()
        with pytest.raises(BotoCoreError):
            client.create_key()
        thread.join(120)
