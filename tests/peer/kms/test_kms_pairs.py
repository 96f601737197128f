"""Asymmetric keys and data key pairs, decoded and checked by another library, for every kind.
Whatever table/pairs.yaml has of one kind is not here again."""
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import devd as world
from devd import CONTEXT, code, refused

USE = ["kms:Sign", "kms:Verify", "kms:GetPublicKey", "kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
CURVES = {"ECC_NIST_P256": "secp256r1", "ECC_NIST_P384": "secp384r1", "ECC_NIST_P521": "secp521r1", "ECC_SECG_P256K1": "secp256k1"}
ECDSA = {"ECC_NIST_P256": "ECDSA_SHA_256", "ECC_NIST_P384": "ECDSA_SHA_384", "ECC_NIST_P521": "ECDSA_SHA_512", "ECC_SECG_P256K1": "ECDSA_SHA_256"}
HASHES = {"SHA_256": hashes.SHA256(), "SHA_384": hashes.SHA384(), "SHA_512": hashes.SHA512()}
RSA = [f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)]


@pytest.fixture(scope="module")
def keys(admin):
    def make(spec):
        policy = world.policy(world.ADMINISTRATION, world.allow(world.PARENT, USE))
        return admin.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY", Policy=policy)["KeyMetadata"]["Arn"]
    return {spec: make(spec) for spec in (*CURVES, "RSA_2048")}


def digest_of(algorithm, message):
    hasher = hashes.Hash(HASHES[algorithm[-7:]])
    hasher.update(message)
    return hasher.finalize()


def check(public, algorithm, signature, message):
    """By a library that knows nothing of ours; raises InvalidSignature."""
    hash_ = HASHES[algorithm[-7:]]
    if algorithm.startswith("ECDSA"):
        public.verify(signature, message, ec.ECDSA(hash_))
    elif "PSS" in algorithm:
        public.verify(signature, message, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)
    else:
        public.verify(signature, message, padding.PKCS1v15(), hash_)


CASES = [*ECDSA.items(), *(("RSA_2048", algorithm) for algorithm in RSA)]


@pytest.mark.parametrize("spec, algorithm", CASES)
def test_sign_and_verify(parent, keys, spec, algorithm):
    key, message = keys[spec], b"m" * 4096
    public = serialization.load_der_public_key(parent.get_public_key(KeyId=key)["PublicKey"])
    digest = digest_of(algorithm, message)
    for sent in ({"Message": message}, {"Message": message, "MessageType": "RAW"}, {"Message": digest, "MessageType": "DIGEST"}):
        made = parent.sign(KeyId=key, SigningAlgorithm=algorithm, **sent)
        assert made["KeyId"] == key and made["SigningAlgorithm"] == algorithm
        check(public, algorithm, made["Signature"], message)
        with pytest.raises(InvalidSignature):
            check(public, algorithm, made["Signature"], message[1:])
        for again in ({"Message": message}, {"Message": digest, "MessageType": "DIGEST"}):
            answer = parent.verify(KeyId=key, SigningAlgorithm=algorithm, Signature=made["Signature"], **again)
            assert answer["SignatureValid"] is True and answer["KeyId"] == key and answer["SigningAlgorithm"] == algorithm
    flipped = made["Signature"][:-1] + bytes([made["Signature"][-1] ^ 1])
    for signature, text in ((flipped, message), (made["Signature"], message[1:]), (b"x", message), (made["Signature"] + b"\0", message)):
        assert refused(parent.verify, KeyId=key, SigningAlgorithm=algorithm, Signature=signature, Message=text)[:2] == (
            "KMSInvalidSignatureException", "")
    assert refused(parent.sign, KeyId=key, SigningAlgorithm=algorithm, Message=digest[1:], MessageType="DIGEST")[:2] == (
        "ValidationException", f"Digest is invalid length for algorithm {algorithm}.")


