"""The source obeys its own rules: the include table of ARCHITECTURE.md, and the calls that only lib/base may make."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OWN = ("lib", "sys", "enclave", "host", "image", "dev", "client", "agents")
SOURCES = sorted(path for top in OWN for path in (ROOT / top).rglob("*.[ch]"))
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.S)


def table():
    rows = {}
    text = (ROOT / "ARCHITECTURE.md").read_text().split("## Who may include whom")[1].split("\n## ")[0]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 and cells[0] not in ("folder", "---"):
            rows[cells[0]] = cells[1].split()
    return rows


def folder_of(relative, rows):
    """The longest row of the table that holds this path."""
    found = [name for name in rows if str(relative).startswith(name + "/")]
    return max(found, key=len) if found else None


def included(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.M)


def violations(sources, rows, root):
    bad = []
    for path in sources:
        relative = path.relative_to(root)
        own = folder_of(relative, rows)
        if own is None:
            bad.append(f"{relative}: its folder is not in the table")
            continue
        for name in included(path):
            allowed = any(name.startswith(prefix + "/") for prefix in [own, *rows[own]])
            generated = "/" not in name or name.startswith("temporal/")
            if not allowed and not (generated and own == "host/temporal"):
                bad.append(f"{relative} includes {name}")
    return bad


def test_includes_follow_the_table():
    assert len(SOURCES) > 20
    assert violations(SOURCES, table(), ROOT) == []


def test_a_wrong_include_is_found(tmp_path):
    planted = tmp_path / "lib" / "base" / "x.c"
    planted.parent.mkdir(parents=True)
    planted.write_text('#include "lib/sst/plan.h"\n')
    assert violations([planted], table(), tmp_path) == ["lib/base/x.c includes lib/sst/plan.h"]


def test_only_lib_crypto_includes_openssl():
    users = {str(path.relative_to(ROOT).parent) for path in SOURCES if re.search(r"#\s*include\s*<openssl/", path.read_text())}
    assert users == {"lib/crypto"}


REFUSED = re.compile(r"\b(memcmp|malloc|realloc|strcpy|strcat|strncpy|sprintf|vsprintf|gets|strtok|atoi|atol|alloca|system|rand|strdup)\s*\(")


def calls(text):
    return REFUSED.findall(COMMENT_OR_STRING.sub(" ", text))


@pytest.mark.parametrize("path", [path for path in SOURCES if "lib/base" not in str(path)], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_refused_call(path):
    assert calls(path.read_text()) == []


def test_a_refused_call_is_found():
    assert calls('x = strcpy(a, b); /* malloc(1) */ puts("gets(");') == ["strcpy"]


def test_nothing_of_the_makers_machine_is_in_the_tree():
    words = re.compile(r"/work/|(?<!\w)/root/|deb\.debian\.org|proxy\.golang\.org|registry\.npmjs|crates\.io|pypi\.org|files\.pythonhosted")
    import subprocess
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    bad = []
    for name in names:
        path = ROOT / name
        if path == pathlib.Path(__file__) or name.endswith("Cargo.lock") or not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        bad += [f"{name}: {match}" for match in words.findall(text)]
    assert bad == []
