import collections
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]


def pytest_terminal_summary(terminalreporter):
    """Says what was counted, on lines that tests/run.py shows."""
    for outcome in ("passed", "failed"):
        found = [dict(report.user_properties) for report in terminalreporter.stats.get(outcome, []) if report.when == "call"]
        counted = collections.Counter()
        for properties in found:
            if "counted" in properties:
                counted[properties["counted"]] += properties.get("cases", 1)
        for name, number in sorted(counted.items()):
            terminalreporter.write_line(f"count: {name}: {number} {outcome}")
