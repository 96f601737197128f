#!/usr/bin/env python3
"""Makes a manual page from what a program says of itself: make.py PAGE.in PROGRAM [--tables] > PAGE

PAGE.in is mdoc(7) with lines of one word between @: SYNOPSIS, DESCRIPTION, OPTIONS and EXAMPLES are filled from PROGRAM --help, VERBS from
the JSON of PROGRAM usage (--tables). A help that does not have the usual form ends this with an error: a page is complete or not made."""
import json
import re
import subprocess
import sys

OPTION = r"--?[A-Za-z][A-Za-z0-9-]*(?: [^-\s]\S*)?"
TERM = re.compile(f"{OPTION}(?:, {OPTION})*")


def fail(message):
    sys.exit(f"man/make.py: {message}")


def escape(text):
    """Text as mdoc takes it: no escape, no macro by accident, ASCII."""
    text = text.replace("\\", "\\e")
    text = "".join(c if ord(c) < 128 else f"\\[u{ord(c):04X}]" for c in text)
    text = text.replace("-", "\\-") if text.startswith("-") else text
    return "\\&" + text if text[:1] in (".", "'") else text


def word(text):
    """One argument of a macro, whatever it looks like."""
    escaped = escape(text).replace('"', '\\(dq')
    return f'"{escaped}"' if " " in text or len(text) < 3 or text in ("...", "|") else escaped


def paragraph(text):
    """Lines of text, each sentence on one of its own."""
    return [escape(line) for line in re.split(r"(?<=[.!?]) +(?=[A-Z])|\n", text) if line.strip()]


def term(text):
    """.It of "-o, --output FILE"."""
    parts = []
    for option in text.split(", "):
        name, _, arg = option.partition(" ")
        parts.append(f"Fl {escape(name[1:])}" + (f" Ar {word(arg)}" if arg else ""))
    return ".It " + " , ".join(parts)


def literal(text):
    """A command line as it stands."""
    return [".Bd -literal -offset indent", *(escape(line) for line in text.splitlines()), ".Ed"]


class Help:
    """The parts of a --help text."""

    def __init__(self, text):
        self.usage, self.paragraphs, self.options, self.example = [], [], [], ""
        for number, block in enumerate(re.split(r"\n\n", text.rstrip("\n"))):
            lines = block.splitlines()
            if number == 0:
                self.usage = [re.sub(r"^usage: +|^ +", "", line) for line in lines]
            elif lines[0].startswith("example: "):
                self.example = "\n".join([lines[0][len("example: "):], *("    " + line.strip() for line in lines[1:])])
            elif lines[0].startswith("  -"):
                self.add_options(lines)
            else:
                self.paragraphs.append(block)

    def add_options(self, lines):
        for line in lines:
            found = re.fullmatch(r"  (-.*?)(?: {2,}(\S.*))?", line)
            if found and TERM.fullmatch(found[1]):
                self.options.append([found[1], found[2] or ""])
            elif self.options and re.match(r" {10}", line):
                self.options[-1][1] = f"{self.options[-1][1]}\n{line.strip()}".strip()
            else:
                fail(f"this line of a help is no option with two spaces before what it does:\n{line}")


def option_list(options):
    if not options:
        return []
    out = [".Bl -tag -width Ds"]
    for left, text in options:
        out += [term(left), *paragraph(text)]
    return out + [".El"]


def synopsis(usage):
    out = []
    for line in usage:
        name, _, rest = line.partition(" ")
        out += [f".Nm {name}", *([escape(rest)] if rest else [])]
    return out


def verb_options(usage):
    return [[(f"-{o['letter']}, " if o["letter"] else "") + f"--{o['name']}" + (f" {o['arg']}" if o["arg"] else ""), o["help"]] for o in usage["options"]]


def verbs(program):
    out, group = [], ""
    for verb in json.loads(run(program, "usage")):
        if verb["group"] != group:
            group = verb["group"]
            out.append(f".Sh VERBS OF {'A ' if group.startswith('a ') else ''}{group.removeprefix('a ').upper()}")
        for usage in verb["usages"]:
            out += [f".Ss cmaw {usage['verb']}", f".Nm cmaw {usage['verb']}", escape(" ".join(["[options]", usage["words"]]).strip()), ".Pp",
                    *paragraph(usage["summary"]), *option_list(verb_options(usage)), ".Pp", "Example:",
                    *literal(usage["example"])]
    return out


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    if result.returncode != 0:
        fail(f"{' '.join(command)} ended with {result.returncode}: {result.stderr}")
    return result.stdout


def separated(paragraphs):
    out = []
    for text in paragraphs:
        out += [*([".Pp"] if out else []), *paragraph(text)]
    return out


def main():
    template, program = sys.argv[1:3]
    help_text = Help(run(program, "--help"))
    fills = {"SYNOPSIS": synopsis(help_text.usage), "DESCRIPTION": separated(help_text.paragraphs), "OPTIONS": option_list(help_text.options),
             "EXAMPLES": literal(help_text.example), "VERBS": verbs(program) if "--tables" in sys.argv else []}
    with open(template, encoding="ascii") as lines:
        for line in lines.read().splitlines():
            found = re.fullmatch(r"@([A-Z]+)@", line)
            print("\n".join(fills[found[1]]) if found else line)


if __name__ == "__main__":
    main()
