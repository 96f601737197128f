"""cmaw codec: who may ask, what it opens, and what stays as it is."""
import base64
import json
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import subprocess

import pytest

import codec
import harness
import orchestra
import pages
from stack import LETTERS

LETTER = LETTERS / "01-water-approve.txt"
SEALED = {"Ticket", "State", "StepTask", "StepResult", "RunResult"}


@pytest.fixture(scope="module")
def run(stack):
    return stack.run(LETTER).json()["workflow_id"]


@pytest.fixture(scope="module")
def payloads(stack, run):
    return codec.payloads_of(stack, run)


@pytest.fixture(scope="module")
def server(stack, folder):
    running = codec.Codec(stack, folder / "codec")
    yield running
    running.stop()


def test_every_payload_becomes_readable(server, payloads, stack, run):
    letter, pcr0 = LETTER.read_text(), {}
    for role in ("intake", "adjudicate"):
        described = json.loads(harness.run(harness.program("cmaw-image"), "describe", stack.dir / "images" / f"{role}.eif").stdout)
        pcr0[role] = described["Measurements"]["PCR0"]
    assert set(payloads) == SEALED | {"Plan"}
    seen = {name: [codec.shown(p) for p in server.decode(list_)] for name, list_ in payloads.items()}
    assert all(value["message"] == name for name, values in seen.items() for value in values)
    assert all(value["run"] == run for name in SEALED for value in seen[name])
    assert [s["step"] for s in seen["Plan"][0]["steps"]] == ["intake", "adjudicate"]
    state = {"edge": "letter", "content_type": "text/plain; charset=utf-8", "content": letter}
    assert seen["State"][0]["states"] == [state]
    intake, adjudicate = seen["StepTask"]
    assert (intake["step"], intake["attempt"], intake["inputs"]) == ("intake", 1, [state])
    claim, decision = seen["StepResult"]
    assert adjudicate["step"] == "adjudicate" and adjudicate["inputs"] == claim["outputs"]
    assert claim["outputs"][0]["content"]["claimant"] == "Margarethe Vogel"
    assert decision["outputs"][0]["content"]["decision"] == "approve"
    result = seen["RunResult"][0]
    assert result["outputs"] == decision["outputs"]
    assert [s["receipt"] for s in result["steps"]] == [claim["receipt"], decision["receipt"]]
    for value in (claim, decision):
        assert value["receipt"]["role"] == value["step"] and value["receipt"]["pcr0"] == pcr0[value["step"]]
        assert value["receipt"]["started"] <= value["receipt"]["finished"]


def test_a_failed_step_says_why(server, stack):
    failed = stack.run(LETTERS / "11-not-text-failed.bin")
    results = codec.payloads_of(stack, json.loads(failed.out)["workflow_id"])["StepResult"]
    values = [codec.shown(p) for p in server.decode(results)]
    assert values and all(v["step"] == "intake" and v["failure"].startswith("AGENT_FAILED\n") and "not text" in v["failure"] for v in values)


def changed(payload, position, bit):
    data = bytearray(base64.b64decode(payload["data"]))
    data[position] ^= 1 << bit
    return {**payload, "data": base64.b64encode(data).decode()}


def test_what_was_changed_stays_as_it_came(server, payloads):
    chance = random.Random(5)
    for name in SEALED:
        original = payloads[name][0]
        size = len(base64.b64decode(original["data"]))
        bad = [changed(original, chance.randrange(size), chance.randrange(8)) for _ in range(60)]
        bad += [changed(original, p, 0) for p in (0, 1, size - 1)]
        bad += [{**original, "data": base64.b64encode(base64.b64decode(original["data"])[:-1]).decode()}]
        assert server.decode(bad) == bad, name
        assert codec.shown(server.decode([original])[0])


def test_a_payload_is_what_its_metadata_says(server, payloads):
    """Data under another message type, another run's key id, or an encoding that is not ours."""
    other = base64.b64encode(b"sst/1:" + b"ab" * 32).decode()
    names = sorted(SEALED)
    bad = []
    for name, following in zip(names, names[1:] + names[:1]):
        original, metadata = payloads[name][0], payloads[name][0]["metadata"]
        bad += [{**original, "metadata": {**metadata, "messageType": payloads[following][0]["metadata"]["messageType"]}},
                {**original, "metadata": {**metadata, "encryption-key-id": other}},
                {**original, "metadata": {**metadata, "encoding": base64.b64encode(b"json/plain").decode()}},
                {**original, "metadata": {k: v for k, v in metadata.items() if k != "encryption-key-id"}},
                {"metadata": metadata}]
    assert server.decode(bad) == bad


def test_another_namespace_stays_as_it_is(server, payloads):
    sealed = [payloads[name][0] for name in SEALED]
    assert server.decode(sealed, **{"X-Namespace": "other"}) == sealed
    assert all(codec.shown(p) for p in server.decode(sealed, **{"X-Namespace": "default"}))


