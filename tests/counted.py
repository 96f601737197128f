"""Tests with record_property("counted", NAME) are counted at the end, on lines that tests/run.py shows; what one has measured,
record_property("measured", TEXT), has a line of its own."""
import collections


def pytest_terminal_summary(terminalreporter):
    for outcome in ("passed", "failed"):
        found = [dict(report.user_properties) for report in terminalreporter.stats.get(outcome, []) if report.when == "call"]
        counted = collections.Counter()
        for properties in found:
            if "counted" in properties:
                counted[properties["counted"]] += properties.get("cases", 1)
            if "measured" in properties:
                terminalreporter.write_line(f"count: {properties['measured']}")
        for name, number in sorted(counted.items()):
            terminalreporter.write_line(f"count: {name}: {number} {outcome}")
