"""Stacks whose attestation documents nobody signs, and every verb that verifies one: refused without the switch, and with it never silent."""
import pathlib
import typing

import cbor2
import pb
from stack import CLAIM, LETTERS

SWITCH = "--accept-unsigned-qemu-documents"
SAYS_REFUSED = "an unsigned document of QEMU's"
LETTER = LETTERS / "01-water-approve.txt"


class Verb(typing.NamedTuple):
    words: typing.Callable  # of a stack, its run and a folder
    counts: bool = True     # its JSON has the number of unsigned documents
    program: str = "cmaw"


def root(stack):
    return stack.dir / "devd" / "attestation-root.der"


def manifest_hash(stack):
    return stack.cmaw("status", "--json").json()["manifest"]


def evidence(stack, run, folder):
    path = pathlib.Path(folder) / "run.evidence"
    assert path.exists() or stack.cmaw("evidence", run, "-o", path, SWITCH).status == 0
    return path


def export(stack, run, folder):
    """An export of the run, to be imported into a store that has nothing."""
    path, secret = pathlib.Path(folder) / "runs.cmaw", stack.env["CMAW_PASSPHRASE_FILE"]
    if not path.exists():
        made = stack.cmaw("store", "export", run, "-o", path, "--export-passphrase-file", secret)
        assert made.status == 0, made.err
    return ["store", "import", path, "--export-passphrase-file", secret, "--store", pathlib.Path(folder) / "other.db", "--trust", manifest_hash(stack)]


def document(stack, run, folder):
    """What the first role's enclave attested at its birth."""
    path = pathlib.Path(folder) / "document.cose"
    path.write_bytes(pb.decode("Bundle", (stack.dir / "bundle.bin").read_bytes())["roles"][0]["ak_doc"])
    payload = cbor2.loads(cbor2.loads(path.read_bytes())[2])
    return ["attest", "verify", path, "--at", "made", "--pcr", f"0={payload['pcrs'][0].hex()}"]


VERBS = {
    "trust": Verb(lambda s, r, f: ["trust", s.dir / "bundle.bin", "--root", root(s)]),
    "run": Verb(lambda s, r, f: ["run", CLAIM, LETTER]),
    "submit": Verb(lambda s, r, f: ["submit", CLAIM, LETTER]),
    "open": Verb(lambda s, r, f: ["open", r]),
    "verify": Verb(lambda s, r, f: ["verify", r]),
    "evidence": Verb(lambda s, r, f: ["evidence", r, "-o", f / "again.evidence"]),
    "store import": Verb(export),
    "attest verify": Verb(document, counts=False),
    "cmaw-verify": Verb(lambda s, r, f: [evidence(s, r, f), "--manifest-hash", manifest_hash(s)], program="cmaw-verify"),
}


def check(stack, name, run, folder):
    """One verb of a stack that has a finished run, without the switch and with it."""
    verb = VERBS[name]
    words = verb.words(stack, run, folder)
    refused = stack.program(verb.program, *words)
    assert refused.status == 1 and SAYS_REFUSED in refused.err, (refused.status, refused.err, refused.out)
    assert f"{SWITCH} takes them" in refused.err, refused.err  # the hint
    assert "PASS" not in refused.out and "Margarethe" not in refused.out
    taken = stack.program(verb.program, *words, SWITCH)
    assert taken.status == 0, taken.err
    assert SWITCH in taken.out + taken.err and ("INSECURE" in taken.out + taken.err or not verb.counts), (taken.out, taken.err)
    if verb.counts and name != "store import":  # which does nothing the second time
        assert stack.program(verb.program, *words, SWITCH, "--json").json()["unsigned_documents"] == 2
