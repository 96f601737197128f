"""LookupEvents: attributes, pages that do not shift, the rate limit, late delivery, time ranges."""
import concurrent.futures
import datetime
import json
import time

import pytest
from botocore.exceptions import ClientError

import devd as world

AUDITOR = f"arn:aws:iam::{world.ACCOUNT}:user/auditor"
OTHER_AUDITOR = "arn:aws:iam::444455556666:user/auditor"


@pytest.fixture
def own(tmp_path):
    """Starts a cmaw-devd with options of its own; stopped at the end."""
    started = []

    def start(*options):
        started.append(world.Devd(tmp_path / "devd", *options).start())
        return started[-1]
    yield start
    for devd in started:
        assert devd.stop() == 0


def lookup(devd, key, **body):
    status, answer = world.post(devd, key, "cloudtrail", "CloudTrail_20131101.LookupEvents", json.dumps(body).encode())
    return answer if status == 200 else answer["__type"]


def by(name, value):
    return {"LookupAttributes": [{"AttributeKey": name, "AttributeValue": value}]}


def make_events(devd, count):
    key = devd.access_key(world.PARENT)
    client = devd.client("kms", key)
    ids = [client.generate_random(NumberOfBytes=1)["ResponseMetadata"]["RequestId"] for _ in range(count)]
    return key, ids


def request_ids(page):
    return [json.loads(event["CloudTrailEvent"])["requestID"] for event in page["Events"]]


def test_every_attribute(devd, admin, parent, open_key, trail):
    parent.encrypt(KeyId=open_key, Plaintext=b"x")
    auditor = devd.access_key(AUDITOR)
    event = lookup(devd, auditor, **by("ResourceName", open_key), MaxResults=1)["Events"][0]
    body = json.loads(event["CloudTrailEvent"])
    values = {"EventId": event["EventId"], "EventName": "Encrypt", "ReadOnly": "true", "Username": "cmaw-dev",
              "ResourceType": "AWS::KMS::Key", "ResourceName": open_key, "EventSource": "kms.amazonaws.com",
              "AccessKeyId": body["userIdentity"]["accessKeyId"]}
    for name, value in values.items():
        found = lookup(devd, auditor, **by(name, value))["Events"]
        assert event["EventId"] in [one["EventId"] for one in found], name
        assert lookup(devd, auditor, **by(name, value + "x"))["Events"] == [], name
    by_read_only = lookup(devd, auditor, **by("ReadOnly", "false"))["Events"]
    assert by_read_only and all(one["ReadOnly"] == "false" for one in by_read_only)


BAD_REQUESTS = [
    ({"LookupAttributes": [{"AttributeKey": "Color", "AttributeValue": "x"}]}, "InvalidLookupAttributesException"),
    ({"LookupAttributes": [{"AttributeKey": "EventName"}]}, "InvalidLookupAttributesException"),
    ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": ""}]}, "InvalidLookupAttributesException"),
    ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "x" * 2001}]}, "InvalidLookupAttributesException"),
    ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "x"}] * 2}, "InvalidLookupAttributesException"),
    ({"LookupAttributes": "EventName"}, "InvalidLookupAttributesException"),
    ({"MaxResults": 0}, "InvalidMaxResultsException"),
    ({"MaxResults": 51}, "InvalidMaxResultsException"),
    ({"MaxResults": "many"}, "InvalidMaxResultsException"),
    ({"StartTime": 10, "EndTime": 9}, "InvalidTimeRangeException"),
    ({"StartTime": "yesterday"}, "InvalidTimeRangeException"),
    ({"StartTime": -1}, "InvalidTimeRangeException"),
    ({"EventCategory": "weather"}, "InvalidEventCategoryException"),
    ({"NextToken": ""}, "InvalidNextTokenException"),
    ({"NextToken": "x" * 5000}, "InvalidNextTokenException"),
    ({"NextToken": "1.2.3.4.0011223344556677"}, "InvalidNextTokenException"),
    ({"NextToken": 7}, "InvalidNextTokenException"),
]


@pytest.mark.parametrize("body, error", BAD_REQUESTS)
def test_bad_requests(devd, body, error):
    assert lookup(devd, devd.access_key(AUDITOR), **body) == error


def test_insight_events_there_are_none(devd, parent):
    parent.generate_random(NumberOfBytes=1)
    assert lookup(devd, devd.access_key(AUDITOR), EventCategory="insight") == {"Events": []}


def test_pages_do_not_shift_under_new_events(devd):
    """Events that come while somebody pages are in none of the pages, and none of the others is missed or doubled."""
    auditor = devd.access_key(AUDITOR)
    key, ids = make_events(devd, 11)
    query = by("AccessKeyId", key["AccessKeyId"]) | {"MaxResults": 3}
    seen, token = [], {}
    while True:
        page = lookup(devd, auditor, **query, **token)
        seen += request_ids(page)
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
        devd.client("kms", key).generate_random(NumberOfBytes=1)
    assert seen == ids[::-1]
    assert len(lookup(devd, auditor, **by("AccessKeyId", key["AccessKeyId"]))["Events"]) == 11 + 3


