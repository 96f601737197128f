"""What operators see, of a stack that runs: metrics in Prometheus' format by its own parser, the dashboard and the rules against them, health that follows
the enclaves, and JSON logs."""
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request
import uuid

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

import harness
import pages
from harness import ROOT
from stack import LETTERS, Stack

PAGE = (ROOT / "docs" / "operations.md").read_text()
DASHBOARD = json.loads((ROOT / "docs" / "operations" / "grafana-dashboard.json").read_text())
RULES = yaml.safe_load((ROOT / "docs" / "operations" / "prometheus-rules.yaml").read_text())
NAME = re.compile(r"\b(?:cmaw|temporal)_[a-z0-9_]+\b")
LABELS = {"program", "version", "role", "code", "le", "forward", "target", "result", "direction"}
# Core makes these when the first request fails
CORE_ON_FAILURE = {"temporal_request_failure_total", "temporal_long_request_failure_total"}


@pytest.fixture(scope="module")
def watched(folder):
    """A stack with JSON logs, after one run."""
    stack = Stack(folder / "watched")
    try:
        result = stack.cmaw("up", "--log-format", "json", timeout=600)
        assert result.status == 0, result.err
        stack.trust()
        yield stack
    finally:
        stack.down()


def test_temporal_asks_nobody_outside(watched):
    """Its server would ask its makers for news when it starts, and tell them which cluster it is: that has not been tried."""
    port = json.loads((watched.dir / "stack.json").read_text())["ports"]["metrics"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        counted = answer.read().decode()
    assert "\nservice_requests" in counted and "version_check" not in counted


def get(stack, program, path):
    """(status, text)"""
    url = stack.cmaw("status", "--json").json()["addresses"][f"{program}_http"]
    try:
        with urllib.request.urlopen(url + path, timeout=180) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def families(text):
    """{name of the family as it stands in TYPE: family}, with what a strict reader would refuse refused."""
    typed, helped = re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M), re.findall(r"^# HELP (\S+) \S", text, re.M)
    assert text.endswith("\n") and sorted(name for name, _ in typed) == sorted(helped) and len(set(helped)) == len(helped)
    found, series = {}, set()
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
        found[family.name + ("_total" if family.type == "counter" else "")] = family
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in series, key
            series.add(key)
    assert set(found) == set(helped)
    return found


def value(found, name, **labels):
    """The sum of the samples with these labels."""
    return sum(s.value for family in found.values() for s in family.samples if s.name == name and labels.items() <= s.labels.items())


def metrics(stack, program):
    status, text = get(stack, program, "/metrics")
    assert status == 200
    return families(text)


def everything(stack):
    return {**metrics(stack, "worker"), **metrics(stack, "proxy")}


def test_metrics_rise_with_a_run(watched):
    harness.wait_for(lambda: get(watched, "worker", "/readyz")[0] == 200, "the worker is not ready", 300)
    before = metrics(watched, "worker")
    run_id = watched.run(LETTERS / "01-water-approve.txt").json()["run_id"]
    after = metrics(watched, "worker")
    for role in ("intake", "adjudicate"):
        for name, labels in (("cmaw_worker_steps_total", {"code": "OK"}), ("cmaw_worker_step_duration_seconds_count", {})):
            assert value(after, name, role=role, **labels) == value(before, name, role=role, **labels) + 1
        assert value(after, "cmaw_worker_enclave_ready", role=role) == value(after, "cmaw_enclave_simulated", role=role) == 1
        harness.wait_for(lambda: value(metrics(watched, "worker"), "cmaw_enclave_steps_total", role=role, code="OK") ==
                         value(before, "cmaw_enclave_steps_total", role=role, code="OK") + 1, "the enclave's own count")
    assert value(after, "cmaw_credentials_expiry_timestamp_seconds") == float("inf")
    assert value(after, "temporal_activity_task_received_total", activity_type="cmaw.step") >= 2
    assert value(metrics(watched, "proxy"), "cmaw_proxy_bytes_total", direction="out") > 0
    assert run_id not in get(watched, "worker", "/metrics")[1]


