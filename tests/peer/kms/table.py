"""The table of cases in table/*.yaml: how it is read, how its values are made, and how answers are compared with it.

A chapter is a file: `keys` that its cases use (each made when it is first named), `roles` that they assume, and
`cases`, in order:
  name, as (a principal of principals.yaml), do (the operation), with (the request), save (a name for the output), page_size, process,
  gives (what the output must at least have) or error, message (and status, 400 unless told).
`conditions` are pairs of cases about one Condition: `if` or `deny_if`, and the requests that it `allows` and `denies`.
"$key" is a key's ARN, "$saved.Member.0" a part of an earlier output, anywhere in a text; tags are the classes below."""
import json
import pathlib
import re
import time

import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import devd as emulator
import peers

FOLDER = pathlib.Path(__file__).parent / "table"
REFERENCE = re.compile(r"\$(\w+(?:\.\w+)*)")
TAGS = {}


def tag(name):
    def register(one):
        TAGS["!" + name] = one
        return one
    return register


class Loader(yaml.SafeLoader):
    """YAML with the tags below; a tag's node becomes an object that is resolved when its case runs."""


class Tag:
    def __init__(self, value):
        self.value = value

    def resolve(self, state):
        """The value, in a request or in an expectation."""
        return self

    def differs(self, actual, state, where):
        """In an expectation: what is wrong with actual, or None."""
        raise NotImplementedError


# -- values ---------------------------------------------------------------------------------------------------------

@tag("text")
class Text(Tag):
    """Bytes of a text."""
    def resolve(self, state):
        return state.resolve(str(self.value)).encode()


@tag("bytes")
class Zeros(Tag):
    """So many zero bytes."""
    def resolve(self, state):
        return bytes(int(self.value))


@tag("flip")
class Flip(Tag):
    """Bytes with one bit changed: [reference, position]."""
    def resolve(self, state):
        data = bytearray(state.resolve(self.value[0]))
        data[int(self.value[1])] ^= 1
        return bytes(data)


@tag("repeat")
class Repeat(Tag):
    """A text so many times: [text, times]."""
    def resolve(self, state):
        return self.value[0] * int(self.value[1])


@tag("time")
class Moment(Tag):
    """So many seconds from now."""
    def resolve(self, state):
        return peers.Time(int(time.time()) + int(self.value))


@tag("session_policy")
class SessionPolicy(Tag):
    """The JSON of an identity policy, as Policy."""
    def resolve(self, state):
        return state.policy(self.value, identity=True)


@tag("policy")
class Policy(Tag):
    """The JSON of a key policy; statements are [{allow|deny|deny_except: principals, do|not_do: actions, of|not_of: resource, if: condition}]."""
    def resolve(self, state):
        return state.policy(self.value)


@tag("pcr")
class Pcr(Tag):
    """A register of an image, in hexadecimal: good0 is PCR0 of the image good."""
    def resolve(self, state):
        return emulator.pcr(str(self.value)).hex()


@tag("extended")
class Extended(Tag):
    """A register that was extended once by this text."""
    def resolve(self, state):
        return emulator.extended(str(self.value).encode()).hex()


@tag("recipient")
class Recipient(Tag):
    """A Recipient with a fresh document: image, lock, debug; document: bytes instead; flip: position; key: ec, none, rsa3072, empty."""
    def resolve(self, state):
        return state.recipient(**(self.value or {}))


# -- expectations ---------------------------------------------------------------------------------------------------

@tag("size")
class Size(Tag):
    """So many bytes, characters or elements; 64.. is 64 or more."""
    def differs(self, actual, state, where):
        text = str(self.value)
        right = len(actual) >= int(text[:-2]) if text.endswith("..") else len(actual) == int(text)
        return None if right else f"{where}: size {len(actual)} is not {text}"


@tag("like")
class Like(Tag):
    """A text in which this regular expression is found."""
    def differs(self, actual, state, where):
        return None if re.search(state.resolve(self.value), str(actual)) else f"{where}: {actual!r} is not like {self.value}"


@tag("holds")
class Holds(Tag):
    """A list in which each of these is found."""
    def differs(self, actual, state, where):
        lost = [one for one in self.value if all(differences(one, found, state, where) for found in actual)]
        return f"{where}: {state.resolve(lost)!r} is not in {actual!r}" if lost else None


