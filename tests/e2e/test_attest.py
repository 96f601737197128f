"""`cmaw attest verify`: real documents of AWS, decided as their manifest says, and every way to refuse one."""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

import harness
import pages
from harness import ROOT

VECTORS = pathlib.Path(os.environ.get("CMAW_SHARED", ROOT.parent / "shared")) / "vectors" / "nitro"
if not VECTORS.is_dir():
    pytest.skip(f"no documents in {VECTORS} (set CMAW_SHARED)", allow_module_level=True)
ENTRIES = json.loads((VECTORS / "manifest.json").read_text())
GOOD = next(e for e in ENTRIES if e["file"].startswith("good/") and e["nonce"])
DEBUG = next(e for e in ENTRIES if e["file"].startswith("good-debug/"))


def attest(entry, *arguments, stdin=None):
    path = entry if isinstance(entry, (str, pathlib.Path)) else VECTORS / entry["file"]
    return subprocess.run([harness.program("cmaw"), "attest", "verify", str(path), *arguments], capture_output=True, input=stdin, timeout=180)


def judged(result):
    return json.loads(result.stdout)


def failed_checks(result):
    return [c["check"] for c in judged(result)["checks"] if not c["holds"]]


def pins(entry):
    return [word for index, value in entry["pcrs"].items() for word in ("--pcr", f"{index}={value}")]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e["file"])
def test_documents_are_decided_as_their_manifest_says(entry):
    accepted = entry["verdict"].startswith("accept")
    result = attest(entry, "--any-pcr-insecure", "--allow-debug-insecure", "--at", "made", "--json")
    assert result.returncode == (0 if accepted else 1), result.stderr
    assert judged(result)["holds"] == accepted
    assert not accepted or judged(result)["document"]["debug"] == entry["debug_pcr0_zero"]
    policy = attest(entry, "--any-pcr-insecure", "--at", "made", "--json")
    assert policy.returncode == (0 if accepted and not entry["debug_pcr0_zero"] else 1)
    assert accepted is False or failed_checks(policy) == (["debug"] if entry["debug_pcr0_zero"] else [])


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e["cabundle_len"] > 1], ids=lambda e: e["file"])
def test_what_a_document_says_is_printed(entry):
    document = judged(attest(entry, "--any-pcr-insecure", "--at", "made", "--json"))["document"]
    assert document["module_id"] == entry["module_id"] and document["timestamp_ms"] == entry["timestamp_ms"]
    assert [int(i) for i in document["pcrs"]] == entry["pcr_indices"]
    assert {i: v for i, v in document["pcrs"].items() if int(v, 16)} == entry["pcrs"]
    assert [document[k] for k in ("public_key", "user_data", "nonce")] == [entry[k] for k in ("public_key", "user_data", "nonce")]
    assert len(document["certificates"]) == entry["cabundle_len"] + 1
    leaf = document["certificates"][-1]
    assert leaf["not_before"][:19] == entry["leaf_not_before"][:19] and leaf["not_after"][:19] == entry["leaf_not_after"][:19]
    text = attest(entry, "--any-pcr-insecure", "--at", "made").stdout.decode()
    for value in [entry["module_id"], *entry["pcrs"].values(), entry["public_key"], entry["user_data"], entry["nonce"]]:
        assert value is None or value in text


def test_the_chain_is_named():
    certificates = judged(attest(GOOD, "--any-pcr-insecure", "--at", "made", "--json"))["document"]["certificates"]
    assert certificates[0]["subject"] == "C=US, O=Amazon, OU=AWS, CN=aws.nitro-enclaves"
    assert certificates[0]["not_before"] == "2019-10-28T13:28:05.000Z"
    assert GOOD["module_id"] in certificates[-1]["subject"]


