"""cmaw agent new and cmaw agent test, in every language, and what they refuse."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

import examples
import harness

CMAW = harness.program("cmaw")
LANGUAGES = ("c", "python", "go", "sh")


def cmaw(*words, cwd, status=0, **more):
    path = f"{CMAW.parent}:{os.environ['PATH']}"
    result = subprocess.run([CMAW, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
                            env={**os.environ, "PATH": path, "TMPDIR": str(cwd)}, **more)
    assert result.returncode == status, result.stderr + result.stdout
    return result


def results(folder, *words, status=0):
    """{case: what --json says of it}"""
    found = json.loads(cmaw("agent", "test", folder, "--json", *words, cwd=folder.parent, status=status).stdout)
    assert found["passed"] + found["failed"] == len(found["cases"]) and (found["failed"] > 0) == (status == 1)
    return {case["name"]: case for case in found["cases"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """made(lang): the folder of a new agent, built."""
    parent, there = tmp_path_factory.mktemp("agents"), {}
    parent.chmod(0o755)

    def make(lang):
        if lang == "go" and shutil.which("go") is None:
            pytest.skip("go is not in PATH: the template in Go is not built")
        if lang not in there:
            cmaw("agent", "new", f"new-{lang}", "--lang", lang, cwd=parent)
            subprocess.run(["make", "-s"], cwd=parent / f"new-{lang}", check=True, timeout=300, capture_output=True)
            there[lang] = parent / f"new-{lang}"
        return there[lang]
    return make


@pytest.fixture
def shell(made, tmp_path):
    """A copy of the shell agent for a test to change: (folder, change(script))."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "agent"
    shutil.copytree(made("sh"), folder)
    for file in (folder / "tests").iterdir():
        file.unlink()
    (folder / "tests" / "one.in").write_text("a b\n")

    def script(text):
        (folder / "agent.sh").write_text(text)
        return folder
    return script


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_new_agent_builds_and_passes(made, lang):
    found = results(made(lang))
    assert {name: (case["end"], case["passed"], case["reason"]) for name, case in found.items()} == {
        "empty": ("failed", True, None), "no-line-end": ("done", True, None), "words": ("done", True, None)}
    assert not [file for file in made(lang).rglob("*") if file.is_file() and b"@NAME@" in file.read_bytes()]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_same_agent_is_the_same_image(made, lang, tmp_path):
    """Built again in another folder: every file of the image is the same."""
    folder = made(lang)
    shutil.copytree(folder, tmp_path / "again")
    for product in ("agent", "rootfs.tar"):
        (tmp_path / "again" / product).unlink(missing_ok=True)
    subprocess.run(["make", "-s"], cwd=tmp_path / "again", check=True, timeout=300, capture_output=True)
    for product in ("agent", "rootfs.tar"):
        if (folder / product).exists():
            assert (folder / product).read_bytes() == (tmp_path / "again" / product).read_bytes()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_is_there_to_run_it(made, lang):
    folder = made(lang)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"image.yaml", "Makefile", "README.md", "workflow.yaml", "stack.yaml", "tests/words.in", "tests/words.out"} <= files
    assert f"name: new-{lang}\n" in (folder / "stack.yaml").read_text() and f"role: new-{lang}," in (folder / "workflow.yaml").read_text()


@pytest.mark.parametrize("name", ["", "-x", "x-", "X", "1x", "a_b", "../x", "a/b", "a b", "x" * 41, "ä"])
def test_names_that_no_agent_has(tmp_path, name):
    result = cmaw("agent", "new", "--lang", "c", "--", name, cwd=tmp_path, status=2)
    assert "cannot be called" in result.stderr and "hint: " in result.stderr and list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("mine", "file", "link"):
        assert "hint: nothing is overwritten" in cmaw("agent", "new", name, "--lang", "c", cwd=tmp_path, status=1).stderr
    assert list((tmp_path / "mine").iterdir()) == [] and (tmp_path / "file").read_text() == "mine" and not (tmp_path / "nowhere").exists()


