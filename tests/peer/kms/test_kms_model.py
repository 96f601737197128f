"""Every operation and every member of a request as AWS's own service model describes them, beside what the emulator takes."""
import base64

import botocore.session
import pytest

import devd as world

MODEL = botocore.session.get_session().get_service_model("kms")
UNSUPPORTED = {
    "ConnectCustomKeyStore", "CreateCustomKeyStore", "Decapsulate", "DeleteCustomKeyStore", "DeleteImportedKeyMaterial", "DeriveSharedSecret",
    "DescribeCustomKeyStores", "DisableKeyRotation", "DisconnectCustomKeyStore", "EnableKeyRotation", "Encapsulate", "GenerateMac",
    "GetKeyLastUsage", "GetParametersForImport", "ImportKeyMaterial", "ListKeyRotations", "ReplicateKey", "RotateKeyOnDemand",
    "UpdateCustomKeyStore", "UpdatePrimaryRegion", "VerifyMac"}
SUPPORTED = sorted(set(MODEL.operation_names) - UNSUPPORTED)
# what the model does not require and the operation does
BLOB = {"CiphertextBlob": "eA=="}
BASE = {"Decrypt": BLOB, "ReEncrypt": BLOB, "GenerateDataKey": {"KeySpec": "AES_256"}, "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
        "GenerateRandom": {"NumberOfBytes": 1}, "RetireGrant": {"KeyId": "x", "GrantId": "x"}, "CreateGrant": {"GranteePrincipal": world.PARENT},
        "ListRetirableGrants": {"RetiringPrincipal": world.PARENT}}
# members of things that are not emulated: asked for, they are refused and not passed over
FOREIGN = [("CreateKey", "CustomKeyStoreId"), ("CreateKey", "XksKeyId"), ("GenerateRandom", "CustomKeyStoreId")]


def send(devd, key, operation, request):
    return world.post(devd, key, "kms", f"TrentService.{operation}", world.json.dumps(request).encode())


@pytest.fixture(scope="module")
def key(devd):
    return devd.access_key(world.ADMIN)


def plain(shape):
    """The least value of a shape that the model lets through."""
    if shape.type_name == "structure":
        return {name: plain(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [plain(shape.member)]
    if shape.type_name == "blob":
        return base64.b64encode(b"x").decode()
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "alias/x" if shape.name == "AliasNameType" else "x" * max(1, shape.metadata.get("min", 1))
    return {"boolean": False, "integer": shape.metadata.get("min", 1), "map": {}, "timestamp": 1}[shape.type_name]


def wrong_values(shape):
    """(value, error) of what no request may hold there."""
    limits = shape.metadata
    if shape.type_name == "string":
        yield 7, "SerializationException"
        yield ["x"], "SerializationException"
        if shape.enum:
            yield "BOGUS", "ValidationException"
        if "max" in limits:
            yield "x" * (limits["max"] + 1), "ValidationException"
        if limits.get("min", 0) > 0:
            yield "", "ValidationException"
    elif shape.type_name == "blob":
        yield 7, "SerializationException"
        yield "no base64!", "SerializationException"
        yield "", "ValidationException"
        yield base64.b64encode(bytes(limits["max"] + 1)).decode(), "ValidationException"
    elif shape.type_name == "integer":
        yield "7", "SerializationException"
        yield limits["min"] - 1, "ValidationException"
        yield limits["max"] + 1, "ValidationException"
    elif shape.type_name == "boolean":
        yield "true", "SerializationException"
        yield 1, "SerializationException"
    elif shape.type_name == "list":
        yield {}, "SerializationException"
        if "max" in limits:
            yield [plain(shape.member)] * (limits["max"] + 1), "ValidationException"
        for value, error in wrong_values(shape.member):
            yield [value], error
    elif shape.type_name == "map":
        yield [], "SerializationException"
        yield {"a": 1}, "SerializationException"
    elif shape.type_name == "structure":
        yield [], "SerializationException"
        for name, value, error in wrong_members(shape):
            yield plain(shape) | {name: value}, error


def wrong_members(shape):
    for name in shape.members:
        for value, error in wrong_values(shape.members[name]):
            yield name, value, error
        if name in shape.required_members:
            yield name, None, "ValidationException"


def test_every_operation_of_the_model_is_known(devd, key):
    found = {name: send(devd, key, name, {}) for name in MODEL.operation_names}
    assert {name for name, (_, answer) in found.items() if answer.get("__type") == "UnsupportedOperationException"} == UNSUPPORTED
    assert not [name for name, (_, answer) in found.items() if answer.get("__type") == "UnknownOperationException"]
    assert {status for status, answer in found.values() if "__type" in answer} == {400}


def test_what_is_not_emulated_leaves_an_event(devd, key, trail):
    send(devd, key, "GenerateMac", {})
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GenerateMac"}])["Events"]
    assert world.json.loads(events[0]["CloudTrailEvent"])["errorCode"] == "UnsupportedOperationException"


@pytest.mark.parametrize("operation, member", FOREIGN)
def test_members_of_what_is_not_emulated(devd, key, operation, member):
    status, answer = send(devd, key, operation, BASE.get(operation, {}) | {member: "cks-1234567890"})
    assert (status, answer["__type"]) == (400, "UnsupportedOperationException")


@pytest.mark.parametrize("operation", SUPPORTED)
def test_members_that_are_wrong(devd, key, operation):
    shape = MODEL.operation_model(operation).input_shape
    wrong = []
    for name, value, error in wrong_members(shape):
        status, answer = send(devd, key, operation, plain(shape) | BASE.get(operation, {}) | {name: value})
        if (status, answer.get("__type")) != (400, error):
            wrong.append((name, str(value)[:40], error, status, answer))
    assert wrong == []
