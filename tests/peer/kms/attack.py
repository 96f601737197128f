"""Tries to get key material out of the emulator: as somebody, by an action, with an attestation that must not be enough."""
import json
import pathlib
import subprocess
import time

from botocore.exceptions import ClientError

import devd as world
import sst1

DATA = world.ROOT / "tests" / "data" / "kms-policies"
CMAW = world.BUILD / "client" / "cmaw"
OTHER_ACCOUNT = "999922223333"
SECRET = b"what the key protects"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
OPEN = world.policy({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"})
GUEST = f"arn:aws:iam::{world.ACCOUNT}:role/enclave-guest"
OTHER = f"arn:aws:iam::{world.ACCOUNT}:user/other"
HOLDER = f"arn:aws:iam::{world.ACCOUNT}:user/holder"
ROOT = f"arn:aws:iam::{world.ACCOUNT}:root"
STRANGER = f"arn:aws:iam::{OTHER_ACCOUNT}:user/stranger"
STRANGER_ROOT = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
FRESH_S = 120  # a document is accepted for five minutes


def make_manifest(folder):
    """(path, mh): the manifest whose lock and context the policies of tests/data name."""
    path = pathlib.Path(folder) / "manifest"
    made = subprocess.run([CMAW, "manifest", "new", DATA / "manifest.yaml", "--output", path], check=True, capture_output=True, text=True)
    return path, made.stdout.strip()


class Attestations:
    """Enclaves of every kind that lint tells apart, with the documents that they get."""

    def __init__(self, folder, mh):
        lock = sst1.role_lock_data(bytes.fromhex(mh), 1)
        right = {"image": "good", "lock": lock}
        self.folder, self.made = folder, {}
        self.kinds = {
            "none": [None],
            "debug": [right | {"debug": True}, right | {"debug": True, "lock": b"other-lock"}],
            "other-image": [{"image": "evil", "lock": lock}, {"image": "old", "lock": lock}, {"image": "evil", "lock": b"other-lock"}]
                           + [{"image": "evil", "lock": lock, "registers": {i: world.pcr(f"good{i}").hex()}} for i in (1, 2)],
            "other-role": [{"image": "good", "lock": b"other-lock"}, {"image": "good", "lock": None}],
            "right": [right],
            "signer": [{"image": "later", "lock": lock, "registers": {8: world.pcr("signer").hex()}}],
        }

    def get(self, kind):
        """[(recipient, enclave) or (None, None)]"""
        made_s, found = self.made.get(kind, (0, None))
        if found is None or time.monotonic() - made_s > FRESH_S:
            found = [self._make(dict(one)) if one else (None, None) for one in self.kinds[kind]]
            self.made[kind] = time.monotonic(), found
        return found

    def _make(self, kind):
        lock = kind.pop("lock")
        enclave = world.Enclave(self.folder, **kind)
        if lock is not None:
            enclave.extend_and_lock(16, lock)
        made = enclave.recipient(), enclave
        enclave.close()
        return made


class Target:
    """A key with a secret under it, and the policy that is to protect it."""

    def __init__(self, kms, attacker, policy, context):
        self.owner, self.accomplice, self.policy, self.context = kms, attacker.client(OTHER), policy, context
        self.arn = kms.create_key(Policy=OPEN)["KeyMetadata"]["Arn"]
        self.blob = kms.encrypt(KeyId=self.arn, Plaintext=SECRET, EncryptionContext=context)["CiphertextBlob"]
        self.loot = kms.create_key(Policy=OPEN)["KeyMetadata"]["Arn"]
        kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=policy, BypassPolicyLockoutSafetyCheck=True)


def _received(answer, enclave, member="Plaintext"):
    if enclave is None:
        return answer[member]
    assert not answer.get(member), "plaintext beside an envelope"
    return enclave.open(answer)


def _with(recipient):
    return {"Recipient": recipient} if recipient else {}


def decrypt(kms, target, recipient, enclave):
    answer = kms.decrypt(KeyId=target.arn, CiphertextBlob=target.blob, EncryptionContext=target.context, **_with(recipient))
    return _received(answer, enclave) == SECRET


def generate(kms, target, recipient, enclave):
    answer = kms.generate_data_key(KeyId=target.arn, KeySpec="AES_256", EncryptionContext=target.context, **_with(recipient))
    return len(_received(answer, enclave)) == 32


def generate_pair(kms, target, recipient, enclave):
    answer = kms.generate_data_key_pair(KeyId=target.arn, KeyPairSpec="ECC_NIST_P256", EncryptionContext=target.context, **_with(recipient))
    return len(_received(answer, enclave, "PrivateKeyPlaintext")) > 32


def re_encrypt(kms, target, recipient, enclave):
    moved = kms.re_encrypt(CiphertextBlob=target.blob, SourceKeyId=target.arn, SourceEncryptionContext=target.context, DestinationKeyId=target.loot)
    return target.owner.decrypt(KeyId=target.loot, CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == SECRET


def rewrite(kms, target, recipient, enclave):
    """Replaces the policy by one under which anyone takes the secret, and puts the policy back."""
    kms.put_key_policy(KeyId=target.arn, PolicyName="default", Policy=OPEN, BypassPolicyLockoutSafetyCheck=True)
    try:
        return decrypt(target.owner, target, None, None)
    finally:
        kms.put_key_policy(KeyId=target.arn, PolicyName="default", Policy=target.policy, BypassPolicyLockoutSafetyCheck=True)


def grant(kms, target, recipient, enclave):
    """Grants the secret to an accomplice, who takes it and then gives the grant up."""
    made = kms.create_grant(KeyId=target.arn, GranteePrincipal=OTHER, RetiringPrincipal=OTHER, Operations=["Decrypt"])
    try:
        answer = target.accomplice.decrypt(KeyId=target.arn, CiphertextBlob=target.blob, EncryptionContext=target.context,
                                           GrantTokens=[made["GrantToken"]])
        return answer["Plaintext"] == SECRET
    finally:
        target.accomplice.retire_grant(GrantToken=made["GrantToken"])


ACTIONS = {"kms:Decrypt": decrypt, "kms:GenerateDataKey": generate, "kms:GenerateDataKeyPair": generate_pair,
           "kms:ReEncryptFrom": re_encrypt, "kms:PutKeyPolicy": rewrite,
           "kms:CreateGrant": grant}
LASTING = ("kms:PutKeyPolicy", "kms:CreateGrant")  # for a moment they change what others may do
ATTESTED = ("kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair")


class Attacker:
    """Calls as anyone, with one identity policy for HOLDER at a time."""

    def __init__(self, devd, attestations):
        self.devd, self.attestations, self.clients = devd, attestations, {}
        for arn in (STRANGER, STRANGER_ROOT):
            self.client(arn, EVERYTHING)

    def client(self, arn, policy=None):
        text = json.dumps(policy)
        if arn not in self.clients or (policy is not None and self.clients[arn][0] != text):
            self.clients[arn] = text, self.devd.client("kms", self.devd.access_key(arn, policy))
        return self.clients[arn][1]

    def people(self, principal, identity):
        """Whom a principal of lint's stands for."""
        self.client(HOLDER, identity or EVERYTHING)
        found = {"*": [OTHER, GUEST, STRANGER], ROOT: [ROOT, HOLDER], STRANGER_ROOT: [STRANGER_ROOT, STRANGER]}.get(principal)
        if found is None:
            named = principal.startswith("arn:aws:iam:")
            session = principal.startswith("arn:aws:sts:")
            found = [principal if named else world.PARENT if session else HOLDER]
        return found

    def takes(self, target, arn, action, kind, most=None):
        """True if this gets material out, with one of the first enclaves of this kind; a refusal is False, anything else an error."""
        for recipient, enclave in self.attestations.get(kind)[:most]:
            try:
                assert ACTIONS[action](self.client(arn), target, recipient, enclave), "not the material"
                return True
            except ClientError as refusal:
                assert refusal.response["Error"]["Code"] == "AccessDeniedException", refusal
        return False
