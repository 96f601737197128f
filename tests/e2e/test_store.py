"""The run store as its owner handles it, with real programs: on a store of the first format, which holds two finished runs and one that failed and
needs no stack, and, where runs are made, on a stack of its own."""
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest

import harness
import pages
from harness import ROOT
from stack import CLAIM, LETTERS, Result
from terminal import Terminal

OLD_STORE = ROOT / "tests" / "data" / "stores" / "v1.db"
PASSPHRASE = "correct horse battery staple"
APPROVED, REFERRED = "cmaw-ee387caa44c2b70538ce0c4273d7422f85585ff4", "cmaw-224ffba5044344ffd745181f0e1ea06c9b03dd9a"
MANIFEST = "893d8830a7eaeb740588a174ce53c167c41c6dec0386c7c475f5a1a89f96d8c4"
SHREDDED = re.compile(r"this run was shredded on 2\d\d\d-\d\d-\d\dT.*: its states are unreadable for good")


class Owner:
    """Somebody with a store in a folder, and files with passphrases."""

    def __init__(self, folder):
        self.folder, self.store = folder, folder / "store.db"
        shutil.copyfile(OLD_STORE, self.store)
        self.env = pages.environment_of(folder, CMAW_STORE=str(self.store), CMAW_DIR=str(folder / "no-stack"))
        self.right = self.secret("right", PASSPHRASE)

    def secret(self, name, text):
        harness.write_secret(self.folder / name, text + "\n")
        return self.folder / name

    def cmaw(self, *arguments, passphrase=None, store=None):
        env = {**self.env, "CMAW_PASSPHRASE_FILE": str(passphrase or self.right), **({"CMAW_STORE": str(store)} if store else {})}
        return Result(subprocess.run([harness.program("cmaw"), *map(str, arguments)], capture_output=True, text=True, timeout=180, env=env, input=""))

    def opens(self, run, **more):
        return '"decision"' in self.cmaw("open", run, **more).out

    def at_terminal(self, *arguments):
        return Terminal([harness.program("cmaw"), *map(str, arguments)], self.env)


@pytest.fixture
def owner(tmp_path):
    return Owner(tmp_path)


def answer(terminal, *pairs):
    """Types each answer once its question stands there. The exit code, and everything that was shown."""
    for question, text in pairs:
        terminal.wait_for(question)
        terminal.type(text + "\n")
    status = terminal.end()
    shown = "\n".join(terminal.text())
    terminal.close()
    for _, text in pairs:
        assert text not in shown
    return status, shown


def test_passwd_asks_at_the_terminal(owner):
    old, new, again = "passphrase of the run store: ", "new passphrase for the run store: ", "once more: "
    status, shown = answer(owner.at_terminal("store", "passwd"), (old.strip(), PASSPHRASE), (new.strip(), "Tr0ub4dor"), (again.strip(), "Tr0ub4dor&3"))
    assert status == 1 and "the two passphrases differ" in shown
    assert owner.opens(APPROVED)
    status, shown = answer(owner.at_terminal("store", "passwd"), (old.strip(), "a wrong one"))
    assert status == 1 and "wrong passphrase for the run store" in shown and "new passphrase" not in shown
    status, shown = answer(owner.at_terminal("store", "passwd"), (old.strip(), PASSPHRASE), (new.strip(), "Tr0ub4dor"), (again.strip(), "Tr0ub4dor"))
    assert status == 0 and "has a new passphrase" in shown
    owner.cmaw("open", APPROVED).assert_one_line_error("wrong passphrase")
    assert owner.opens(APPROVED, passphrase=owner.secret("new", "Tr0ub4dor"))
    status, shown = answer(owner.at_terminal("open", REFERRED), (old.strip(), "Tr0ub4dor"))
    assert status == 0 and '"decision"' in shown


def test_an_export_asks_for_a_passphrase_of_its_own(owner, tmp_path):
    file = tmp_path / "runs.cmaw"
    status, shown = answer(owner.at_terminal("store", "export", "--all", "-o", file), ("passphrase of the run store:", PASSPHRASE),
                           ("new passphrase for the export:", "on the way"), ("once more:", "on the way"))
    assert status == 0 and "3 runs" in shown and file.stat().st_mode & 0o777 == 0o600
    owner.env["CMAW_STORE"] = str(tmp_path / "other.db")
    status, shown = answer(owner.at_terminal("store", "import", file), ("new passphrase for the run store:", "there"), ("once more:", "there"),
                           ("passphrase of the export:", "on the way"))
    assert status == 0 and "runs new here: 3" in shown and MANIFEST in shown.replace("\n", "")