@tag("absent")
class Absent(Tag):
    """A member that is not there, or null."""
    def differs(self, actual, state, where):
        return None if actual is None else f"{where}: {actual!r} is there"


@tag("json")
class Json(Tag):
    """A text that is JSON with at least this."""
    def differs(self, actual, state, where):
        found = differences(self.value, json.loads(actual), state, where)
        return "; ".join(found) or None


@tag("near")
class Near(Tag):
    """A time so many seconds from now, within five minutes."""
    def differs(self, actual, state, where):
        right = abs(actual - time.time() - int(self.value)) < 300
        return None if right else f"{where}: {actual} is not about {self.value} s from now"


@tag("signs")
class Signs(Tag):
    """An ECDSA signature with SHA-256: [public key, message]."""
    def differs(self, actual, state, where):
        key, message = serialization.load_der_public_key(state.resolve(self.value[0])), state.resolve(self.value[1])
        try:
            key.verify(actual, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return f"{where}: the signature is not right"
        return None


@tag("private_of")
class PrivateOf(Tag):
    """The private key, in PKCS#8, of this public one."""
    def differs(self, actual, state, where):
        public = serialization.load_der_private_key(actual, None).public_key()
        right = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo) == state.resolve(self.value)
        return None if right else f"{where}: not the key of the public key"


def differences(expected, actual, state, where="output"):
    """All that actual lacks of expected; a mapping may have more members, a list may not."""
    expected = state.resolve(expected)
    if isinstance(expected, Tag):
        if actual is None and not isinstance(expected, Absent):
            return [f"{where} is missing"]
        wrong = expected.differs(actual, state, where)
        return [wrong] if wrong else []
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [text for name, one in expected.items() for text in differences(one, actual.get(name), state, f"{where}.{name}")]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [text for i, one in enumerate(expected) for text in differences(one, actual[i], state, f"{where}.{i}")]
    return [] if expected == actual and isinstance(expected, bool) == isinstance(actual, bool) else [f"{where}: {actual!r} is not {expected!r}"]


# -- reading --------------------------------------------------------------------------------------------------------

def construct(loader, node):
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: lambda one: loader.construct_sequence(one, deep=True),
             yaml.MappingNode: lambda one: loader.construct_mapping(one, deep=True)}
    return TAGS[node.tag](kinds[type(node)](node))


for name in TAGS:
    Loader.add_constructor(name, construct)


def read(path):
    return yaml.load(path.read_text(), Loader)  # a SafeLoader with the tags above


def condition_cases(number, entry):
    """Two kinds of cases of one key whose policy has the condition, in an Allow or in a Deny beside an Allow."""
    who, use = entry.get("as", "parent"), entry.get("do", ["Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey"])
    denying = "deny_if" in entry
    block = entry["deny_if" if denying else "if"]
    statements = [{"allow": who, "do": use} | ({} if denying else {"if": block})]
    if denying:
        statements.append({"deny": "*", "do": use, "if": block})
    key = f"condition{number}"
    words = ("Deny " if denying else "") + ", ".join(f"{operator} {', '.join(tests)}" for operator, tests in block.items())
    for outcome in ("allows", "denies"):
        for i, request in enumerate(entry.get(outcome, [])):
            what = request.get("do", "GenerateDataKey" if "Recipient" in request.get("with", {}) else "Encrypt")
            base = {"Encrypt": {"Plaintext": Text("x")}, "GenerateDataKey": {"KeySpec": "AES_256"}}.get(what, {})
            case = {"name": f"{number} {words}: {outcome} {i + 1}", "as": request.get("as", who), "do": what,
                    "with": {"KeyId": f"${key}"} | base | request.get("with", {})}
            yield case | ({} if outcome == "allows" else {"error": "AccessDeniedException"}) | {"key": (key, statements)}


def chapters():
    """Every chapter: (name, keys, roles, cases)."""
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.stem == "principals":
            continue
        chapter = read(path)
        keys, cases = dict(chapter.get("keys", {})), list(chapter.get("cases", []))
        for number, entry in enumerate(chapter.get("conditions", []), 1):
            for case in condition_cases(number, entry):
                key, statements = case.pop("key")
                keys[key] = statements
                cases.append(case)
        yield path.stem, keys, chapter.get("roles", {}), cases


def principals():
    return read(FOLDER / "principals.yaml")
