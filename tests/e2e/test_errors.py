"""What goes wrong for a person gives one line and a hint (issue 3), with the right exit code."""
import json
import os
import pathlib
import re
import select
import signal
import socket
import urllib.request

import pytest

import harness
import orchestra
from stack import CLAIM, LETTERS, Stack

LETTER = LETTERS / "01-water-approve.txt"


def test_no_temporal(stack):
    result = stack.cmaw("submit", CLAIM, LETTER, "--temporal", f"127.0.0.1:{harness.free_port()}")
    result.assert_one_line_error("Temporal", status=3)


@pytest.mark.parametrize("address", ["nonsense", ":7233", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:port"])
def test_an_address_that_is_none(stack, address):
    stack.cmaw("submit", CLAIM, LETTER, "--temporal", address).assert_one_line_error(address, "HOST:PORT", status=2)


def test_a_run_that_the_server_does_not_know(stack, tmp_path):
    run = stack.run(LETTER).json()["run_id"]
    other = orchestra.Temporal(tmp_path / "other")
    try:
        stack.cmaw("verify", run, "--temporal", other.address).assert_one_line_error("not found", "right server")
    finally:
        other.kill()


def test_a_server_that_does_not_hold_a_poll_is_not_asked_without_pause(stack, tmp_path):
    metrics = harness.free_port()
    quick = ["--dynamic-config-value", 'history.longPollExpirationInterval="1ms"', "--dynamic-config-value", 'frontend.longPollExpirationInterval="1ms"']
    other = orchestra.Temporal(tmp_path / "other", "--metrics-port", str(metrics), *quick)
    try:
        run = stack.cmaw("submit", CLAIM, LETTER, "--temporal", other.address, "--json").json()["run_id"]  # no worker is there: it stays open
        assert stack.cmaw("wait", run, "--temporal", other.address, "--timeout", "3s").status == 3
        text = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10).read().decode()
        polls = re.search(r'^client_redirection_latency_count{operation="DCRedirectionGetWorkflowExecutionHistory".*} (\d+)', text, re.M)
        assert 2 <= int(polls[1]) <= 30, polls[0]  # a thousand without the pause
    finally:
        other.kill()


@pytest.mark.parametrize("change,words", [
    (("from: intake, to: adjudicate", "from: intake, to: intake"), "both ends"), (("size_class: 0", "size_class: 8"), "size_class is not 0 to 7")],
                         ids=["loop", "class"])
def test_a_workflow_that_is_no_graph(stack, tmp_path, change, words):
    text = CLAIM.read_text()
    assert change[0] in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(*change, 1))
    stack.cmaw("submit", broken, LETTER).assert_one_line_error("broken.yaml", words)


def test_a_store_that_cannot_be_opened(stack, tmp_path):
    stack.cmaw("list", env={"CMAW_STORE": str(tmp_path)}).assert_one_line_error("run store", "--store")


def test_a_port_that_is_taken(stack, tmp_path):
    """The ports of a stopped stack are its own: when another program has taken one, up says which."""
    other = Stack(tmp_path / "other")
    other.up()
    other.down()
    outgoing = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for name in ("devd", "ui", "proxy_http", "worker_http"):
        port = other.state()["ports"][name]
        assert port < outgoing  # else any connection of this machine could have it
        with socket.socket() as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
            result = other.cmaw("up", timeout=300)
            assert result.status == 1 and f"port {port}," in result.err and "hint:" in result.err
        other.down()
    other.cmaw("clean", timeout=120)


def test_a_program_that_does_not_start_is_quoted(stack, tmp_path):
    """What it said last is in the error, not only in its log."""
    other = Stack(tmp_path / "other")
    other.up()
    other.down()
    (other.dir / "devd" / "devd.db").write_text("no database")
    result = other.cmaw("up", timeout=300)
    assert result.status == 1 and "before it was ready; it said: cmaw-devd: " in result.err, result.err
    other.cmaw("clean", timeout=120)


def test_a_wrong_passphrase(stack, tmp_path):
    wrong = tmp_path / "wrong"
    harness.write_secret(wrong, "not the passphrase\n")
    stack.cmaw("submit", CLAIM, LETTER, "--passphrase-file", wrong).assert_one_line_error("passphrase")


@pytest.mark.parametrize("verb", ["wait", "open", "verify"])
def test_an_unknown_run(stack, verb):
    stack.cmaw(verb, "feedfacefeedface").assert_one_line_error("feedfacefeedface")


@pytest.mark.parametrize("change,line", [(("size_class: 0", "size_klass: 0"), 8), (("from: client", "from: nobody"), 8), (("version: 1", "version: one"), 2)],
                         ids=["unknown-key", "unknown-step", "not-a-number"])
def test_malformed_yaml_is_named_with_its_line(stack, tmp_path, change, line):
    text = CLAIM.read_text()
    assert change[0] in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(*change, 1))
    result = stack.cmaw("submit", broken, LETTER)
    assert result.status in (1, 2) and "broken.yaml" in result.err and f"{line}" in result.err, result.err