def test_without_a_terminal_a_file_is_named(owner, tmp_path):
    result = subprocess.run([harness.program("cmaw"), "store", "export", "--all", "-o", tmp_path / "x"], capture_output=True, text=True, timeout=180,
                            stdin=subprocess.DEVNULL, start_new_session=True, env={**owner.env, "CMAW_PASSPHRASE_FILE": str(owner.right)})
    Result(result).assert_one_line_error("the export needs a passphrase", "--export-passphrase-file")


@pytest.mark.parametrize("mode, good", [(0o600, True), (0o400, True), (0o640, False), (0o604, False), (0o622, False)])
def test_a_passphrase_that_others_can_read_is_refused(owner, mode, good):
    owner.right.chmod(mode)
    if good:
        assert owner.opens(APPROVED)
    else:
        owner.cmaw("open", APPROVED).assert_one_line_error("others can read the passphrase in", f"mode {mode:o}", "chmod 600")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_passphrase_of_somebody_else_is_refused(owner):
    """A file beside the store is taken unasked: whoever put it there would know the passphrase."""
    os.chown(owner.right, 12345, 12345)
    owner.cmaw("open", APPROVED).assert_one_line_error("the passphrase in", "belongs to somebody else")


def test_a_passphrase_comes_through_a_pipe(owner):
    script = f'exec "$0" open {APPROVED} --passphrase-file <(echo "{PASSPHRASE}")'
    assert '"decision"' in subprocess.run(["bash", "-c", script, harness.program("cmaw")], env=owner.env, capture_output=True, text=True, timeout=180).stdout


def test_a_wrong_passphrase_changes_nothing(owner):
    wrong = owner.secret("wrong", "correct horse battery stapler")
    for command in (["open", APPROVED], ["store", "passwd", "--new-passphrase-file", wrong],
                    ["store", "export", "--all", "-o", owner.folder / "x", "--export-passphrase-file", wrong]):
        for fresh in (True, False):
            if not fresh:
                assert owner.opens(APPROVED)  # brings the store up to date
            before = hashlib.sha256(owner.store.read_bytes()).digest()
            owner.cmaw(*command, passphrase=wrong).assert_one_line_error("wrong passphrase for the run store")
            assert hashlib.sha256(owner.store.read_bytes()).digest() == before
            assert sorted(p.name for p in owner.folder.glob("store.db*")) == ["store.db"] and not (owner.folder / "x").exists()
        shutil.copyfile(OLD_STORE, owner.store)


def test_after_shred_every_verb_says_so(owner):
    assert owner.opens(APPROVED)
    rows = sqlite3.connect(owner.store).execute("SELECT key, sealed FROM run_secrets JOIN runs USING (run_id) WHERE workflow_id = ?", [APPROVED]).fetchall()
    files = lambda: b"".join(p.read_bytes() for p in owner.folder.glob("store.db*"))  # noqa: E731
    assert len(rows) == 1 and all(part in files() for part in rows[0])
    shutil.copyfile(owner.store, owner.folder / "backup.db")
    shredded = owner.cmaw("store", "shred", APPROVED, passphrase=owner.folder / "none")  # needs no passphrase
    assert shredded.status == 0 and APPROVED in shredded.out, shredded.err
    for part in rows[0]:
        assert not any(part[at:at + 24] in files() for at in range(0, len(part) - 24, 8))
    for command in (["open", APPROVED], ["verify", APPROVED], ["evidence", APPROVED, "-o", owner.folder / "evidence", "--disclose", "decision"]):
        result = owner.cmaw(*command)
        result.assert_one_line_error("unreadable for good")
        assert SHREDDED.search(result.err) and result.out == ""
    assert not (owner.folder / "evidence").exists()
    assert owner.opens(REFERRED) and APPROVED in {run["workflow_id"] for run in owner.cmaw("list", "--json").json()}
    assert owner.opens(APPROVED, store=owner.folder / "backup.db")  # as docs/store.md warns


def test_a_run_that_goes_on_is_not_shredded_by_mistake(owner):
    database = sqlite3.connect(owner.store)
    with database:
        database.execute("UPDATE runs SET status = 1 WHERE workflow_id = ?", [APPROVED])
    database.close()
    owner.cmaw("store", "shred", APPROVED).assert_one_line_error("has not ended", "--force")
    assert owner.cmaw("store", "shred", APPROVED, "--force").status == 0