def test_labels_are_bounded(watched):
    ours = [s for name, family in everything(watched).items() if name.startswith("cmaw_") for s in family.samples]
    assert {label for sample in ours for label in sample.labels} == LABELS
    core = [s.labels for name, family in metrics(watched, "worker").items() if name.startswith("temporal_") for s in family.samples]
    assert core and all(labels.get("workflow_type", "cmaw.run") in ("cmaw.run", "other") for labels in core)


def test_whoever_starts_a_workflow_makes_no_series(watched):
    """The type of a workflow is anybody's choice, and a label of Temporal's core."""
    chosen = f"type-{uuid.uuid4()}"

    async def start():
        client = await Client.connect(watched.temporal())
        tenant, manifest = (watched.cmaw("status", "--json").json()[key] for key in ("tenant", "manifest"))
        await client.start_workflow(chosen, id=chosen, task_queue=f"cmaw.{tenant}.{manifest[:8]}")
    asyncio.run(start())

    def counted():
        text = get(watched, "worker", "/metrics")[1]
        assert chosen not in text
        return 'workflow_type="other"' in text
    harness.wait_for(counted, "the workflow of another type is not counted")

    async def end():
        await (await Client.connect(watched.temporal())).get_workflow_handle(chosen).terminate()
    asyncio.run(end())


def queries():
    targets = [t["expr"] for panel in DASHBOARD["panels"] for t in panel.get("targets", [])]
    return targets, [rule["expr"] for rule in RULES["groups"][0]["rules"]]


def test_the_dashboard_and_the_rules_name_what_there_is(watched):
    found = everything(watched)
    samples = {sample.name for family in found.values() for sample in family.samples} | CORE_ON_FAILURE
    shown, alerted = queries()
    for expression in shown + alerted:
        names = set(NAME.findall(re.sub(r"\{[^}]*\}", "", expression)))
        assert names and names <= samples, expression
    drawn = " ".join(shown)
    missing = {name for name in found if name.startswith("cmaw_") and not re.search(rf"\b{name}(_bucket)?\b", drawn)}
    assert missing == set(), "not on the dashboard"


def test_the_page_lists_every_metric_and_alert(watched):
    rows = dict(re.findall(r"^\| `(cmaw_\w+)` \| (.+) \|$", PAGE, re.M))
    expected = {}
    for program in ("worker", "proxy"):
        for name, family in metrics(watched, program).items():
            if name.startswith("cmaw_"):
                of = "worker, proxy" if name == "cmaw_build_info" else program
                expected[name] = f"{family.type} | {of} | {family.documentation}"
    assert rows == expected
    assert re.findall(r"^\| `(Cmaw\w+)` \|", PAGE, re.M) == [rule["alert"] for rule in RULES["groups"][0]["rules"]]


def test_readiness_follows_an_enclave(watched):
    harness.wait_for(lambda: get(watched, "worker", "/readyz")[0] == 200, "the worker is not ready", 300)
    lost = value(metrics(watched, "worker"), "cmaw_worker_enclave_lost_total", role="intake")
    launcher = watched.pid("enclave-intake")

    def noticed():
        return get(watched, "worker", "/readyz") == (503, "enclave intake: not ready\n")
    os.kill(launcher, signal.SIGSTOP)  # else the enclave could be back before anybody looks
    try:
        for pid in harness.descendants(launcher):
            with contextlib.suppress(ProcessLookupError):  # the first takes the others along
                watched.kill(pid)
        harness.wait_for(noticed, "the worker did not notice", 300)
        gone = metrics(watched, "worker")
        assert value(gone, "cmaw_worker_enclave_ready", role="intake") == 0 and value(gone, "cmaw_worker_enclave_ready", role="adjudicate") == 1
        assert value(gone, "cmaw_worker_enclave_lost_total", role="intake") == lost + 1
        assert [s.labels["role"] for s in gone["cmaw_enclave_uptime_seconds"].samples] == ["adjudicate"]
        assert get(watched, "worker", "/healthz") == (200, "ok\n")
    finally:
        os.kill(launcher, signal.SIGCONT)
    watched.back("enclave-intake", launcher)
    harness.wait_for(lambda: get(watched, "worker", "/readyz")[0] == 200, "the worker is not ready again", 300)