def test_another_owner_s_run_stays_as_it_is(stack, folder, payloads):
    env = {"CMAW_STORE": str(folder / "another-store.db")}
    stack.trust(env=env)
    another = codec.Codec(stack, folder / "codec-another", env=env)
    try:
        sealed = [p for name in SEALED for p in payloads[name]]
        assert another.decode(sealed) == sealed
    finally:
        another.stop()


def test_what_is_shredded_meanwhile_opens_no_more(server, stack):
    shredded = stack.run(LETTER).json()["workflow_id"]
    sealed = [p for name, list_ in codec.payloads_of(stack, shredded).items() if name in SEALED for p in list_]
    assert all(codec.shown(p) for p in server.decode(sealed))
    assert stack.cmaw("store", "shred", shredded).status == 0
    assert server.decode(sealed) == sealed


def test_unknown_payloads_and_fields_are_returned(server):
    payloads = [{}, {"metadata": {"encoding": base64.b64encode(b"json/plain").decode()}, "data": "e30=", "externalPayloads": [{"sizeBytes": "9"}]}]
    assert server.decode(payloads) == payloads


def test_encoding_is_refused(server, payloads):
    for path in ("encode", "default/encode"):
        status, _, body = server.call({"payloads": [payloads["State"][0]]}, path)
        assert status == 403 and b"cmaw run" in body


def test_who_may_ask(server, stack):
    """Beside the table in tests/unit/codec_test.c: over HTTP, with the headers that a browser goes by."""
    page, token, empty = server.pages[0], server.token, {"payloads": []}
    ui = stack.state()["ports"]["ui"]
    assert server.pages == [f"http://127.0.0.1:{ui}", f"http://localhost:{ui}"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{64}/", server.endpoint)
    for path, headers, expected in (("", {}, 401), ("", {"Authorization": f"Bearer {token}"}, 200), ("0" * 64 + "/", {}, 401),
                                    (f"{token}/", {"Origin": page}, 200), (f"{token}/", {"Origin": "http://127.0.0.1:1"}, 403),
                                    (f"{token}//", {}, 200), (f"{token}/", {"Content-Type": "text/plain"}, 415),
                                    (f"{token}/", {"Host": "evil.example"}, 403), (f"{token}/", {"Host": "localhost:1"}, 200)):
        status, answered, _ = server.call(empty, headers=headers, endpoint=f"{server.bare}/{path}")
        allowed = answered["Access-Control-Allow-Origin"]
        assert status == expected and allowed == (page if headers.get("Origin") == page else None), (path, headers)
    assert server.call(empty, "decode?preserveStorageRefs=true")[0] == 200
    assert server.call(None, method="GET")[0] == 405
    assert server.call(empty, "other")[0] == 404


def test_the_browser_s_question_before(server):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}
    status, headers, _ = server.call(None, method="OPTIONS", headers={"Origin": server.pages[1], **asked})
    assert status == 204 and headers["Access-Control-Allow-Origin"] == server.pages[1] and headers["Vary"] == "Origin"
    assert {"content-type", "x-namespace", "authorization"} <= set(headers["Access-Control-Allow-Headers"].split(", "))
    status, headers, _ = server.call(None, method="OPTIONS", headers={"Origin": "https://elsewhere.test", **asked})
    assert status == 403 and not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("body,expected", [(b"", 400), (b"{", 400), (b'{"payloads": 1}', 400), (b'{"payloads": [{"data": "*"}]}', 400),
                                           (b'{"payloads": [' + b",".join([b"{}"] * 301) + b"]}", 413), (b"[" * 100000, 413),
                                           (b'{"payloads": []}' + b" " * (8 << 20), 413)], ids=range(7))
def test_bodies_that_are_none(server, body, expected):
    status, _, answer = server.call(body)
    assert status == expected and set(json.loads(answer)) == {"error"} if answer else expected == 413


