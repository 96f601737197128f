"""Recipient: which documents KMS takes, which keys in them, and what it does with them. Everything over HTTPS."""
import base64
import json

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

import devd as world
import forge
from devd import CONTEXT

OK = "ok"
BAD = "ValidationException"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SPKI = world.spki(KEY)


@pytest.fixture(scope="module")
def credentials(devd):
    return devd.access_key(world.PARENT)


@pytest.fixture(scope="module")
def forger(devd):
    enclave = world.Enclave(devd.folder)
    yield forge.Forger(devd, enclave, SPKI)
    enclave.close()


def random_with(devd, credentials, recipient, **more):
    """GenerateRandom needs no key, so only the recipient decides. Returns "ok" or the type of the error."""
    body = {"NumberOfBytes": 32, "Recipient": recipient, **more}
    status, answer = world.post(devd, credentials, "kms", "TrentService.GenerateRandom", json.dumps(body).encode())
    if status != 200:
        assert status == 400 and "CiphertextForRecipient" not in answer and "Plaintext" not in answer
        return answer["__type"]
    assert set(answer) == {"CiphertextForRecipient"}
    return OK


def recipient_of(document):
    return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": base64.b64encode(document).decode()}


def p256():
    return ec.generate_private_key(ec.SECP256R1())


def now_ms(forger, seconds):
    return {"timestamp": forger.fields["timestamp"] + seconds * 1000}


def bundle(change):
    return lambda f: f.document({"cabundle": change(list(f.fields["cabundle"]))})


def pcrs(change):
    return lambda f: f.document({"pcrs": change(dict(f.fields["pcrs"]))})


def without(registers, index):
    del registers[index]
    return registers


def leaf(**arguments):
    return lambda f: f.document({"certificate": f.leaf(**arguments)})


def twice(f, name):
    """The payload with one key in it twice."""
    payload = cbor2.dumps(f.fields)
    assert payload[0] == 0xa9
    return f.document(payload=b"\xaa" + payload[1:] + cbor2.dumps(name) + cbor2.dumps(f.fields[name]))


def indefinite(f):
    return f.document(payload=b"\xbf" + cbor2.dumps(f.fields)[1:] + b"\xff")


def with_other_key(f):
    key = ec.generate_private_key(ec.SECP384R1())
    return f.document({"certificate": f.leaf(key=key)}, key=key)


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")