def json_lines(path):
    for line in path.read_text().splitlines():
        yield json.loads(line)


def test_json_logs_have_every_line_and_no_word_of_the_letter(watched):
    letter = LETTERS / "04-theft-deny.txt"
    watched.run(letter).json()
    words = set(re.findall(r"[A-Za-z]{8,}", letter.read_text()))
    events = set()
    logs = [p for p in (watched.dir / "logs").glob("*.log") if p.name != "temporal.log"]
    assert len(logs) == 6
    for path in logs:
        for line in json_lines(path):
            if path.name.startswith("enclave-") and "EnclaveID" in line:
                continue  # standard output, as nitro-cli's
            assert set(line) == {"time", "level", "program", "event", "fields"} and line["level"] in ("debug", "info", "warn", "error")
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) and isinstance(line["fields"], dict)
            events.add((line["program"], line["event"]))
        spoken = set(re.findall(r"[A-Za-z]{8,}", path.read_text()))
        assert not words & spoken, path
    assert {("worker", "worker.serving"), ("worker", "enclave.ready"), ("proxy", "proxy.up"), ("launch", "enclave.log"), ("devd", "kms.call"),
            ("supervisor", "process.state")} <= events


def test_a_program_that_fails_says_so_in_json(tmp_path):
    result = harness.run(harness.program("cmaw-proxy"), "--log-format", "json", "--http", "nowhere", "--forward", f"uds:{tmp_path}/a:8000=127.0.0.1:1",
                         "--allow", "127.0.0.1:1", check=False)
    line = json.loads(result.stderr)
    assert result.returncode == 2 and line["event"] == "program.failed" and "nowhere" in line["fields"]["text"] and line["fields"]["hint"]
    result = harness.run(harness.program("cmaw-worker"), "--log-format", "xml", check=False)
    assert result.returncode == 2 and "--log-format is text or json, not xml" in result.stderr


def test_the_proxy_counts_what_it_refuses(tmp_path):
    log = tmp_path / "proxy.log"
    with socket.create_server(("127.0.0.1", 0)) as target:
        port = target.getsockname()[1]
        proxy = harness.Daemon("cmaw-proxy", log, "--forward", f"uds:{tmp_path}/e.sock:8000=127.0.0.1:{port}", "--allow", f"127.0.0.1:{port}",
                               "--max-connections", "1", "--http", "0", "--log-format", "json")
        try:
            address = next(line["fields"]["address"] for line in json_lines(log) if line["event"] == "http.serving")

            def scrape():
                with urllib.request.urlopen(f"http://{address}/metrics", timeout=180) as answer:
                    return families(answer.read().decode())
            with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
                first.connect(f"{tmp_path}/e.sock_8000")
                inside, _ = target.accept()
                first.sendall(b"x" * 1000)
                assert len(inside.recv(1000, socket.MSG_WAITALL)) == 1000
                second.connect(f"{tmp_path}/e.sock_8000")
                assert second.recv(1) == b""  # it is refused
                found = scrape()
                assert value(found, "cmaw_proxy_connections_total", result="refused") == 1
                assert value(found, "cmaw_proxy_connections_active") == value(found, "cmaw_proxy_connections_limit") == 1
                assert value(found, "cmaw_proxy_bytes_total", direction="out") == 1000  # of a connection that is open
                inside.close()
            harness.wait_for(lambda: value(scrape(), "cmaw_proxy_connections_active") == 0, "the end of the connection")
            found = scrape()
            assert value(found, "cmaw_proxy_connections_total") == 2 and value(found, "cmaw_proxy_connections_established_total") == 1
            assert value(found, "cmaw_proxy_bytes_total", direction="out") == 1000
        finally:
            proxy.stop()


def test_somebody_who_watches_it(tmp_path, watched):
    path = f"{harness.program('cmaw').parent}:{os.environ['PATH']}"
    printed = pages.run("docs/operations.md", tmp_path, {**pages.environment_of(tmp_path, PATH=path), "CMAW_DIR": str(watched.dir)})
    assert 'cmaw_worker_enclave_ready{role="intake"} 1' in printed