def test_a_language_has_to_be_one_of_four(tmp_path):
    for words in ([], ["--lang", "perl"], ["--lang", "all"]):
        assert "hint: --lang c, python, go or sh" in cmaw("agent", "new", "x", *words, cwd=tmp_path, status=2).stderr


@pytest.mark.parametrize("name", examples.WORKFLOWS)
def test_the_examples_do_what_was_worked_out(name, tmp_path, record_property):
    if examples.missing(name):
        pytest.skip(examples.missing(name))
    tmp_path.chmod(0o755)
    result = json.loads(cmaw("agent", "test", examples.image_of(name).parent, "--json", cwd=tmp_path).stdout)
    assert result["passed"] == len(result["cases"]) == len(examples.cases(name)) >= 4, result
    record_property("measured", f"{name}: {result['image_bytes'] // 1024} KiB of its image, {min(c['microseconds'] for c in result['cases']) / 1000:.1f} ms at best")


PASSES = "busybox cat >/dev/null; echo yes\n"
ENDS = {  # script: (what is expected of it, by ending; how it ends; a word of the reason)
    "passes": (PASSES, {"out": "yes\n"}, "done", None),
    "another output": (PASSES, {"out": "yes\nno\n"}, "done", "its output differs in line 2: expected 'no', got ''"),
    "a line too much": ("echo yes; echo no\n", {"out": "yes\n"}, "done", "its output differs in line 2"),
    "fails": ("echo no >&2; exit 3\n", {"out": "yes\n"}, "failed", "ended with status 3 and said 'no'"),
    "should have failed": (PASSES, {"fails": "no\n"}, "done", "should have failed"),
    "another complaint": ("echo no >&2; exit 1\n", {"fails": "never\n"}, "failed", "its standard error differs in line 1: expected 'never', got 'no'"),
    "any complaint": ("echo no >&2; exit 1\n", {"fails": ""}, "failed", None),
    "a crash is no refusal": ("exit 139\n", {"fails": ""}, "failed", "signal 11"),
    "contradiction": (PASSES, {"fails": "", "out": ""}, "done", "contradict"),
    "chance": ("busybox od -t x1 -N 8 /dev/urandom\n", {}, "done", "two runs with the same input and CMAW_SEED differ"),
    "too much": ("busybox yes | busybox head -c 400000\n", {"out": ""}, "too-large", "over output_kib"),
    "terminal": ("printf 'a\\033[2Jb\\n'\n", {"out": "x\n"}, "done", "got 'a?[2Jb'"),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_an_agent_may_end_with(shell, name):
    script, expected, end, reason = ENDS[name]
    folder = shell(script)
    for ending, text in expected.items():
        (folder / "tests" / f"one.{ending}").write_text(text)
    passes = reason is None
    case = results(folder, status=0 if passes else 1)["one"]
    assert (case["end"], case["passed"]) == (end, passes), case
    assert case["reason"] is None if passes else reason in case["reason"], case


def test_a_case_without_expectation_says_so(shell):
    assert results(shell(PASSES))["one"]["reason"] == "nothing is expected of it"


def test_update_writes_what_came_out(shell):
    folder = shell(PASSES)
    assert results(folder, "--update")["one"]["updated"] and (folder / "tests" / "one.out").read_text() == "yes\n"
    shell("echo no >&2; exit 1\n")
    assert results(folder, "--update")["one"]["updated"] and (folder / "tests" / "one.fails").read_text() == "no\n" and not (folder / "tests" / "one.out").exists()
    shell("exit 139\n")
    results(folder, "--update", status=1)  # a crash is nobody's expectation
    assert (folder / "tests" / "one.fails").read_text() == "no\n"


def test_an_agent_that_does_not_end(shell):
    folder = shell("while :; do :; done\n")
    case = results(folder, "--timeout", "1", status=1)["one"]
    assert (case["end"], case["reason"]) == ("timeout", "it did not end in time")


def test_it_sees_what_it_would_see_inside(shell):
    """The contract of docs/write-an-agent.md: three variables and the image's own, no network, no /proc, nothing of this machine."""
    folder = shell("env | sort; ls /; id -u; busybox cat /etc/passwd 2>&1; ls /tmp; touch /x 2>&1; busybox cat\n")
    seed, run = "ab" * 32, "cd" * 32
    results(folder, "--update", "--seed", seed, "--run", run, "--step", "7")
    lines = (folder / "tests" / "one.out").read_text().splitlines()
    assert {f"CMAW_SEED={seed}", f"CMAW_RUN={run}", "CMAW_STEP=7"} <= set(lines)
    assert {line.split("=")[0] for line in lines if "=" in line} <= {"CMAW_SEED", "CMAW_RUN", "CMAW_STEP", "PATH", "PWD", "SHLVL", "OLDPWD", "_"}  # the last five are the shell's
    assert [line for line in lines if line in ("agent.sh", "bin", "dev", "tmp", "home", "proc", "root")] == ["agent.sh", "bin", "dev", "tmp"]
    assert "1000" in lines and any("/etc/passwd" in line for line in lines) and any("Read-only" in line for line in lines) and lines[-1] == "a b"


def test_a_program_that_cannot_start(shell):
    """The builder looks for interpreters and loaders; a program that the kernel refuses is found when it is started."""
    folder = shell(PASSES)
    (folder / "image.yaml").write_text((folder / "image.yaml").read_text().replace("/bin/busybox, sh, /agent.sh", "/agent.sh").replace("0444", "0555"))
    (folder / "agent.sh").write_text("#!/bin/nothing\n")
    assert "needs /bin/nothing, which is not in the image" in cmaw("agent", "test", folder, cwd=folder.parent, status=1).stderr
    header = bytearray(pathlib.Path("/bin/busybox").read_bytes())
    header[0x10:0x12] = b"\x01\x00"  # ET_REL: not linked
    (folder / "agent.sh").write_bytes(header)
    result = cmaw("agent", "test", folder, cwd=folder.parent, status=1)
    assert "cannot be started in the image" in result.stderr and "hint: a script needs its interpreter" in result.stderr, result.stderr


def test_folders_that_are_no_agent(tmp_path, made):
    assert "there is no" in cmaw("agent", "test", tmp_path, cwd=tmp_path, status=1).stderr
    folder = tmp_path / "agent"
    shutil.copytree(made("sh"), folder)
    assert "no case of that name" in cmaw("agent", "test", folder, "--case", "nobody", cwd=tmp_path, status=1).stderr
    shutil.rmtree(folder / "tests")
    assert "holds no case" in cmaw("agent", "test", folder, cwd=tmp_path, status=1).stderr
    (folder / "tests").mkdir()
    (folder / "tests" / "a.in").write_text("")
    (folder / "image.yaml").write_text("version: 1\nname: x\nnothing: 1\n")
    assert "image.yaml:3" in cmaw("agent", "test", folder, cwd=tmp_path, status=1).stderr


@pytest.mark.parametrize("words", [("--timeout", "0"), ("--timeout", "x"), ("--step", "0"), ("--seed", "ab"), ("--run", "XX" * 32), ("one", "two")])
def test_wrong_usage(tmp_path, words):
    assert "hint: " in cmaw("agent", "test", *words, cwd=tmp_path, status=2).stderr


def test_nothing_is_left_behind(made, tmp_path):
    tmp_path.chmod(0o755)
    cmaw("agent", "test", made("sh"), cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_behind_by_who_is_interrupted(shell, tmp_path_factory, number):
    folder, work = shell("while :; do :; done\n"), tmp_path_factory.mktemp("work")
    work.chmod(0o755)
    process = subprocess.Popen([harness.program("cmaw"), "agent", "test", folder], env={**os.environ, "TMPDIR": str(work)}, stderr=subprocess.PIPE, text=True)
    while not list(work.glob("*/image/agent")):
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=180) == 1 and "interrupted" in process.stderr.read()
    assert list(work.iterdir()) == []


def test_an_agent_does_not_outlive_who_tries_it(shell, tmp_path_factory):
    """Killed, cmaw takes agent-run along, and that all that is in the sandbox."""
    folder, work = shell("while :; do :; done\n"), tmp_path_factory.mktemp("killed")
    work.chmod(0o755)
    process = subprocess.Popen([harness.program("cmaw"), "agent", "test", folder], env={**os.environ, "TMPDIR": str(work)}, stderr=subprocess.DEVNULL)

    def named(word):
        return [pid for pid in harness.descendants(process.pid) if word in (pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))]
    agent, = harness.wait_for(lambda: named(b"/agent.sh"), "the agent")
    runner, *_ = named(b"agent-run")
    harness.kill_9(runner)
    harness.wait_for(lambda: not pathlib.Path(f"/proc/{agent}").exists(), "the agent's end")
    assert process.wait(timeout=180) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as an ordinary user already")
