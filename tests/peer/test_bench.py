"""All of `make bench` works, beside Temporal's Python SDK too. How fast it is, this does not judge."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_part_measures(tmp_path):
    env = dict(os.environ, CMAW_VENV=sys.prefix)
    done = subprocess.run([sys.executable, ROOT / "bench" / "run.py", "--quick", "--output", tmp_path / "bench.json"],
                          env=env, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert [line[:3] for line in done.stdout.splitlines() if line[:1] == "("] == ["(a)", "(b)", "(c)", "(d)", "(e)"], done.stdout
    measured = json.loads((tmp_path / "bench.json").read_text())
    assert set(measured["step"]) == {"1KiB", "64KiB", "1792KiB"}
    assert all(row[who]["workflows_per_s"] > 0 for row in measured["workflows"].values() for who in ("cmaw", "peer"))
    assert measured["agent"]["ratio"] > 0 and measured["kms"]["attested"]["per_second"] > 0
