"""cmaw codec for tests, and the payloads of a run that Temporal has."""
import base64
import json
import re
import urllib.error
import urllib.request

import harness
import orchestra


BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}")


def words(text):
    """The words of a letter that a reader would know it by, as they stand there."""
    return {w for w in re.findall(r"[\w.,:-]*\w", text) if len(w) >= 5 and not w.islower()} | set(re.findall(r"(?<!\w)[a-z]{7,}", text))


def inside(text):
    """A text, and what is in it as base64."""
    yield text
    for piece in BASE64.findall(text):
        yield base64.b64decode(piece[:len(piece) // 4 * 4].encode().translate(bytes.maketrans(b"-_", b"+/"))).decode("latin-1")


def found(text, wanted):
    """Which of the words stand in a text or in base64 in it, as whole words; a line end may be one of JSON."""
    forms = [form.replace("\\n", "\n") for form in inside(text)]
    return {w for w in wanted if any(re.search(rf"(?<!\w){re.escape(w)}(?!\w)", form) for form in forms)}


class Codec:
    """cmaw codec on the store of a stack; env names another one."""

    def __init__(self, stack, folder, *arguments, env=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.daemon = harness.Daemon("cmaw", folder / "codec.log", "codec", "--json", *arguments, env={**stack.env, **(env or {})})
        said, _ = json.JSONDecoder().raw_decode(self.log()[self.log().index("{"):])
        self.endpoint, self.pages = said["endpoint"], said["pages"]
        self.bare = re.match(r"https?://[^/]+", self.endpoint)[0]
        self.token = self.endpoint[len(self.bare):].strip("/")

    def log(self):
        return self.daemon.log.read_text()

    def stop(self):
        self.daemon.stop()

    def call(self, body, path="decode", method="POST", headers=None, endpoint=None, context=None):
        """(status, headers, body) of one request; a dict is sent as JSON."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request((endpoint or self.endpoint) + path, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=180, context=context) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def decode(self, payloads, **headers):
        status, _, body = self.call({"payloads": payloads}, headers=headers)
        assert status == 200, body
        return json.loads(body)["payloads"]


def shown(payload):
    """What a payload says that the codec has opened; None if it has not."""
    encoding = base64.b64decode(payload.get("metadata", {}).get("encoding", ""))
    return json.loads(base64.b64decode(payload["data"])) if encoding == b"json/plain" else None


def temporal_cli(stack, *arguments):
    return harness.run(orchestra.temporal_program(), *arguments, "--address", stack.temporal())


def payloads_of(stack, workflow_id):
    """{message type: [payload …]} of a run's history, as Temporal gives them."""
    history = json.loads(temporal_cli(stack, "workflow", "show", "-w", workflow_id, "-o", "json").stdout)
    payloads, todo = {}, [history]
    while todo:
        value = todo.pop(0)
        if isinstance(value, dict) and isinstance(value.get("metadata"), dict) and "data" in value:
            payloads.setdefault(base64.b64decode(value["metadata"]["messageType"]).decode().removeprefix("cmaw.v1."), []).append(value)
        else:
            todo += list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return payloads
