"""What is shown of failed tests behind all else, where the end of an output that is cut still has it: why each failed, and the last of
what it and the programs that it ran have said."""
import re

TOLD = 10          # failures of which more is shown than their name
REASON_LINES = 30  # of an assertion
SAID_LINES = 30    # of what was written meanwhile
LINE_SIZE = 240
PYTEST_HEAD = re.compile(r"^-+ Captured \w+ -+$", re.M)  # above each part of what it captured


def end_of(text, count=SAID_LINES):
    lines = [line for line in text.split("\n") if line.strip()][-count:]
    return ["".join(c if c.isprintable() else "?" for c in line[:LINE_SIZE].expandtabs()) for line in lines]


def of_case(case):
    """Of a JUnit case that failed."""
    said = []
    for kind in ("failure", "error"):
        for found in case.findall(kind):
            said += end_of(found.text or found.get("message", ""), REASON_LINES)
    for kind in ("system-err", "system-out"):
        for found in case.findall(kind):
            for part in PYTEST_HEAD.split(found.text or ""):
                said += end_of(part)
    return said


def of_program(result):
    """Of a program in meson's testlog.json: all but the cases that were well."""
    lines = (result.get("stdout", "") + result.get("stderr", "")).splitlines()
    return end_of("\n".join(line for line in lines if not line.startswith("ok ")))


def show(failed):
    """failed: (name, lines) of each. Their names come last."""
    for name, said in failed[:TOLD]:
        if said:
            print(f"-- {name}")
            print("".join(f"   {line}\n" for line in said), end="")
    for name, _ in failed:
        print(f"FAILED   {name}")