def at(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("arguments, failing", [
    (["--at", "made", *pins(GOOD)], []),
    (["--at", "made", *[w.upper() if "=" in w else w for w in pins(GOOD)]], []),
    (["--at", at(GOOD["timestamp_ms"] + 299_000), *pins(GOOD), "--nonce", GOOD["nonce"]], []),
    (["--at", at(GOOD["timestamp_ms"] + 302_000), *pins(GOOD)], ["age"]),
    (["--at", at(GOOD["timestamp_ms"] + 302_000), *pins(GOOD), "--max-age", "1h"], []),
    (["--at", at(GOOD["timestamp_ms"] + 4 * 3600_000), *pins(GOOD), "--max-age", "24h"], ["signature"]),
    (["--at", at(GOOD["timestamp_ms"] - 4 * 3600_000), *pins(GOOD), "--max-age", "24h"], ["signature"]),
    (pins(GOOD), ["signature", "age"]),
    (["--at", "made", "--pcr", "0=" + "11" * 48], ["PCR0"]),
    (["--at", at(GOOD["timestamp_ms"]), "--pcr", "0=" + "11" * 48], ["PCR0"]),
    (["--at", "made", *pins(GOOD)[2:], "--pcr", "0=" + "11" * 48], ["PCR0"]),
    (["--at", "made", "--pcr", "31=" + "11" * 48], ["PCR31"]),
    (["--at", "made", *pins(GOOD), "--nonce", "00" + GOOD["nonce"][2:]], ["nonce"]),
    (["--at", "made", *pins(GOOD), "--root", "00" * 32], ["root", "signature"]),
])
def test_every_rule_refuses(arguments, failing):
    result = attest(GOOD, *arguments, "--json")
    assert (failed_checks(result), result.returncode) == (failing, 1 if failing else 0), result.stdout
    another_time_may_do = "made" not in arguments and not {"age", "signature"}.isdisjoint(failing)
    assert (b"--at made asks" in result.stderr) == another_time_may_do


def test_every_flipped_byte_is_refused(tmp_path):
    data = (VECTORS / GOOD["file"]).read_bytes()
    path = tmp_path / "flipped"
    for index in range(0, len(data), 97):
        path.write_bytes(data[:index] + bytes([data[index] ^ 1]) + data[index + 1:])
        assert attest(path, "--at", "made", *pins(GOOD)).returncode == 1, index
    path.write_bytes(data[:-1])
    assert attest(path, "--at", "made", *pins(GOOD)).returncode == 1


def test_debug_and_unpinned_say_so():
    result = attest(DEBUG, "--any-pcr-insecure", "--allow-debug-insecure", "--at", "made")
    text = result.stdout.decode()
    assert result.returncode == 0 and text.count("INSECURE") == 2 and text.endswith("HOLDS\n")
    assert "INSECURE" not in attest(GOOD, "--at", "made", *pins(GOOD)).stdout.decode()


@pytest.mark.parametrize("arguments, words", [
    ([], "no PCR is pinned"),
    (["--pcr", "32=" + "11" * 48], "0 to 31"),
    (["--pcr", "x=" + "11" * 48], "0 to 31"),
    (["--pcr", "0=1122"], "96 digits"),
    (["--pcr", "0=" + "zz" * 48], "hex"),
    *[(["--pcr", f"{register}=" + "00" * 48], "debug mode") for register in (0, 1, 2, 8)],
    (["--pcr", "3=" + "11" * 48, "--pcr", "3=" + "11" * 48], "twice"),
    (["--any-pcr-insecure", "--nonce", "xy"], "hex"),
    (["--any-pcr-insecure", "--at", "yesterday"], "no time"),
    (["--any-pcr-insecure", "--at", "2026-01-01T00:00:00"], "no time"),
    (["--any-pcr-insecure", "--frob"], "unknown option"),
])
def test_wrong_usage(arguments, words):
    result = attest(GOOD, *arguments)
    assert result.returncode == 2 and words in result.stderr.decode() and not result.stdout, result.stderr


def test_base64_and_standard_input():
    data = (VECTORS / GOOD["file"]).read_bytes()
    for text in (data, base64.b64encode(data), base64.encodebytes(data)):
        assert attest("-", "--at", "made", *pins(GOOD), stdin=text).returncode == 0
    for text in (b"", b"\x84", b"not a document!", b"\x84" * 70000, base64.b64encode(data)[:-5]):
        result = attest("-", "--at", "made", *pins(GOOD), stdin=text)
        assert result.returncode == 1 and result.stderr.count(b"cmaw:") == 1


def test_the_page_s_commands_work(tmp_path):
    """docs/verify-attestation.md, on a document of AWS that is named as the page names it."""
    (tmp_path / "document.cose").write_bytes((VECTORS / GOOD["file"]).read_bytes())
    path = f"{harness.program('cmaw').parent}:{os.environ['PATH']}"
    environment = pages.environment_of(tmp_path, PATH=path, PCR0=GOOD["pcrs"]["0"], NONCE=GOOD["nonce"], RECEIVED=at(GOOD["timestamp_ms"] + 2000))
    pages.run("docs/verify-attestation.md", tmp_path, environment)


def test_a_root_of_one_s_own(devd, chain):
    """A document of the simulator holds under its own root only, and the root is named."""
    document = chain.deployment.births[1]["ak_doc"]
    own = attest("-", "--any-pcr-insecure", "--root", str(devd.root), "--json", "--max-age", "1h", stdin=document)
    assert own.returncode == 0 and judged(own)["root"] == hashlib.sha256(devd.root.read_bytes()).hexdigest(), own.stdout
    assert failed_checks(attest("-", "--any-pcr-insecure", "--json", "--max-age", "1h", stdin=document)) == ["root", "signature"]
    assert failed_checks(attest(GOOD, "--at", "made", *pins(GOOD), "--root", str(devd.root), "--json")) == ["root", "signature"]