def test_export_and_import(owner, tmp_path):
    export, wrong, other = owner.secret("export", "on the way"), owner.secret("wrong", "off the way"), tmp_path / "other.db"
    file = tmp_path / "runs.cmaw"
    made = owner.cmaw("store", "export", APPROVED, APPROVED[:12], "-o", file, "--export-passphrase-file", export, "--json").json()
    assert made == {"runs": 1, "file": str(file)}
    for word in (b"Margarethe", b"claim", bytes.fromhex(MANIFEST), APPROVED.encode()):
        assert word not in file.read_bytes()
    bring = ["store", "import", file, "--export-passphrase-file"]
    owner.cmaw(*bring, wrong, store=other).assert_one_line_error("wrong passphrase for the export")
    first = owner.cmaw(*bring, export, "--json", store=other).json()
    assert (first["added"], first["pinned"], first["untrusted"]) == (1, 0, [MANIFEST])
    owner.cmaw("open", APPROVED, store=other).assert_one_line_error("the deployment of this run is not pinned here")
    owner.cmaw(*bring, export, "--trust", "00" * 32, store=other).assert_one_line_error("no deployment of that manifest hash", hint=False)
    second = owner.cmaw(*bring, export, "--trust", MANIFEST, "--json", store=other).json()
    assert second == {"added": 0, "known": 1, "completed": 0, "shredded": 0, "pinned": 1, "untrusted": []}
    assert owner.opens(APPROVED, store=other)
    file.write_bytes(file.read_bytes()[:-1])
    owner.cmaw(*bring, export, store=other).assert_one_line_error("no export of a run store, or it was damaged", hint=False)


@pytest.mark.parametrize("words, said", [
    ([], "which verb"), (["burn"], "burn"), (["passwd", "now"], "unexpected word now"), (["shred"], "missing RUN"), (["import"], "missing FILE"),
    (["export", "--all"], "missing -o FILE"), (["export", "-o", "x"], "name the runs, or --all"), (["export", "last", "--all", "-o", "x"], "name the runs, or --all"),
])
def test_wrong_usage(owner, words, said):
    owner.cmaw("store", *words).assert_one_line_error(said, status=2)


@pytest.mark.parametrize("verb", ["", "passwd", "export", "import", "shred"])
def test_help(owner, verb):
    result = owner.cmaw("store", *([verb] if verb else []), "--help")
    assert result.status == 0 and result.out.startswith("usage: cmaw store") and "example: cmaw store" in result.out
    assert result.err == "" and len(result.out.splitlines()) < 40


def test_the_page_of_the_store(owner):
    """docs/store.md, for somebody with a store and its passphrase."""
    path = f"{harness.program('cmaw').parent}:{os.environ['PATH']}"
    printed = pages.run("docs/store.md", owner.folder, {**owner.env, "PATH": path, "CMAW_PASSPHRASE_FILE": str(owner.right)})
    assert "deployments trusted because you named them: 1" in printed and '"decision"' in printed and "shredded cmaw-" in printed


def together(calls):
    """Runs them all at once; their results in order."""
    results = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def one(index):
        start.wait()
        results[index] = calls[index]()
    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_many_bring_a_store_up_to_date(owner):
    results = together([lambda: owner.cmaw("open", APPROVED)] * 3 + [lambda: owner.cmaw("open", REFERRED)] * 3)
    assert all('"decision"' in result.out for result in results), [result.err for result in results]


def test_programs_that_work_at_the_same_time(stack):
    """Runs, submits, a new passphrase and a shred at once: each does all of its work or says in one line why not, and what was done is there."""
    letter, new = LETTERS / "01-water-approve.txt", stack.folder / "new-passphrase"
    harness.write_secret(new, "another one\n")
    gone = [stack.run(letter).json()["workflow_id"] for _ in range(2)]
    results = together([lambda: stack.run(letter), lambda: stack.run(letter), lambda: stack.cmaw("submit", CLAIM, letter, "--json"),
                        lambda: stack.cmaw("store", "passwd", "--new-passphrase-file", new), lambda: stack.cmaw("store", "shred", gone[0]),
                        lambda: stack.cmaw("store", "shred", gone[1]), lambda: stack.cmaw("submit", CLAIM, letter, "--json")])
    assert [r.status for r in (results[3], results[4], results[5])] == [0, 0, 0], [r.err for r in results]
    env = {"CMAW_PASSPHRASE_FILE": str(new)}
    try:
        for result in (results[0], results[1], results[2], results[6]):
            if result.status != 0:
                result.assert_one_line_error("wrong passphrase for the run store")  # it came after the change
                continue
            assert '"decision"' in stack.cmaw("open", result.json()["workflow_id"], env=env).out
        for workflow_id in gone:
            assert SHREDDED.search(stack.cmaw("open", workflow_id, env=env).err)
        database = sqlite3.connect(stack.store)
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM runs LEFT JOIN run_secrets USING (run_id) WHERE key IS NULL").fetchone() == (0,)
        database.close()
    finally:
        back = stack.cmaw("store", "passwd", "--new-passphrase-file", stack.env["CMAW_PASSPHRASE_FILE"], env=env)  # the stack serves other tests
    assert back.status == 0, back.err