def test_a_token_is_for_its_request_only(devd):
    auditor = devd.access_key(AUDITOR)
    key, _ = make_events(devd, 5)
    query = by("AccessKeyId", key["AccessKeyId"]) | {"MaxResults": 2}
    token = lookup(devd, auditor, **query)["NextToken"]
    assert len(lookup(devd, auditor, **query, NextToken=token)["Events"]) == 2
    others = [by("EventName", "GenerateRandom") | {"MaxResults": 2}, query | {"MaxResults": 3}, query | {"StartTime": 1},
              query | {"EndTime": 2e9}, query | {"EventCategory": "insight"}, {"MaxResults": 2}]
    for other in others:
        assert lookup(devd, auditor, **other, NextToken=token) == "InvalidNextTokenException", other
    for at in range(len(token)):
        changed = token[:at] + ("1" if token[at] != "1" else "2") + token[at + 1:]
        assert lookup(devd, auditor, **query, NextToken=changed) == "InvalidNextTokenException", at


def test_a_token_outlives_a_restart(own):
    devd = own()
    auditor = devd.access_key(AUDITOR)
    key, ids = make_events(devd, 4)
    query = by("AccessKeyId", key["AccessKeyId"]) | {"MaxResults": 2}
    token = lookup(devd, auditor, **query)["NextToken"]
    devd.kill()
    devd.start()
    assert request_ids(lookup(devd, auditor, **query, NextToken=token)) == ids[1::-1]


def test_time_ranges_cut_to_the_second(own):
    devd = own()
    auditor = devd.access_key(AUDITOR)
    make_events(devd, 1)
    at = lookup(devd, auditor, **by("EventName", "GenerateRandom"))["Events"][0]["EventTime"]
    for start, end, count in ((at, at + 1, 1), (at + 1, at + 2, 0), (at - 2, at - 1, 0), (at - 1, at + 1, 1)):
        assert len(lookup(devd, auditor, **by("EventName", "GenerateRandom"), StartTime=start, EndTime=end)["Events"]) == count


def test_rate_limit(own):
    """So many a second for an account, whoever of it asks; another account has its own."""
    devd = own("--lookup-rate", "1")
    one, two, foreign = devd.access_key(AUDITOR), devd.access_key(world.ADMIN), devd.access_key(OTHER_AUDITOR)
    clock = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # also on a busy machine more than the limit
        answers = list(pool.map(lambda key: lookup(devd, key, MaxResults=1), (one, two) * 20))
    passed = time.monotonic() - clock
    allowed = sum(isinstance(answer, dict) for answer in answers)
    assert {answer for answer in answers if isinstance(answer, str)} == {"ThrottlingException"}
    assert 1 <= allowed <= 1 + passed + 1
    assert lookup(devd, foreign, MaxResults=1) != "ThrottlingException"
    # a client that backs off is served
    retrying = devd.client("cloudtrail", one)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            retrying.lookup_events(MaxResults=1)
            break
        except ClientError as refusal:
            assert refusal.response["Error"]["Code"] == "ThrottlingException"
    else:
        pytest.fail("never served again")


def seen_first(devd, auditor, key, ids):
    """When each event was there for the first time, in the order of ids."""
    found, deadline = {}, time.monotonic() + 180
    while len(found) < len(ids):
        assert time.monotonic() < deadline
        now = time.monotonic()
        for number in map(ids.index, request_ids(lookup(devd, auditor, **by("AccessKeyId", key["AccessKeyId"])))):
            found.setdefault(number, now)
    return [found[number] for number in range(len(ids))]


def test_events_come_late_and_out_of_order(own):
    """With a delay of 1 to 4 seconds all is there in the end, and at some time a later event was there before an earlier one, which who looks
    too seldom does not see: so several times."""
    devd = own("--trail-delay", "1-4")
    auditor = devd.access_key(AUDITOR)
    for _ in range(8):
        key, ids = make_events(devd, 40)
        times = seen_first(devd, auditor, key, ids)
        if any(later < earlier for earlier, later in zip(times, times[1:])):
            break
    else:
        pytest.fail("always in order")
    for event in lookup(devd, auditor, **by("AccessKeyId", key["AccessKeyId"]))["Events"]:
        body = json.loads(event["CloudTrailEvent"])
        assert datetime.datetime.fromisoformat(body["eventTime"]).timestamp() == event["EventTime"]


def test_a_long_delay_hides_events(own):
    devd = own("--trail-delay", "3600")
    make_events(devd, 3)
    assert lookup(devd, devd.access_key(AUDITOR)) == {"Events": []}
    devd.stop()
    devd.options = ()
    devd.start()  # what was recorded keeps its time of delivery
    assert lookup(devd, devd.access_key(AUDITOR), **by("EventName", "GenerateRandom")) == {"Events": []}


@pytest.mark.parametrize("value", ["", "-", "5-", "9-3", "-3", "1-2-3", "x", "999999999"])
def test_bad_delays(tmp_path, value):
    devd = world.Devd(tmp_path / "devd")
    done = world.subprocess.run([world.PROGRAM, "serve", "--dir", devd.folder, "--trail-delay", value], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "hint:" in done.stderr
