"""The pages of the project as programs: what they show in ```sh is run, and what they show of its output is compared.

A block is a script, or, where its first line starts with "$ ", a session: lines with "$ " are commands (those with "> " go on
with the one before), the others what the commands print on a terminal. In these "…" stands for any text of a line, and a line of
"…" alone for any lines. All blocks of a page run in one shell, one after the other, and the first command that fails ends it.
A comment <!-- not run: WHY --> on the line before a block takes it out."""
import os
import pathlib
import re
import subprocess
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(?:<!-- not run: (?P<why>.*?) -->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.S | re.M)
MARK = "\x1e"
WHY_AT_LEAST = 20  # characters


class Command(typing.NamedTuple):
    text: str
    output: str  # as shown, "" if the page shows none


class Block(typing.NamedTuple):
    language: str
    why_not: str  # "" where it is run
    text: str


def pages():
    """Every page under version control, by its path in the tree."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split() if (ROOT / name).exists()]


def blocks(text):
    return [Block(found["language"], found["why"] or "", found["text"]) for found in FENCE.finditer(text)]


def commands(block):
    if not block.text.startswith("$ "):
        return [Command(block.text, "")]
    found = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:] + "\n", ""))
        elif line.startswith("> ") and not found[-1].output:
            found[-1] = found[-1]._replace(text=found[-1].text + line[2:] + "\n")
        else:
            found[-1] = found[-1]._replace(output=found[-1].output + line + "\n")
    return found


def shown(page):
    """The commands of a page that are to be run."""
    text = (ROOT / page).read_text()
    return [command for block in blocks(text) if block.language == "sh" and not block.why_not for command in commands(block)]


def as_pattern(output):
    lines = []
    for line in output.splitlines():
        lines.append(r"(?:.*\n)*" if line.strip() == "…" else ".*".join(re.escape(part.rstrip()) for part in line.split("…")) + r"[ ]*\n")
    return "".join(lines)


def matches(output, printed):
    return re.fullmatch(as_pattern(output), printed if printed.endswith("\n") or not printed else printed + "\n") is not None


def script_of(page_commands):
    return "".join(f"printf '\\036{number}\\036'\n{command.text}" for number, command in enumerate(page_commands))


def execute(page_commands, folder, environment, cwd, timeout):
    """What each command printed, on both channels, as far as they went; and the exit code of the shell."""
    script, log = pathlib.Path(folder) / "commands.sh", pathlib.Path(folder) / "commands.log"
    script.write_text(script_of(page_commands))
    with open(log, "w") as out:
        status = subprocess.run(["bash", "-e", "-o", "pipefail", script], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, timeout=timeout).returncode
    parts = log.read_text(errors="replace").split(MARK)
    return parts[2::2], status


def environment_of(home, **more):
    """That of a reader who has built the tree and set nothing: a home of their own, the cache of who runs the tests,
    and no metadata service, should the machine have one."""
    cache = os.environ.get("CMAW_CACHE", str(pathlib.Path.home() / ".cache" / "cmaw"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CMAW_", "XDG_", "AWS_")) or name == "CMAW_TEMPORAL"}
    return {**kept, "HOME": str(home), "CMAW_CACHE": cache, "AWS_EC2_METADATA_DISABLED": "true", **more}


def run(page, folder, environment, cwd=None, timeout=600):
    """Runs a page in cwd (default: folder, which is for this run alone). Returns all that was printed."""
    page_commands = shown(page)
    assert page_commands, f"{page} shows no command"
    printed, status = execute(page_commands, folder, environment, cwd or folder, timeout)
    assert status == 0 and len(printed) == len(page_commands), f"{page}: exit {status} of\n{page_commands[len(printed) - 1].text}{printed[-1]}"
    for command, text in zip(page_commands, printed):
        assert not command.output or matches(command.output, text), f"{page} shows\n{command.output}of\n{command.text}which printed\n{text}"
    return "".join(printed)
