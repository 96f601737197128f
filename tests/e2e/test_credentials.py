"""Where AWS credentials come from, as `cmaw credentials` shows it: the chain that cmaw and cmaw-worker share, against AWS's own metadata
mock, and services that are down, slow, hostile or old."""
import json
import os
import resource
import subprocess

import pytest

import credential_services as services
import harness
import pages
from credential_services import IMPATIENT, KEYS, answer, metadata, scripted, status


MEMORY_MAX = 64 << 20


def limit_memory():
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MAX, MEMORY_MAX))


@pytest.fixture
def show(tmp_path):
    """show(*arguments, **environment) -> the finished `cmaw credentials`. It never says a secret, and needs little memory."""
    def run(*arguments, **more):
        result = harness.run(harness.program("cmaw"), "credentials", "--json", *arguments, check=False, timeout=120,
                             env=services.environment(tmp_path, **more), preexec_fn=limit_memory)
        for secret in (KEYS["SecretAccessKey"], KEYS["SessionToken"], "t0k3n", "s3cr3t"):
            assert secret not in result.stdout + result.stderr
        return result
    return run


def found(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def failed(result, *words, status=None):
    lines = result.stderr.splitlines()
    assert result.returncode != 0 and result.stdout == "", result
    assert status is None or result.returncode == status, result
    assert lines[0].startswith("cmaw: ") and len(lines) <= 2 and all(line.startswith("hint: ") for line in lines[1:]), result.stderr
    for word in words:
        assert word in result.stderr, (word, result.stderr)


@pytest.fixture(scope="module")
def mock(folder):
    running = services.MetadataMock(folder / "imds")
    yield running
    running.kill()


def test_the_mock_of_aws(mock, show):
    shown = found(show(AWS_EC2_METADATA_SERVICE_ENDPOINT=mock.url))
    expires = shown.pop("expires")
    assert shown == {"source": "imds", "access_key_id": KEYS["AccessKeyId"], "session_token": True, "region": harness.REGION}
    assert expires.endswith("Z") and expires > answer(lifetime_s=3600)["Expiration"]


def test_botocore_finds_the_same(mock, show, monkeypatch, tmp_path):
    import botocore.session
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", mock.url)
    credentials = botocore.session.Session().get_credentials().get_frozen_credentials()
    assert credentials.access_key == found(show(AWS_EC2_METADATA_SERVICE_ENDPOINT=mock.url + "/"))["access_key_id"]


def test_version_2_is_spoken(show):
    with scripted(metadata()) as server:
        assert found(show("--credentials", "imds", AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url))["access_key_id"] == KEYS["AccessKeyId"]
    (method, path, headers), *rest = server.seen
    assert (method, path) == ("PUT", services.TOKEN_PATH) and 1 <= int(headers["X-aws-ec2-metadata-token-ttl-seconds"]) <= 21600
    assert [p for _, p, _ in rest if p != services.TOKEN_PATH] == [services.ROLES_PATH, services.ROLES_PATH + "enclave-parent", "/latest/meta-data/placement/region"]
    assert all(m == "GET" and h["X-aws-ec2-metadata-token"] == "t0k3n" for m, path, h in rest if path != services.TOKEN_PATH)


def test_no_proxy_is_asked(show):
    with scripted(metadata()) as server, scripted(status(200, answer())) as proxy:
        found(show(AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url, http_proxy=proxy.url, HTTP_PROXY=proxy.url, ALL_PROXY=proxy.url))
    assert proxy.seen == []


def trickle(handler):
    """A byte at a time, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    while True:
        handler.wfile.write(b"x")
        handler.connection.settimeout(0.2)
        try:
            if handler.connection.recv(1) == b"":
                return
        except TimeoutError:
            pass


def endless(start, piece):
    def script(handler):
        handler.wfile.write(start)
        while True:
            handler.wfile.write(piece)
    return script


HUGE = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", b"x" * 65536)
CHUNKS = endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
HEADERS = endless(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"x" * 1000 + b"\r\n")
SILENT = services.Handler.say_nothing
BROKEN = [
    ("version-1-only-404", {"token": status(404)}, ["version 1 only (HTTP 404"], 1),
    ("version-1-only-405", {"token": status(405)}, ["version 1 only (HTTP 405"], 1),
    ("switched-off-403", {"token": status(403)}, ["HTTP 403", "switched off", "hint: "], 1),
    ("hop-limit", {"token": SILENT}, ["Timeout", "hop limit must be 2"], 3),
    ("token-400", {"token": status(400)}, ["no session token (HTTP 400)"], 1),
    ("token-throttled", {"token": status(429)}, ["HTTP 429"], None),
    ("token-503", {"token": status(503)}, ["HTTP 503"], None),
    ("token-empty", {"token": status(200)}, ["session token is none"], 1),
    ("token-of-two-lines", {"token": status(200, "t0k3n\r\nX-Evil: 1")}, ["session token is none"], 1),
    ("token-huge", {"token": HUGE}, ["too large"], 1),
    ("token-redirected", {"token": status(302, Location="http://127.0.0.1:1/")}, ["HTTP 302"], 1),
    ("no-role", {"roles": status(404)}, ["the instance has no role", "instance profile"], 1),
    ("role-with-a-path", {"roles": status(200, "../../x")}, ["name of the instance's role"], 1),
    ("roles-of-two-lines", {"roles": status(200, "a\nb")}, ["name of the instance's role"], 1),
    ("keys-500", {"keys": status(500)}, ["HTTP 500"], None),
    ("keys-401", {"keys": status(401)}, ["HTTP 401"], 1),
    ("keys-slow", {"keys": SILENT}, ["Timeout"], 3),
    ("keys-trickled", {"keys": trickle}, ["Timeout"], 3),
    ("keys-huge", {"keys": HUGE}, ["too large"], 1),
    ("keys-endless-chunks", {"keys": CHUNKS}, ["too large"], 1),
    ("keys-endless-headers", {"keys": HEADERS}, ["too large"], 1),
    ("keys-no-http", {"keys": lambda h: h.wfile.write(b"\0\1\2\3 s3cr3t\r\n\r\n")}, [], 1),
    ("keys-cut", {"keys": lambda h: h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")}, [], 1),
    ("keys-html", {"keys": status(200, "<html>s3cr3t</html>")}, ["no JSON object"], 1),
    ("keys-no-object", {"keys": status(200, ["s3cr3t"])}, ["no JSON object"], 1),
    ("keys-deep", {"keys": status(200, "[" * 30000)}, ["no JSON object"], 1),
    ("keys-failed", {"keys": status(200, {"Code": "AssumeRoleUnauthorizedAccess", "Message": "s3cr3t"})}, ["AssumeRoleUnauthorizedAccess"], 1),
    ("keys-without-secret", {"keys": status(200, {"Code": "Success", "AccessKeyId": KEYS["AccessKeyId"]})}, ["of their form"], 1),
    ("keys-with-a-line-feed", {"keys": status(200, answer(Token="s3cr3t\r\nX: y"))}, ["of their form"], 1),
    ("keys-without-a-time", {"keys": status(200, answer(Expiration="tomorrow"))}, ["Expiration"], 1),
]


@pytest.mark.parametrize("parts,words,code", [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_metadata_service_that_is_broken(show, parts, words, code):
    waits = IMPATIENT if words[:1] == ["Timeout"] else {}
    with scripted(metadata(**parts)) as server:
        failed(show("--credentials", "imds", AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url, **waits), "imds: ", *words, status=code)


@pytest.mark.parametrize("part", ["token", "roles", "keys"])
@pytest.mark.parametrize("trouble", [status(429), status(503), SILENT, lambda h: None], ids=["429", "503", "slow", "hangs-up"])
def test_what_passes_is_asked_again(show, part, trouble):
    good = {"token": status(200, "t0k3n"), "roles": status(200, "enclave-parent"), "keys": lambda h: h.say(200, answer())}
    waits = {"AWS_METADATA_SERVICE_TIMEOUT": "3"} if trouble is SILENT else {}  # the good answer has to come within it
    with scripted(metadata(**{part: [trouble, good[part]]})) as server:
        assert found(show("--credentials", "imds", AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url, AWS_REGION="x", **waits))["source"] == "imds"
    assert len(server.seen) == 4


def test_a_metadata_service_that_is_down(show):
    url = f"http://127.0.0.1:{harness.free_port()}"
    failed(show("--credentials", "imds", AWS_EC2_METADATA_SERVICE_ENDPOINT=url), "imds: ", url, "connect", status=3)
    failed(show(AWS_EC2_METADATA_SERVICE_ENDPOINT=url), "there are no AWS credentials", "--credentials", status=1)
    failed(show(AWS_EC2_METADATA_DISABLED="true"), "there are no AWS credentials", "AWS_EC2_METADATA_DISABLED")
    failed(show("--credentials", "imds", AWS_EC2_METADATA_SERVICE_ENDPOINT="file:///etc/passwd"), "http or https")


def container(token=None, say=None):
    def script(handler):
        if token is not None and handler.headers.get("Authorization") != token:
            handler.say(401)
        else:
            (say or (lambda h: h.say(200, answer())))(handler)
    return script


def test_a_container_agent(show, tmp_path):
    (tmp_path / "token").write_text("of the file\n")
    with scripted(container("of the file")) as server:
        full = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/v1/credentials?x=1", "AWS_REGION": "eu-central-1"}
        shown = found(show(AWS_CONTAINER_AUTHORIZATION_TOKEN="other", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tmp_path / "token"), **full))
        assert (shown["source"], shown["access_key_id"]) == ("container", KEYS["AccessKeyId"])
        assert server.seen[0][:2] == ("GET", "/v1/credentials?x=1")
        found(show(AWS_CONTAINER_AUTHORIZATION_TOKEN="of the file", **full))
        failed(show(**full), "container: ", "HTTP 401")
        count = len(server.seen)
        failed(show(AWS_CONTAINER_AUTHORIZATION_TOKEN="a\r\nX: y", **full), "container: ", "token has characters")
        failed(show(AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tmp_path / "none"), **full), "container: ", "none")
        assert len(server.seen) == count


@pytest.mark.parametrize("say,words", [(HUGE, ["too large"]), (trickle, ["Timeout"]), (SILENT, ["Timeout"]), (status(404), ["HTTP 404"]),
                                       (status(503), ["HTTP 503"]), (status(200, "{"), ["no JSON object"]),
                                       (status(301, Location="http://127.0.0.1:1/"), ["HTTP 301"])],
                         ids=["huge", "trickled", "slow", "404", "503", "cut", "redirect"])
def test_a_container_agent_that_is_broken(show, say, words):
    with scripted(container(say=say)) as server:
        waits = IMPATIENT if words == ["Timeout"] else {}
        result = show(AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url + "/v2/0d7ac1c6?q=0d7ac1c6#0d7ac1c6", **waits)
        failed(result, "container: ", *words)
        assert server.seen and "0d7ac1c6" not in result.stderr  # on ECS, whoever has the path gets the keys


@pytest.mark.parametrize("url", ["http://10.0.0.1/x", "http://example.org/x", "http://169.254.170.3/", "http://169.254.169.254/", "http://127.0.0.1.example.org/",
                                 "http://[::2]/", "ftp://127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1@example.org/", "http://example.org@127.0.0.1/", "//127.0.0.1/x", "x"])
def test_a_container_agent_elsewhere_is_not_asked(show, url):
    failed(show(AWS_CONTAINER_CREDENTIALS_FULL_URI=url, AWS_CONTAINER_AUTHORIZATION_TOKEN="t0k3n"), "container: AWS_CONTAINER_CREDENTIALS_FULL_URI", status=2)


@pytest.fixture
def files(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[default]\naws_access_key_id = AKIADEFAULTDEFAULT00\naws_secret_access_key = s3cr3t\n"
                                               "[other]\naws_access_key_id = AKIAOTHEROTHEROTHER0\naws_secret_access_key = s3cr3t\naws_session_token = t0k3n\n"
                                               "[half]\naws_access_key_id = AKIAHALFHALFHALFHALF\n")
    (tmp_path / ".aws/config").write_text("[default]\nregion = eu-west-1\n[profile other]\nregion = eu-north-1\n"
                                          "[profile config]\naws_access_key_id = AKIACONFIGCONFIGCONF\naws_secret_access_key = s3cr3t\n"
                                          "[profile process]\ncredential_process = /bin/false\n[profile role]\nrole_arn = x\nsource_profile = default\n[profile none]\n")
    return tmp_path / ".aws"


@pytest.mark.parametrize("arguments,more,want", [
    ([], {}, ("AKIADEFAULTDEFAULT00", False, "eu-west-1")),
    (["--profile", "other"], {}, ("AKIAOTHEROTHEROTHER0", True, "eu-north-1")),
    ([], {"AWS_PROFILE": "other"}, ("AKIAOTHEROTHEROTHER0", True, "eu-north-1")),
    (["--profile", "default"], {"AWS_PROFILE": "other"}, ("AKIADEFAULTDEFAULT00", False, "eu-west-1")),
    (["--profile", "config"], {"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}, ("AKIACONFIGCONFIGCONF", False, "a")),
    (["--profile", "other"], {"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT00000", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "b"}, ("AKIAOTHEROTHEROTHER0", True, "b")),
    ([], {"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT00000", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "other"}, ("AKIAENVIRONMENT00000", False, "eu-north-1")),
    (["--credentials", "profile"], {"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT00000", "AWS_SECRET_ACCESS_KEY": "x"}, ("AKIADEFAULTDEFAULT00", False, "eu-west-1")),
])
def test_profiles(show, files, arguments, more, want):
    shown = found(show(*arguments, **more))
    assert (shown["access_key_id"], shown["session_token"], shown["region"]) == want


def test_files_elsewhere(show, files, tmp_path):
    (tmp_path / "c").write_text("[default]\naws_access_key_id = AKIAELSEWHERE0000000\naws_secret_access_key = s3cr3t\n")
    assert found(show(AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "c")))["access_key_id"] == "AKIAELSEWHERE0000000"
    (tmp_path / "d").write_text("[default]\naws_access_key_id = AKIAELSEWHERE0000000\naws_secret_access_key s3cr3t\n")
    failed(show(AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "d")), "profile: ", "/d:3: ")
    (tmp_path / "e").write_text("# x\n" * 100_000)
    failed(show(AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "e")), "profile: ", "larger than")


@pytest.mark.parametrize("name,words", [("half", ["half", "not complete"]), ("process", ["credential_process", "not supported", "export-credentials"]),
                                        ("role", ["role_arn", "not supported"]), ("none", ["has no keys"]), ("absent", ["there is no profile absent"])])
def test_profiles_without_static_keys(show, files, name, words):
    failed(show("--profile", name), "profile: ", *words)


def test_half_an_environment(show):
    failed(show(AWS_ACCESS_KEY_ID="AKIAENVIRONMENT00000"), "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not", status=2)
    failed(show(AWS_ACCESS_KEY_ID="AKIAENVIRONMENT00000", AWS_SECRET_ACCESS_KEY="a b"), "environment: ", "form")


def test_the_order(show, files, mock):
    """Each source in its turn, all others being there."""
    with scripted(container()) as agent:
        everything = {"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT00000", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.url,
                      "AWS_EC2_METADATA_SERVICE_ENDPOINT": mock.url}
        order = []
        for gone in (lambda: everything.pop("AWS_ACCESS_KEY_ID") and everything.pop("AWS_SECRET_ACCESS_KEY"), (files / "credentials").unlink,
                     lambda: everything.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI"), lambda: None):
            order.append(found(show(**everything))["source"])
            gone()
    assert order == ["environment", "profile", "container", "imds"]


def test_the_commands_of_the_page(mock, tmp_path):
    path = f'{harness.program("cmaw").parent}:{os.environ["PATH"]}'
    environment = services.environment(tmp_path, PATH=path, AWS_EC2_METADATA_SERVICE_ENDPOINT=mock.url)
    assert pages.run("docs/credentials.md", tmp_path, environment).count(KEYS["AccessKeyId"]) == 2


def test_help_names_the_sources():
    for name, verb in (("cmaw", ["credentials"]), ("cmaw-worker", [])):
        text = subprocess.run([harness.program(name), *verb, "--help"], capture_output=True, text=True, check=True).stdout
        for word in ("--credentials SOURCE", "--profile NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "version 2 only"):
            assert word in text