DOCUMENTS = [
    # accepted: what is signed is right, and the form is one that the platform or its successors may choose
    ("as the module makes it", lambda f: f.document(), OK),
    ("tag 18", lambda f: f.document(prefix=b"\xd2"), OK),
    ("indefinite map", indefinite, OK),
    ("an unknown member", lambda f: f.document({"news": [1, {"a": b"b"}]}), OK),
    ("the other s of the signature", lambda f: f.document(signature=lambda r, s: r.to_bytes(48, "big") + (forge.ORDER - s).to_bytes(48, "big")), OK),
    ("user data and nonce", lambda f: f.document({"user_data": b"", "nonce": bytes(1024)}), OK),
    ("absent optionals", lambda f: f.document({"user_data": ..., "nonce": ...}), OK),
    ("a forged leaf by the right authority", leaf(), OK),
    ("another leaf key by the right authority", with_other_key, OK),
    ("an unknown extension", leaf(extra=(UNKNOWN, False)), OK),
    ("280 s ahead of the clock", lambda f: f.document(now_ms(f, 280)), OK),
    ("registers of zeros: debug mode", pcrs(lambda p: p | {0: bytes(48), 1: bytes(48), 2: bytes(48)}), OK),
    # time
    ("301 s ahead and more", lambda f: f.document(now_ms(f, 3600)), BAD),
    ("an hour old", lambda f: f.document(now_ms(f, -3600)), BAD),
    ("before its certificate", lambda f: f.document(now_ms(f, -30)), BAD),
    ("a time of zero", lambda f: f.document({"timestamp": 0}), BAD),
    ("a negative time", lambda f: f.document({"timestamp": -1}), BAD),
    ("a time beyond 63 bits", lambda f: f.document({"timestamp": 1 << 63}), BAD),
    ("an expired leaf", leaf(not_before=-7200, not_after=-10), BAD),
    ("a leaf of tomorrow", leaf(not_before=60), BAD),
    ("a leaf that serves at the document's time and not yet now",
     lambda f: f.document(now_ms(f, 200) | {"certificate": f.leaf(not_before=150)}), BAD),
    # frame and signature
    ("alg -1", lambda f: f.document(protected=cbor2.dumps({1: -1})), BAD),
    ("alg -7", lambda f: f.document(protected=cbor2.dumps({1: -7})), BAD),
    ("alg -36", lambda f: f.document(protected=cbor2.dumps({1: -36})), BAD),
    ("a header more", lambda f: f.document(protected=cbor2.dumps({1: -35, 4: b"x"})), BAD),
    ("no header", lambda f: f.document(protected=b""), BAD),
    ("an unprotected header", lambda f: f.document(unprotected={4: b"x"}), BAD),
    ("tag 17", lambda f: f.document(prefix=b"\xd1"), BAD),
    ("a byte behind", lambda f: f.document() + b"\0", BAD),
    ("a signature of zeros", lambda f: f.document(signature=lambda r, s: bytes(96)), BAD),
    ("a signature of 64 bytes", lambda f: f.document(signature=lambda r, s: bytes(64)), BAD),
    ("a signature in DER", lambda f: f.document(signature=utils.encode_dss_signature), BAD),
    ("r and s swapped", lambda f: f.document(signature=lambda r, s: s.to_bytes(48, "big") + r.to_bytes(48, "big")), BAD),
    ("s beyond the order", lambda f: f.document(signature=lambda r, s: r.to_bytes(48, "big") + forge.ORDER.to_bytes(48, "big")), BAD),
    ("a payload signed by another key", lambda f: f.document(key=ec.generate_private_key(ec.SECP384R1())), BAD),
    ("a payload signed by the authority's key", lambda f: f.document(key=f.instance_key), BAD),
    # payload
    ("an empty payload", lambda f: f.document(payload=b""), BAD),
    ("a payload that is no map", lambda f: f.document(payload=cbor2.dumps([1])), BAD),
    ("a byte behind the payload", lambda f: f.document(payload=cbor2.dumps(f.fields) + b"\0"), BAD),
    ("public_key twice", lambda f: twice(f, "public_key"), BAD),
    ("pcrs twice", lambda f: twice(f, "pcrs"), BAD),
    *[(f"no {name}", lambda f, name=name: f.document({name: ...}), BAD)
      for name in ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key")],
    ("another digest", lambda f: f.document({"digest": "SHA512"}), BAD),
    ("a NitroTPM's name", lambda f: f.document({"module_id": "i-0123456789abcdef0-tpm0000000000000000"}), BAD),
    ("a NitroTPM's registers", lambda f: f.document({"pcrs": ..., "nitrotpm_pcrs": f.fields["pcrs"]}), BAD),
    ("a name in bytes", lambda f: f.document({"module_id": b"i-0-enc0"}), BAD),
    ("user data of 1025 bytes", lambda f: f.document({"user_data": bytes(1025)}), BAD),
    ("no registers", pcrs(lambda p: {}), BAD),
    *[(f"no PCR{index}", pcrs(lambda p, index=index: without(p, index)), BAD) for index in (0, 1, 2, 3, 4, 8)],
    ("a register of 32 bytes", pcrs(lambda p: p | {0: bytes(32)}), BAD),
    ("PCR32", pcrs(lambda p: p | {32: bytes(48)}), BAD),
    # certificates
    ("no root", bundle(lambda b: b[1:]), BAD),
    ("the root only", bundle(lambda b: b[:1]), BAD),
    ("no instance", bundle(lambda b: b[:-1]), BAD),
    ("reordered", bundle(lambda b: [b[0], b[2], b[1], b[3]]), BAD),
    ("doubled", bundle(lambda b: [b[0], b[1], b[1], b[2], b[3]]), BAD),
    ("none", bundle(lambda b: []), BAD),
    ("nine", bundle(lambda b: b + [b[3]] * 5), BAD),
    ("an empty one", bundle(lambda b: b + [b""]), BAD),
    ("the leaf among them", lambda f: f.document({"cabundle": [*f.fields["cabundle"], f.fields["certificate"]]}), BAD),
    ("an authority as the leaf", lambda f: f.document({"certificate": f.fields["cabundle"][3]}, key=f.instance_key), BAD),
    ("a leaf that is an authority", leaf(ca=True), BAD),
    ("a leaf that may not sign", leaf(usage=False), BAD),
    ("a leaf on P-256", leaf(key=p256()), BAD),
    ("a leaf by another key", leaf(issuer_key=ec.generate_private_key(ec.SECP384R1())), BAD),
    ("a leaf of another issuer", leaf(issuer=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])), BAD),
    ("an unknown critical extension", leaf(extra=(UNKNOWN, True)), BAD),
    # what QEMU makes is no document without the switch
    ("QEMU's", lambda f: forge.qemu_document(SPKI), BAD),
]


