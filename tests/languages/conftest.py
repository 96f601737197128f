"""The example agents in Python, Go and shell, each by itself; and the harness for anybody's agent."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "e2e"), str(ROOT / "agents" / "deidentify")]

from counted import pytest_terminal_summary  # noqa: E402, F401
from logs import pytest_runtest_makereport  # noqa: E402, F401
