"""Words of cmaw are completed in real bash and real zsh, from the tables of its verbs (issue 5, item 7)."""
import json
import os
import re
import subprocess

import pytest

import harness
from stack import LETTERS
from terminal import terminal

CMAW = harness.program("cmaw")
USAGES = json.loads(subprocess.run([CMAW, "usage"], capture_output=True, text=True, check=True).stdout)
OPTIONS = {usage["verb"]: {f"--{option['name']}" for option in usage["options"]} for verb in USAGES for usage in verb["usages"]}

# what bash does at a tab: the words as it splits them, then the function that the script has registered
BASH = r"""
source <("$CMAW" completion bash)
complete -p cmaw | grep -q -- '-F _cmaw cmaw' || exit 9
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_cmaw
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def folder_of_files(tmp_path):
    for name in ("one.yaml", "two.yml", "three.txt", "with blank.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


def environment(env=None):
    """A shell in which cmaw is the one of this tree."""
    return {**os.environ, **(env or {}), "CMAW": str(CMAW), "PATH": f"{CMAW.parent}:{os.environ['PATH']}"}


def bash(*words, cwd=None, env=None):
    result = subprocess.run(["bash", "--norc", "-c", BASH, "bash", "cmaw", *words], capture_output=True, text=True, cwd=cwd, timeout=180, env=environment(env))
    assert result.returncode == 0 and not result.stderr, result.stderr
    return sorted(line for line in result.stdout.splitlines() if line)


def test_bash_completes_verbs():
    assert bash("") == sorted(verb["verb"] for verb in USAGES)
    assert bash("ru") == ["run"] and bash("--v") == ["--version"] and bash("nothing") == []
    assert not {"complete", "supervise", "usage"} & set(bash(""))


@pytest.mark.parametrize("verb", OPTIONS)
def test_bash_completes_all_options_of_every_verb(verb):
    assert set(bash(*verb.split(), "--")) == OPTIONS[verb] | {"--help"}


def test_bash_completes_words_of_a_verb():
    assert bash("kms", "") == ["lint", "policy"] and bash("manifest", "n") == ["new"]
    assert bash("image", "") == ["build", "describe", "extract", "measure"] and bash("completion", "") == ["bash", "zsh"]


def test_bash_completes_files(folder_of_files):
    def at(*words):
        return bash(*words, cwd=folder_of_files)
    workflows = ["folder", "one.yaml", "two.yml", "with blank.yaml"]
    assert at("run", "") == workflows and at("run", "--json", "--expires", "5m", "") == workflows
    assert at("run", "one.yaml", "th") == ["three.txt"]
    assert at("run", "one.yaml", "three.txt", "") == []  # there is no third word
    assert at("up", "--dir", "") == ["folder"]
    assert at("run", "--output", "t") == ["three.txt", "two.yml"]
    assert at("run", "--output", "=", "t") == ["three.txt", "two.yml"] and at("run", "--output", "=") == sorted(p.name for p in folder_of_files.iterdir())
    assert at("manifest", "new", "o") == ["one.yaml"] and at("manifest", "new", "th") == [] and at("manifest", "show", "th") == ["three.txt"]
    assert at("kms", "lint", "th") == ["three.txt"] and at("run", "--expires", "") == []


def test_bash_completes_runs(stack):
    runs = [stack.run(LETTERS / "01-water-approve.txt").json() for _ in range(2)]
    listed = [run["run_id"][:12] for run in stack.cmaw("list", "--json").json()[:50]]
    for verb in ("wait", "open", "verify"):
        assert bash(verb, "", env=stack.env) == sorted(["last", *listed])
    ids = [run["run_id"] for run in runs]
    assert bash("wait", ids[0][:6], env=stack.env) == [ids[0][:12]] and bash("wait", "la", env=stack.env) == ["last"]
    assert bash("wait", runs[0]["workflow_id"][:12], env=stack.env) == [runs[0]["workflow_id"]]
    assert bash("store", "export", ids[0][:12], ids[1][:6], env=stack.env) == [ids[1][:12]]  # as many as one likes
    assert bash("store", "shred", ids[0][:12], ids[1][:6], env=stack.env) == []
    elsewhere = {key: value for key, value in stack.env.items() if key != "CMAW_STORE"} | {"XDG_DATA_HOME": "/nowhere"}
    assert bash("wait", "", env=elsewhere) == ["last"]
    assert bash("wait", "--store", str(stack.store), ids[0][:6], env=elsewhere) == [ids[0][:12]]


def test_completing_makes_no_store(tmp_path):
    assert bash("wait", "", env={"CMAW_STORE": str(tmp_path / "folder" / "store.db")}) == ["last"]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def zsh(folder_of_files, stack):
    """complete(text): the line as it stands after a tab, and what zsh lists below it."""
    home = folder_of_files / "folder"
    (home / ".zshrc").write_text('autoload -Uz compinit && compinit -u -d "$HOME/dump"\nsource <(cmaw completion zsh)\nPS1="> "\n'
                                 "setopt no_beep list_ambiguous no_list_beep\nunsetopt prompt_sp\n")
    env = {**environment(stack.env), "HOME": str(home), "ZDOTDIR": str(home), "TERM": "xterm"}

    def complete(text, seen):
        with terminal(["zsh", "-i"], env, columns=100, lines=60, cwd=folder_of_files) as shell:
            shell.wait_for(lambda t: t.shown()[0].startswith(">"))
            shell.type(text + "\t")
            shell.wait_for(lambda t: re.search(seen, "\n".join(t.shown())))
            return shell.shown()
    return complete


def test_zsh_completes_verbs_and_options(zsh):
    assert zsh("cmaw prov", "> cmaw provision")
    shown = zsh("cmaw ", "seal an input and start")
    listed = {line.split()[0] for line in shown[1:] if " -- " in line}
    assert listed == {verb["verb"] for verb in USAGES}
    shown = zsh("cmaw run --", "where to write the result")
    assert {line.split()[0] for line in shown[1:] if " -- " in line} == OPTIONS["run"] | {"--help"}
    assert zsh("cmaw kms li", "> cmaw kms lint")


def test_zsh_completes_files_and_runs(zsh, stack):
    assert zsh("cmaw run on", "> cmaw run one.yaml")
    assert zsh("cmaw run one.yaml thr", "> cmaw run one.yaml three.txt")
    run = stack.run(LETTERS / "01-water-approve.txt").json()["run_id"]
    assert zsh(f"cmaw verify {run[:6]}", f"> cmaw verify {run[:12]}")
    shown = zsh("cmaw open ", "the latest run")
    assert run[:12] in "\n".join(shown) and "claim, completed" in "\n".join(shown), shown


def test_image_is_described_as_it_is():
    """cmaw image is another program: what cmaw says of it is compared with what that says itself."""
    text = subprocess.run([CMAW, "image", "--help"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  (?:-o, )?(--[a-z-]+)", text, re.M)) == OPTIONS["image"]
    assert re.findall(r"cmaw-image (\w+) ", text)[:4] == ["build", "describe", "measure", "extract"]
