"""Every program has a manual page that says what its --help says, and no more; all pages are free of lint (issue 5, item 7)."""
import functools
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
COMMON = {"--help", "--version"}


def output(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=180).stdout


@functools.cache
def installed():
    """{path in the build tree: path that it is installed to}"""
    return json.loads(output("meson", "introspect", "--installed", BUILD))


PROGRAMS = sorted({pathlib.Path(path).name: path for path, to in installed().items() if pathlib.Path(to).parent.name == "bin"}.items())
PAGES = {pathlib.Path(path).stem: path for path, to in installed().items() if "/man/man" in to}


@functools.cache
def page_of(program):
    assert program in PAGES, f"{program} has no manual page: add man/{program}.1.in (or .8.in) and name it in man/meson.build"
    return re.sub(".\x08", "", output("mandoc", "-Tascii", "-Owidth=1000", PAGES[program]))


def test_the_programs_are_found():
    assert {"cmaw", "cmaw-verify", "cmaw-devd", "cmaw-image", "cmaw-launch", "cmaw-proxy", "cmaw-worker"} <= set(dict(PROGRAMS))


@pytest.mark.parametrize("program,path", PROGRAMS)
def test_a_page_has_the_options_of_its_program(program, path):
    in_page = set(OPTION.findall(page_of(program)))
    if program == "cmaw":
        in_help = {option for verb in verbs() for option in OPTION.findall(help_of_verb(verb))}
    else:
        in_help = set(OPTION.findall(output(path, "--help")))
    assert in_help - in_page == set(), f"the page of {program} lacks options of its --help"
    assert in_page - in_help - COMMON == set(), f"the page of {program} has options that its --help lacks"


def verbs():
    """As a person finds them: in cmaw --help, and for verbs under a verb in its help."""
    cmaw = dict(PROGRAMS)["cmaw"]
    found = []
    for verb in re.findall(r"^  (?!cmaw )([a-z]+) +\S", output(cmaw, "--help"), re.M):
        text = output(cmaw, verb, "--help")
        under = re.findall(r"^  (?!cmaw )([a-z]+) +\S", text, re.M) if text.startswith(f"usage: cmaw {verb} VERB") else []
        found += [f"{verb} {name}" for name in under] or [verb]
    return found


def help_of_verb(verb):
    return output(dict(PROGRAMS)["cmaw"], *verb.split(), "--help")


def test_every_verb_has_its_part_with_its_options():
    """A verb that is registered in client/verbs.h and asks cmaw_options_parse is in the page by itself."""
    parts = dict(re.findall(r"^   cmaw ([a-z ]+)\n(.*?)(?=^   cmaw |^\S)", page_of("cmaw"), re.M | re.S))
    assert list(parts) == verbs()
    for verb, text in parts.items():
        if verb != "image":  # another program, with a page of its own
            assert set(OPTION.findall(text)) | COMMON == set(OPTION.findall(help_of_verb(verb))) | COMMON, verb


@pytest.mark.parametrize("page", sorted(PAGES.values()), ids=os.path.basename)
def test_pages_have_no_lint(page):
    result = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True)
    assert result.returncode == 0 and not result.stdout, result.stdout


def test_pages_name_each_other_as_they_are():
    for page in PAGES.values():
        for name, section in re.findall(r"^\.Xr (cmaw\S*) (\d)", pathlib.Path(page).read_text(), re.M):
            assert PAGES[name].endswith(f".{section}"), (page, name)


def test_the_hidden_verbs_stay_out():
    assert not re.search(r"^   cmaw (complete|usage|supervise)$", page_of("cmaw"), re.M)


@pytest.mark.parametrize("text", ["usage: x\n\n  --one ONE text with one space", "usage: x\n\n  -odd: form"])
def test_a_help_of_another_form_makes_no_page(tmp_path, text):
    program, frame = tmp_path / "program", tmp_path / "page.in"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
    program.chmod(0o755)
    frame.write_text("@OPTIONS@\n")
    result = subprocess.run(["python3", ROOT / "man" / "make.py", frame, program], capture_output=True, text=True)
    assert result.returncode == 1 and "no option" in result.stderr, result.stderr


@pytest.mark.parametrize("shell,name", [("bash", "bash-completion/completions/cmaw.bash"), ("zsh", "zsh/site-functions/_cmaw")])
def test_completion_is_installed(shell, name):
    made = [path for path, to in installed().items() if to.endswith(f"share/{name}")]
    assert len(made) == 1 and pathlib.Path(made[0]).read_text() == output(dict(PROGRAMS)["cmaw"], "completion", shell)
