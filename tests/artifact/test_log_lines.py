"""What an enclave writes to its log is codes and counters: no text of a peer, an agent or a content has a way into it."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCES = sorted((ROOT / "enclave").rglob("*.c"))
CALL = re.compile(r"\bcmaw_log\(\s*(CMAW_LOG_\w+)\s*,(.*?)\)\s*;", re.S)
CONVERSION = re.compile(r"%(?:ll|l|z|h)?([a-zA-Z%])")
# texts that a table of ours holds: of an error, a code, the version, the tier
CONSTANT_TEXTS = re.compile(r"cmaw_err_text\(\w+\)|cmaw_code_name\(\w+\)|CMAW_VERSION|words\[cmaw_platform_tier\(\)\]")
OTHER_WAYS_OUT = re.compile(r"\b(?:printf|fprintf|puts|fputs|perror|dprintf|vprintf|syslog|psignal|err|warn)\s*\(|\bstderr\b|\bstdout\b")


def split(text):
    """Arguments at depth 0."""
    parts, depth, start, quoted = [], 0, 0, False
    for i, c in enumerate(text):
        if c == '"' and text[i - 1] != "\\":
            quoted = not quoted
        elif not quoted and c in "([":
            depth += 1
        elif not quoted and c in ")]":
            depth -= 1
        elif not quoted and depth == 0 and c == ",":
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


def faults(source):
    """What a call of cmaw_log writes beside numbers and constant texts."""
    found = []
    for _, rest in CALL.findall(source):
        event, form, *values = split(rest)
        form = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', form)) if form.startswith('"') else None
        if form is None:
            found.append(f"{event}: its form is no constant")
            continue
        kinds = [kind for kind in CONVERSION.findall(form) if kind != "%"]
        if len(kinds) != len(values) or form.count("%") != len(kinds):
            found.append(f"{event}: {len(values)} values, {form!r}")
        for kind, value in zip(kinds, values):
            if kind not in "udx" and not (kind == "s" and CONSTANT_TEXTS.fullmatch(value)):
                found.append(f"{event}: {value} as %{kind}")
        # the events themselves are constants, or the parameter of a helper that is given constants
        if not re.fullmatch(r'"[a-z_]+\.[a-z0-9_]+"|event', event):
            found.append(f"{event} is no event")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_log_lines_are_codes_and_counters(path):
    assert faults(path.read_text()) == []


def test_no_other_way_out():
    code = {str(path.relative_to(ROOT)): re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', " ", path.read_text(), flags=re.S) for path in SOURCES}
    assert {path: found for path, text in code.items() if (found := OTHER_WAYS_OUT.findall(text))} == {}
    assert sum(len(CALL.findall(path.read_text())) for path in SOURCES) > 15


@pytest.mark.parametrize("call, fault", [
    ('cmaw_log(CMAW_LOG_INFO, "a.b", "text=%s", message);', '"a.b": message as %s'),
    ('cmaw_log(CMAW_LOG_INFO, "a.b", "x=%u text=%.*s", 1, 2, bytes);', '"a.b": 3 values, \'x=%u text=%.*s\''),
    ('cmaw_log(CMAW_LOG_INFO, "a.b", message);', '"a.b": its form is no constant'),
    ('cmaw_log(CMAW_LOG_INFO, name, "x=%u", 1);', "name is no event"),
    ('cmaw_log(CMAW_LOG_INFO, "a.b", "err=%s n=%llu", cmaw_err_text(err), (unsigned long long)n);', None),
])
def test_a_line_with_more_is_found(call, fault):
    assert faults(call) == ([fault] if fault else [])