@pytest.mark.parametrize("name, make, verdict", DOCUMENTS, ids=[case[0] for case in DOCUMENTS])
def test_documents(devd, credentials, forger, name, make, verdict):
    assert random_with(devd, credentials, recipient_of(make(forger))) == verdict


def rsa_key(bits, exponent=65537):
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def pkcs1(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def pss_spki():
    """The key under the OID of RSASSA-PSS."""
    at = SPKI.index(bytes.fromhex("2a864886f70d010101"))
    return SPKI[:at] + bytes.fromhex("2a864886f70d01010a") + SPKI[at + 9:]


PUBLIC_KEYS = [
    ("RSA-2048", lambda: world.spki(rsa_key(2048)), OK),
    ("RSA-1024", lambda: world.spki(rsa_key(1024)), BAD),
    ("RSA-2047", lambda: world.spki(rsa_key(2047)), BAD),
    ("RSA-2056", lambda: world.spki(rsa_key(2056)), BAD),
    ("RSA-3072", lambda: world.spki(rsa_key(3072)), BAD),
    ("RSA-4096", lambda: world.spki(rsa_key(4096)), BAD),
    ("exponent 3", lambda: world.spki(rsa_key(2048, 3)), BAD),
    ("RSASSA-PSS", pss_spki, BAD),
    ("PEM", lambda: pem(KEY), BAD),
    ("PKCS#1", lambda: pkcs1(KEY), BAD),
    ("a byte behind", lambda: SPKI + b"\0", BAD),
    ("a byte short", lambda: SPKI[:-1], BAD),
    ("P-256", lambda: world.spki(p256()), BAD),
    ("Ed25519", lambda: world.spki(ed25519.Ed25519PrivateKey.generate()), BAD),
    ("an even modulus", lambda: SPKI[:-6] + bytes([SPKI[-6] & 0xfe]) + SPKI[-5:], BAD),
    ("text", lambda: b"dummy", BAD),
    ("null", lambda: None, BAD),
]


@pytest.mark.parametrize("name, make, verdict", PUBLIC_KEYS, ids=[case[0] for case in PUBLIC_KEYS])
def test_public_keys(devd, credentials, forger, name, make, verdict):
    assert random_with(devd, credentials, recipient_of(forger.document({"public_key": make()}))) == verdict


SERIAL = "SerializationException"
FORMS = [
    ("null is none", lambda good: None, "plain"),
    ("empty", lambda good: {}, BAD),
    ("a list", lambda good: [good], SERIAL),
    ("a text", lambda good: good["AttestationDocument"], SERIAL),
    ("no document", lambda good: good | {"AttestationDocument": None}, BAD),
    ("an empty document", lambda good: good | {"AttestationDocument": ""}, BAD),
    ("not base64", lambda good: good | {"AttestationDocument": "?" + good["AttestationDocument"][1:]}, SERIAL),
    ("a number", lambda good: good | {"AttestationDocument": 7}, SERIAL),
    ("262145 bytes", lambda good: good | {"AttestationDocument": base64.b64encode(bytes(262145)).decode()}, BAD),
    ("262144 bytes", lambda good: good | {"AttestationDocument": base64.b64encode(bytes(262144)).decode()}, BAD),
    ("no algorithm", lambda good: {"AttestationDocument": good["AttestationDocument"]}, OK),
    ("SHA-1", lambda good: good | {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_1"}, BAD),
    ("lower case", lambda good: good | {"KeyEncryptionAlgorithm": "rsaes_oaep_sha_256"}, BAD),
    ("an empty algorithm", lambda good: good | {"KeyEncryptionAlgorithm": ""}, BAD),
    ("an algorithm that is a number", lambda good: good | {"KeyEncryptionAlgorithm": 1}, SERIAL),
]


@pytest.mark.parametrize("name, change, verdict", FORMS, ids=[case[0] for case in FORMS])
def test_forms_of_the_member(devd, credentials, forger, name, change, verdict):
    recipient = change(recipient_of(forger.document()))
    if verdict == "plain":
        body = json.dumps({"NumberOfBytes": 32, "Recipient": recipient}).encode()
        status, answer = world.post(devd, credentials, "kms", "TrentService.GenerateRandom", body)
        assert status == 200 and set(answer) == {"Plaintext"}
    else:
        assert random_with(devd, credentials, recipient) == verdict


# -- replies --------------------------------------------------------------------------------------------------------

def calls(parent, key):
    blob = parent.encrypt(KeyId=key, Plaintext=bytes(range(32)))["CiphertextBlob"]
    return {
        "Decrypt": lambda recipient: parent.decrypt(CiphertextBlob=blob, Recipient=recipient),
        "GenerateDataKey": lambda recipient: parent.generate_data_key(KeyId=key, KeySpec="AES_256", Recipient=recipient),
        "GenerateRandom": lambda recipient: parent.generate_random(NumberOfBytes=32, Recipient=recipient),
    }


@pytest.mark.parametrize("operation", ["Decrypt", "GenerateDataKey", "GenerateRandom"])
def test_each_reply_has_a_key_and_an_iv_of_its_own(parent, open_key, enclave, operation):
    """The same document again and again: no reply shares a content key, IV or wrapped key with another."""
    call, recipient = calls(parent, open_key)[operation], enclave.recipient()
    seen = set()
    for _ in range(6):
        answer = call(recipient)
        assert "Plaintext" not in answer and "KeyMaterialId" not in answer
        cek, iv, wrapped, plaintext = world.envelope_parts(answer["CiphertextForRecipient"], enclave.key)
        assert len(cek) == 32 and len(iv) == 16 and len(plaintext) == 32
        assert operation != "Decrypt" or plaintext == bytes(range(32))
        seen |= {cek, iv, wrapped}
    assert len(seen) == 18


def test_the_reply_is_for_the_key_in_the_document(parent, open_key, enclave):
    answer = parent.generate_data_key(KeyId=open_key, KeySpec="AES_256", Recipient=enclave.recipient())
    other = rsa_key(2048)
    with pytest.raises(AssertionError):  # the recipient's id is another
        world.open_envelope(answer["CiphertextForRecipient"], other)


def test_a_debug_document_is_valid_and_useless(devd, parent, open_key, hard_key):
    """AWS takes it for what it is; a policy with measurements does not match it, one without does."""
    debug = world.Enclave(devd.folder, debug=True)
    debug.extend_and_lock(16, world.ROLE_LOCK)
    made = parent.generate_data_key(KeyId=open_key, KeySpec="AES_256", Recipient=debug.recipient())
    assert len(debug.open(made)) == 32
    with pytest.raises(parent.exceptions.ClientError) as caught:
        parent.generate_data_key(KeyId=hard_key, KeySpec="AES_256", EncryptionContext=CONTEXT, Recipient=debug.recipient())
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    debug.close()


# -- QEMU's documents -----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def lax(tmp_path_factory):
    devd = world.Devd(tmp_path_factory.mktemp("lax"), "--accept-unsigned-qemu-documents").start()
    yield devd
    assert devd.stop() == 0


QEMU = [
    ("as QEMU makes it", lambda: forge.qemu_document(SPKI), OK),
    ("with a role lock", lambda: forge.qemu_document(SPKI, registers={16: world.extended(world.ROLE_LOCK)}), OK),
    ("user data and nonce", lambda: forge.qemu_document(SPKI, user_data=b"u", nonce=b"n"), OK),
    ("100 s old", lambda: forge.qemu_document(SPKI, age_s=100), OK),
    ("301 s old", lambda: forge.qemu_document(SPKI, age_s=301), BAD),
    ("310 s ahead", lambda: forge.qemu_document(SPKI, age_s=-310), BAD),
    ("without a key", lambda: forge.qemu_document(None), BAD),
    ("with a key of 3072 bits", lambda: forge.qemu_document(world.spki(rsa_key(3072))), BAD),
    ("another algorithm", lambda: forge.qemu_document(SPKI, protected=forge.ES384), BAD),
    ("a signature that is not zero", lambda: forge.qemu_document(SPKI, signature=b"\1" + bytes(63)), BAD),
    ("a signature of 96 zeros", lambda: forge.qemu_document(SPKI, signature=bytes(96)), BAD),
    ("a certificate that is not zero", lambda: forge.qemu_document(SPKI, certificate=b"\1" * 64), BAD),
    ("a bundle of two", lambda: forge.qemu_document(SPKI, cabundle=[bytes(64)] * 2), BAD),
    ("an empty bundle", lambda: forge.qemu_document(SPKI, cabundle=[]), BAD),
    ("no registers: another QEMU machine", lambda: forge.qemu_document(SPKI, pcrs={}), BAD),
    ("a byte behind", lambda: forge.qemu_document(SPKI) + b"\0", BAD),
]


@pytest.mark.parametrize("name, make, verdict", QEMU, ids=[case[0] for case in QEMU])
def test_qemu_documents_by_switch(lax, name, make, verdict):
    assert random_with(lax, lax.access_key(world.PARENT), recipient_of(make())) == verdict


def test_qemu_documents_obey_the_policy_and_leave_traces(lax):
    """The policy sees what they claim; the log warns at the start and of every call; events never call them a recipient."""
    admin, parent = (lax.client("kms", lax.access_key(who)) for who in (world.ADMIN, world.PARENT))
    key = admin.create_key(Policy=world.hardened())["KeyMetadata"]["Arn"]
    registers = {16: world.extended(world.ROLE_LOCK)}
    before = lax.log_text().count("kms.unsigned")

    def birth(**document):
        return parent.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT,
                                        Recipient=world.recipient_of(forge.qemu_document(SPKI, registers=registers, **document)))
    made = birth()
    assert len(world.open_envelope(made["CiphertextForRecipient"], KEY)) == 32
    with pytest.raises(parent.exceptions.ClientError) as caught:
        birth(image="other")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert lax.wait_log("kms.unsigned", before + 2) and "unsigned attestation documents are accepted" in "".join(lax.log)
    trail = lax.client("cloudtrail", lax.access_key(world.ADMIN))
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": key}])["Events"]
    data = [json.loads(event["CloudTrailEvent"]).get("additionalEventData", {}) for event in found if event["EventName"] == "GenerateDataKey"]
    assert len(data) == 2 and not any("recipient" in one for one in data)
    assert [one["unsignedRecipient"]["attestationDocumentModuleId"] for one in data if one] == ["i-234-enc5678"]


def test_signed_documents_are_verified_under_the_switch_too(lax):
    enclave = world.Enclave(lax.folder)
    document = enclave.attest(public_key=SPKI)
    key = lax.access_key(world.PARENT)
    assert random_with(lax, key, recipient_of(document)) == OK
    assert random_with(lax, key, recipient_of(document[:-1] + bytes([document[-1] ^ 1]))) == BAD
    enclave.close()