def test_what_the_public_key_says(admin, parent, keys):
    for spec, key in keys.items():
        shown = parent.get_public_key(KeyId=key)
        public = serialization.load_der_public_key(shown["PublicKey"])
        if spec in CURVES:
            assert public.curve.name == CURVES[spec] and shown["SigningAlgorithms"] == [ECDSA[spec]]
        else:
            assert public.key_size == 2048 and sorted(shown["SigningAlgorithms"]) == sorted(RSA)
        assert shown["KeyId"] == key and shown["KeyUsage"] == "SIGN_VERIFY" and "EncryptionAlgorithms" not in shown
        metadata = admin.describe_key(KeyId=key)["KeyMetadata"]
        assert shown["KeySpec"] == shown["CustomerMasterKeySpec"] == metadata["KeySpec"] == metadata["CustomerMasterKeySpec"] == spec
        assert metadata["SigningAlgorithms"] == shown["SigningAlgorithms"]
        assert "EncryptionAlgorithms" not in metadata and "CurrentKeyMaterialId" not in metadata


def test_algorithms_of_other_keys(parent, keys, open_key):
    for spec, key in keys.items():
        for algorithm in {*ECDSA.values(), RSA[0], "ED25519_SHA_512", "SM2DSA"}:
            if (spec, algorithm) not in CASES:
                assert refused(parent.sign, KeyId=key, SigningAlgorithm=algorithm, Message=b"x")[:2] == (
                    "InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {spec}.")
    assert code(parent.sign, KeyId=keys["ECC_NIST_P256"], SigningAlgorithm="ECDSA_SHA_256", Message=b"x", MessageType="EXTERNAL_MU") == (
        "ValidationException")


def test_uses_that_a_key_does_not_have(admin, parent, keys):
    symmetric = admin.create_key(Policy=world.policy(world.ADMINISTRATION, world.allow(world.PARENT, USE)))["KeyMetadata"]["Arn"]
    sign = {"SigningAlgorithm": "ECDSA_SHA_256", "Message": b"x"}
    for call, more, name in ((parent.sign, sign, "Sign"), (parent.verify, sign | {"Signature": b"x"}, "Verify")):
        assert refused(call, KeyId=symmetric, **more)[:2] == (
            "InvalidKeyUsageException", f"{symmetric} key usage is ENCRYPT_DECRYPT which is not valid for {name}.")
    pair = keys["ECC_NIST_P256"]
    calls = [(parent.encrypt, {"Plaintext": b"x"}, "Encrypt"), (parent.generate_data_key, {"KeySpec": "AES_256"}, "GenerateDataKey"),
             (parent.generate_data_key_without_plaintext, {"KeySpec": "AES_256"}, "GenerateDataKeyWithoutPlaintext"),
             (parent.generate_data_key_pair, {"KeyPairSpec": "ECC_NIST_P256"}, "GenerateDataKeyPair")]
    for call, more, name in calls:
        assert refused(call, KeyId=pair, **more)[:2] == (
            "InvalidKeyUsageException", f"{pair} key usage is SIGN_VERIFY which is not valid for {name}.")
    blob = parent.encrypt(KeyId=symmetric, Plaintext=b"x")["CiphertextBlob"]
    assert code(parent.decrypt, KeyId=pair, CiphertextBlob=blob) == "IncorrectKeyException"
    assert code(parent.re_encrypt, CiphertextBlob=blob, DestinationKeyId=pair) == "InvalidKeyUsageException"
    assert code(admin.get_key_rotation_status, KeyId=pair) == "UnsupportedOperationException"


def test_states_and_dry_runs(admin, parent):
    policy = world.policy(world.ADMINISTRATION, world.allow(world.PARENT, USE))
    key = admin.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY", Policy=policy)["KeyMetadata"]["Arn"]
    sent = {"KeyId": key, "SigningAlgorithm": "ECDSA_SHA_256", "Message": b"x"}
    signature = parent.sign(**sent)["Signature"]
    assert code(parent.verify, **sent, Signature=signature, DryRun=True) == "DryRunOperationException"
    admin.disable_key(KeyId=key)
    for call in (lambda: parent.sign(**sent), lambda: parent.verify(**sent, Signature=signature), lambda: parent.get_public_key(KeyId=key)):
        assert refused(call)[:2] == ("DisabledException", f"{key} is disabled.")
    admin.schedule_key_deletion(KeyId=key)
    assert refused(parent.sign, **sent)[:2] == ("KMSInvalidStateException", f"{key} is pending deletion.")
    assert code(admin.sign, **sent) == "AccessDeniedException"