def test_it_needs_no_root(made, tmp_path_factory):
    """As nobody, in a namespace of its own; the programs are copied to where nobody may read."""
    parent = tmp_path_factory.mktemp("nobody")
    for path in (parent, *parent.parents):
        if path != pathlib.Path("/") and path.stat().st_uid == os.geteuid() and path.is_relative_to("/tmp") and path != pathlib.Path("/tmp"):
            path.chmod(0o755)
    for name in ("cmaw", "cmaw-image", "agent-run", "init-sim"):
        shutil.copy(harness.program(name), parent / name)
    shutil.copytree(made("sh"), parent / "agent")
    work = parent / "work"
    work.mkdir(mode=0o777)
    work.chmod(0o777)
    result = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", parent / "cmaw", "agent", "test", parent / "agent"], cwd=work,
                            capture_output=True, text=True, timeout=120, env={"PATH": os.environ["PATH"], "CMAW_BIN": str(parent), "TMPDIR": str(work)})
    if "user namespaces are allowed" in result.stderr:
        pytest.skip("this machine lets nobody make a user namespace")
    assert result.returncode == 0 and "3 passed, 0 failed" in result.stdout, result.stderr


@pytest.fixture
def join(tmp_path):
    """An agent with io: proto (tests/agents/join.c): to each port that is named it writes all of its inputs."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "join"
    (folder / "tests" / "two.in").mkdir(parents=True)
    shutil.copy(harness.program("agent-join"), folder / "join")
    (folder / "image.yaml").write_text("version: 1\nname: join\nagent:\n  command: [/bin/join, left, right]\n  io: proto\n  files:\n"
                                       "    - {source: join, target: /bin/join, mode: \"0755\"}\n")
    (folder / "tests" / "two.in" / "letter").write_text("Dear Sir")
    (folder / "tests" / "two.in" / "claim").write_text("water")
    return folder


def test_an_agent_with_ports(join):
    """A folder stands for a message, each of its files for a port."""
    out = join / "tests" / "two.out"
    assert results(join, "--update")["two"]["updated"]
    assert {path.name: path.read_text() for path in out.iterdir()} == dict.fromkeys(("left", "right"), "claim=water;letter=Dear Sir;")
    assert results(join)["two"]["passed"]
    (out / "right").write_text("claim=water;")
    assert "its output differs in line 4: expected 'claim=water;', got 'claim=water;letter=Dear Sir;'" in results(join, status=1)["two"]["reason"]
    (out / "right").unlink()
    assert "got '== right'" in results(join, status=1)["two"]["reason"]


def test_an_agent_with_ports_that_now_fails(join):
    """The folder of what was expected goes: it would contradict the new expectation."""
    results(join, "--update")
    yaml = join / "image.yaml"
    yaml.write_text(yaml.read_text().replace("/bin/join, left, right", "/bin/false").replace("join, target: /bin/join", "/bin/busybox, target: /bin/false"))
    assert results(join, "--update")["two"]["updated"] and results(join)["two"]["passed"]
    assert not (join / "tests" / "two.out").exists() and (join / "tests" / "two.fails").exists()


def test_an_agent_whose_output_is_no_message(join):
    (join / "image.yaml").write_text((join / "image.yaml").read_text().replace("/bin/join, left, right", "/bin/echo").replace("join, target: /bin/join", "/bin/busybox, target: /bin/echo"))
    assert "not one AgentOutput behind its length" in results(join, status=1)["two"]["reason"]