def test_a_body_that_never_comes_holds_nobody_up(server):
    port = int(server.bare.rsplit(":", 1)[1])
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for number, one in enumerate(slow):
        one.sendall(b"POST " if number % 2 else f"POST /{server.token}/decode HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
    assert server.decode([]) == []
    for one in slow:
        one.close()


def test_the_log_has_no_content_and_no_token(server, payloads):
    server.decode([p for list_ in payloads.values() for p in list_])
    lines = [line for line in server.log().splitlines() if " codec " in line]
    assert lines and not re.search(r"Vogel|HH-2204|approve", "\n".join(lines)) and server.token not in "\n".join(lines)
    assert re.search(r"codec\.decode payloads=8 opened=8 bytes=\d+$", lines[-1])


def test_a_token_file_is_kept_private_and_from_start_to_start(stack, tmp_path):
    path, tokens = tmp_path / "token", []
    for attempt in ("first", "second"):
        server = codec.Codec(stack, tmp_path / attempt, "--token-file", path)
        token = path.read_text().strip()
        assert path.stat().st_mode & 0o777 == 0o600 and token not in server.log()
        assert server.call({"payloads": []}, endpoint=f"{server.endpoint}{token}/")[0] == 200
        assert server.call({"payloads": []})[0] == 401
        server.daemon.process.send_signal(signal.SIGINT)
        assert server.daemon.process.wait(60) == 0
        tokens.append(token)
    assert tokens[0] == tokens[1]
    path.chmod(0o644)
    stack.cmaw("codec", "--token-file", path).assert_one_line_error("others may read")
    path.chmod(0o600)
    path.write_text("secret\n")
    stack.cmaw("codec", "--token-file", path).assert_one_line_error("is no token")


@pytest.fixture(scope="module")
def certificate(folder):
    names = folder / "codec-cert.pem", folder / "codec-key.pem"
    harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=codec",
                "-addext", "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout", names[1])
    return names


def test_tls(stack, tmp_path, certificate, payloads):
    server = codec.Codec(stack, tmp_path, "--cert", certificate[0], "--key", certificate[1], "--listen", "0.0.0.0")
    try:
        context = ssl.create_default_context(cafile=certificate[0])
        endpoint = server.endpoint.replace("0.0.0.0", "127.0.0.1")
        assert endpoint.startswith("https://")
        status, _, body = server.call({"payloads": payloads["State"]}, endpoint=endpoint, context=context)
        assert status == 200 and codec.shown(json.loads(body)["payloads"][0])
        with pytest.raises(OSError):
            server.call({"payloads": []}, endpoint=endpoint.replace("https", "http"))
    finally:
        server.stop()


def test_it_is_not_exposed_by_mistake(stack, certificate, tmp_path):
    tls = ["--cert", certificate[0], "--key", certificate[1]]
    for arguments, word in ((["--listen", "0.0.0.0"], "TLS"), (["--listen", "::"], "TLS"), ([*tls, "--listen", "0.0.0.0", "--no-token"], "token"),
                            (["--listen", "localhost"], "numeric"), (tls[:2], "--key"), (["--no-token", "--token-file", "x"], "exclude"),
                            (["--ui", "http://host/path"], "scheme"), (["--port", "65536"], "port")):
        stack.cmaw("codec", *arguments).assert_one_line_error(word, status=2, hint=False)
    server = codec.Codec(stack, tmp_path, "--no-token", "--ui", "https://ui.test")
    try:
        assert server.pages == ["https://ui.test"] and re.fullmatch(r"http://127\.0\.0\.1:\d+/", server.endpoint)
        assert server.decode([]) == []
        assert server.call({"payloads": []}, headers={"Origin": "http://127.0.0.1:8233"})[0] == 403
        taken = server.bare.rsplit(":", 1)[1]
        stack.cmaw("codec", "--port", taken).assert_one_line_error("cannot serve", status=3)
    finally:
        server.stop()


def test_temporal_s_command_line(server, stack, run):
    show = ["workflow", "show", "-w", run, "-o", "json"]
    clear = codec.temporal_cli(stack, *show, "--codec-endpoint", server.endpoint).stdout
    by_header = codec.temporal_cli(stack, *show, "--codec-endpoint", server.bare, "--codec-auth", f"Bearer {server.token}").stdout
    sealed = codec.temporal_cli(stack, *show).stdout
    words = {"Lindenstrasse", "HH-2204-118937", "approve"}
    assert codec.found(clear, words) == codec.found(by_header, words) == words
    assert not codec.found(sealed, codec.words(LETTER.read_text()))


def test_the_commands_of_the_page(stack, tmp_path):
    """docs/web-ui.md, in two terminals."""
    stack.run(LETTER)
    path = f'{harness.program("cmaw").parent}:{pathlib.Path(orchestra.temporal_program()).parent}:{os.environ["PATH"]}'
    environment = {**stack.env, "PATH": path}
    serve = pages.blocks((harness.ROOT / "docs/web-ui.md").read_text())[0].text
    serving = subprocess.Popen(["bash", "-c", f"exec {serve}"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        printed = pages.run("docs/web-ui.md", tmp_path, {**environment, "ENDPOINT": serving.stdout.readline().strip()})
    finally:
        serving.send_signal(signal.SIGINT)
        assert serving.wait(60) == 0
    result, history = printed.split("{\n", 1)
    assert "WorkflowExecutionCompleted" in result and '"decision":"approve"' in result.replace(" ", "")
    assert codec.found(history, {"approve", "Lindenstrasse"}) == {"approve", "Lindenstrasse"}
