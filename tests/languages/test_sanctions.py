"""The sanctions check has tests in its own language; here they are run, where that is installed."""
import json
import os
import shutil
import subprocess

import pytest

from conftest import ROOT

FOLDER = ROOT / "agents" / "sanctions"
go = pytest.mark.skipif(shutil.which("go") is None, reason="go is not in PATH: the agent sanctions is neither built nor tested")


def run_go(*words):
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    return subprocess.run(["go", *words], cwd=FOLDER, capture_output=True, text=True, timeout=300, env=environment)


@go
def test_its_own_tests(record_property):
    result = run_go("test", "-count=1", "-json", ".")
    ends = [line for line in map(json.loads, result.stdout.splitlines()) if line.get("Test") and line["Action"] in ("pass", "fail", "skip")]
    record_property("measured", f"sanctions: {len(ends)} tests in Go")
    assert result.returncode == 0 and len(ends) >= 12 and {line["Action"] for line in ends} == {"pass"}, result.stdout + result.stderr


@go
def test_nothing_to_vet_and_nothing_to_format():
    assert run_go("vet", ".").returncode == 0
    listed = subprocess.run(["gofmt", "-l", "."], cwd=FOLDER, capture_output=True, text=True, timeout=180)
    assert listed.returncode == 0 and listed.stdout == ""


@go
def test_the_standard_library_is_all_it_needs():
    assert "require" not in (FOLDER / "go.mod").read_text() and not (FOLDER / "go.sum").exists()


@go
def test_it_is_static_and_the_same_wherever_it_is_built(tmp_path):
    built = ROOT / "build" / "agents" / "sanctions"
    other = tmp_path / "elsewhere"
    shutil.copytree(FOLDER, other)
    subprocess.run(["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", tmp_path / "again", "."], cwd=other, check=True, timeout=300,
                   env={**os.environ, "CGO_ENABLED": "0", "GOPROXY": "off", "GOTOOLCHAIN": "local"})
    assert (tmp_path / "again").read_bytes() == built.read_bytes()
    assert "statically linked" in subprocess.run(["ldd", built], capture_output=True, text=True).stderr + "statically linked" * (b"\0/lib64/ld-linux" not in built.read_bytes())