def test_yaml_that_does_not_parse(stack, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\nname: [\n")
    result = stack.cmaw("submit", broken, LETTER)
    assert result.status in (1, 2) and "broken.yaml" in result.err and "line" in result.err


def test_an_input_that_is_not_there(stack, tmp_path):
    result = stack.cmaw("submit", CLAIM, tmp_path / "nothing.txt")
    result.assert_one_line_error("nothing.txt")


def test_an_output_that_cannot_be_written(stack, tmp_path):
    """The run is done then: its result can be opened again."""
    result = stack.cmaw("run", CLAIM, LETTER, "--output", tmp_path / "no-folder" / "decision.json")
    assert result.status == 1 and "no-folder" in result.err and "cmaw open" in result.err
    assert stack.cmaw("open", "last", "--output", tmp_path / "decision.json").status == 0
    assert "decision" in json.loads((tmp_path / "decision.json").read_text())


def test_an_output_that_is_full(stack, tmp_path):
    """A device is written to, and stays one."""
    link = tmp_path / "full"  # so that a failing test leaves the device alone
    link.symlink_to("/dev/full")
    stack.cmaw("open", stack.run(LETTER).json()["run_id"], "--output", link).assert_one_line_error(str(link))
    assert link.is_symlink()


def test_the_largest_input_and_one_byte_more(stack, tmp_path):
    """The largest class holds 1,835,008 bytes with the length, the content type and the salt; the message says what is left."""
    letter = tmp_path / "large.txt"
    letter.write_bytes(b"a" * 1_835_008)
    refused = stack.cmaw("submit", CLAIM, letter)
    refused.assert_one_line_error("too large", "TOO_LARGE", "the largest size class")
    limit = int(re.search(r"at most (\d+)", refused.err)[1])
    assert 1_835_008 - 200 < limit < 1_835_008 - 36
    letter.write_bytes(b"a" * (limit + 1))
    stack.cmaw("submit", CLAIM, letter).assert_one_line_error("too large", str(limit))
    letter.write_bytes(b"a" * limit)
    assert stack.decision(stack.run(letter))["decision"] == "refer"  # nobody's letter is dropped, but a person reads it


def test_an_empty_input_is_a_run(stack, tmp_path):
    letter = tmp_path / "empty.txt"
    letter.write_bytes(b"")
    assert stack.decision(stack.run(letter))["decision"] == "refer"


def test_an_expired_ticket(stack):
    """The worker stands still until the ticket is over; the enclave then answers EXPIRED, by the module's clock."""
    worker = stack.pid("worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        run = stack.cmaw("submit", CLAIM, LETTER, "--expires", "2s", "--json").json()["run_id"]
        select.select([], [], [], 3)  # time has to pass: that is what expires it
    finally:
        os.kill(worker, signal.SIGCONT)
    stack.cmaw("wait", run).assert_one_line_error("EXPIRED", hint=False)


def test_a_full_disk_under_the_run_store(stack, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    harness.as_root("mount", "-t", "tmpfs", "-o", f"size=512k,uid={os.getuid()}", "tmpfs", disk)
    try:
        env = {"CMAW_STORE": str(disk / "store.db")}
        stack.trust(env)
        filler = disk / "filler"
        with open(filler, "wb") as out, pytest.raises(OSError):
            while True:
                os.write(out.fileno(), bytes(4096))
        result = stack.cmaw("submit", CLAIM, LETTER, env=env)
        result.assert_one_line_error("space")
        filler.unlink()
        assert stack.cmaw("submit", CLAIM, LETTER, env=env).status == 0  # nothing was damaged
    finally:
        harness.as_root("umount", disk)


def test_a_dead_part_is_shown(stack):
    """While the supervisor stands still, nobody but `cmaw status` itself can find out."""
    worker, supervisor = stack.pid("worker"), stack.state()["supervisor"]["pid"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        stack.kill(worker)
        harness.wait_for(lambda: harness.is_dead(worker), "the worker's end")
        result = stack.cmaw("status")
        result.assert_one_line_error("not every process is ready", status=3)
        rows = {line.split()[0]: line.split()[1] for line in result.out.splitlines() if line.split()}
        assert rows["worker"] != "ready" and rows["temporal"] == "ready", result.out
    finally:
        os.kill(supervisor, signal.SIGCONT)
    stack.back("worker", worker)
    assert stack.cmaw("status").status == 0


def test_wrong_usage(stack):
    for arguments in (["run"], ["run", CLAIM], ["no-such-verb"], ["run", "--no-such-option"], ["evidence", "last"], ["manifest", "new", CLAIM]):
        result = stack.cmaw(*arguments)
        assert result.status == 2 and "hint:" in result.err, (arguments, result.err)


def test_an_enclave_that_is_not_ready(devd, images, launch):
    """What a worker is told by an enclave that has no key yet; the worker retries, so a person sees it in `cmaw status`."""
    import sst1
    enclave = launch(f"idle-{os.urandom(3).hex()}", images.eifs[0])
    deployment = harness.Deployment(devd, images.pcrs, policies=False)
    run = sst1.Run(deployment.manifest, deployment.plan(), {1: b"\x09" + bytes(31), 2: b"\x09" + bytes(31)}, 2**62)
    assert harness.step(enclave, run, 1, run.seal(1, b"x")).code == "NOT_READY"