@pytest.mark.parametrize("arguments, error, message", [
    ({"KeySpec": "ECC_NIST_P256"}, "ValidationException",
     "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."),
    ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "ENCRYPT_DECRYPT"}, "ValidationException",
     "KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec ECC_NIST_P256"),
    ({"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "SIGN_VERIFY"}, "ValidationException",
     "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"),
    ({"KeySpec": "HMAC_256", "KeyUsage": "SIGN_VERIFY"}, "ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec HMAC_256"),
    ({"KeySpec": "AES_256"}, "ValidationException", "1 validation error detected: Value 'AES_256' at 'keySpec' failed to satisfy"),
    ({"KeyUsage": "RANDOM"}, "ValidationException", "1 validation error detected: Value 'RANDOM' at 'keyUsage' failed to satisfy"),
    ({"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}, "ValidationException",
     "You cannot specify KeySpec and CustomerMasterKeySpec in the same request."),
    ({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, "UnsupportedOperationException", ""),
    ({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}, "UnsupportedOperationException", ""),
    ({"KeySpec": "ECC_NIST_P384", "KeyUsage": "KEY_AGREEMENT"}, "UnsupportedOperationException", ""),
    ({"KeySpec": "ML_DSA_65", "KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException", ""),
    ({"Origin": "EXTERNAL"}, "UnsupportedOperationException", ""),
    ({"Origin": "MINE"}, "ValidationException", "1 validation error detected: Value 'MINE' at 'origin' failed to satisfy"),
    ({"MultiRegion": True}, "UnsupportedOperationException", ""),
    ({"CustomKeyStoreId": "cks-1234"}, "UnsupportedOperationException", ""),
])
def test_kinds_that_are_not_made(admin, arguments, error, message):
    got = refused(admin.create_key, **arguments)
    assert got[0] == error and got[1].startswith(message)


def test_the_old_name_of_the_spec(admin):
    made = admin.create_key(CustomerMasterKeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    assert made["KeySpec"] == "ECC_NIST_P256"


# -- data key pairs -------------------------------------------------------------------------------------------------

def is_pair(spec, private_der, public_der):
    private = serialization.load_der_private_key(private_der, None)
    if spec in CURVES:
        assert private.curve.name == CURVES[spec]
    else:
        assert isinstance(private, rsa.RSAPrivateKey) and spec == f"RSA_{private.key_size}"
    assert private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) == private_der
    return world.spki(private) == public_der


@pytest.mark.parametrize("spec", [*CURVES, "RSA_2048", "RSA_3072", "RSA_4096"])
def test_data_key_pairs(parent, open_key, enclave, spec):
    made = parent.generate_data_key_pair(KeyId=open_key, KeyPairSpec=spec, EncryptionContext=CONTEXT)
    assert made["KeyPairSpec"] == spec and made["KeyId"] == open_key and len(made["KeyMaterialId"]) == 64
    assert is_pair(spec, made["PrivateKeyPlaintext"], made["PublicKey"])
    blob = made["PrivateKeyCiphertextBlob"]
    assert parent.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == made["PrivateKeyPlaintext"]
    assert code(parent.decrypt, CiphertextBlob=blob) == "InvalidCiphertextException"
    opened = parent.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, Recipient=enclave.recipient())
    assert enclave.open(opened) == made["PrivateKeyPlaintext"]


def test_data_key_pairs_for_a_recipient(parent, open_key, enclave):
    for _ in range(2):  # both forms of the envelope
        made = parent.generate_data_key_pair(KeyId=open_key, KeyPairSpec="RSA_2048", Recipient=enclave.recipient())
        assert "PrivateKeyPlaintext" not in made and "KeyMaterialId" not in made
        private = enclave.open(made)
        assert is_pair("RSA_2048", private, made["PublicKey"])
        assert parent.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"] == private


def test_refusals_about_data_key_pairs(parent, admin, open_key):
    for spec in ("SM2", "ECC_NIST_EDWARDS25519", "ML_KEM_768"):
        assert code(parent.generate_data_key_pair, KeyId=open_key, KeyPairSpec=spec) == "UnsupportedOperationException"
    name, message, _ = refused(parent.generate_data_key_pair, KeyId=open_key, KeyPairSpec="AES_256")
    assert name == "ValidationException" and "'keyPairSpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048" in message
    assert code(parent.generate_data_key_pair, KeyId=open_key, KeyPairSpec="ECC_NIST_P256", DryRun=True) == "DryRunOperationException"
    assert code(admin.generate_data_key_pair, KeyId=open_key, KeyPairSpec="ECC_NIST_P256") == "AccessDeniedException"
