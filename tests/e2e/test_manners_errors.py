"""Every common mistake gives one line that says what is wrong and one that says what to do; every exit code is as ARCHITECTURE.md says
(issue 5, item 7)."""
import os
import re
import subprocess
import typing

import pytest

import harness
from harness import ROOT
from stack import CLAIM, LETTERS, Result

LETTER = LETTERS / "01-water-approve.txt"
ZEROS = "00" * 32


class Mistake(typing.NamedTuple):
    """What is typed (@NAME: a file of the fixture), what the error and the hint say, the exit code."""
    command: str
    error: str
    hint: str
    status: int = 1


PATH = "is the path right"
EXAMPLE = "of the sources is a"
MISTAKES = [
    # the command line
    Mistake("", "which verb?", "cmaw --help", 2),
    Mistake("bogus", "unknown verb bogus", "cmaw --help lists the verbs", 2),
    Mistake("run", "missing WORKFLOW.yaml [INPUT]", "cmaw run --help", 2),
    Mistake("run @claim @letter more", "unexpected word more", "cmaw run --help", 2),
    Mistake("run --bogus", "unknown option --bogus", "cmaw run --help", 2),
    Mistake("run @claim @letter --output", "--output needs [NAME=]FILE", "cmaw run --help", 2),
    Mistake("run @claim @letter --json=yes", "--json takes no value", "cmaw run --help", 2),
    Mistake("run @claim @letter --expires never", "--expires never is not a time", "cmaw run --help", 2),
    Mistake("run @claim", "no input for letter", "give the file after the workflow", 2),
    Mistake("run @claim --input bogus=@letter", "this workflow has no input of that name", "cmaw run --help", 2),
    Mistake("verify last --wait x", "--wait x is not a time", "cmaw verify --help", 2),
    Mistake("kms", "which verb?", "cmaw kms --help", 2),
    Mistake("kms bogus", "unknown verb bogus", "cmaw kms --help", 2),
    Mistake("manifest bogus x", "new or show, not bogus", "cmaw manifest --help", 2),
    Mistake("manifest new @empty", "missing --output FILE", "cmaw manifest --help", 2),
    Mistake("completion fish", "bash or zsh, not fish", "cmaw completion --help", 2),
    Mistake("credentials --credentials bogus", "no source of credentials bogus", "environment", 2),
    Mistake("evidence last", "missing -o FILE", "cmaw evidence --help", 2),
    Mistake("attest verify @junk", "no PCR is pinned", "--pcr 0=HEX", 2),
    # files that are not there, or not readable
    Mistake("run @claim nothing.txt", "cannot open nothing.txt", PATH),
    Mistake("run nothing.yaml @letter", "cannot open nothing.yaml", PATH),
    Mistake("run @folder @letter", "Is a directory", "name a file"),
    Mistake("trust nothing", "cannot open nothing", PATH),
    Mistake("trust --root nothing.der", "cannot open nothing.der", PATH),
    Mistake("manifest new nothing.yaml -o x", "cannot open nothing.yaml", PATH),
    Mistake("manifest show nothing", "cannot open nothing", PATH),
    Mistake("kms lint nothing", "cannot open nothing", PATH, 2),
    Mistake("attest verify nothing --any-pcr-insecure", "cannot open nothing", PATH),
    Mistake("image build nothing.yaml -o x", "cannot open nothing.yaml", PATH),
    Mistake("up nothing.yaml --dir @new", "nothing.yaml", PATH),
    Mistake("submit @claim @letter --passphrase-file nothing", "cannot open", PATH),
    # files that are something else
    Mistake("run @empty @letter", "empty.yaml:1: the file is empty", EXAMPLE),
    Mistake("run @junk @letter", "junk:1: ", "look at line 1"),
    Mistake("run @half @letter", "half.yaml:2: ", "look at line 2"),
    Mistake("image build @empty -o x", "empty.yaml:1: the file is empty", EXAMPLE),
    Mistake("up @empty --dir @new", "empty.yaml:1: the file is empty", EXAMPLE),
    Mistake("manifest new @empty -o x", "empty.yaml:1: the file is empty", "attestation_root"),
    Mistake("manifest show @junk", "is not a manifest", "cmaw manifest new"),
    Mistake("provision @junk --keep-policies -o x --enclave a=b", "is not a manifest", "cmaw manifest new"),
    Mistake("kms policy @junk --instance arn:aws:iam::111122223333:role/x --admin arn:aws:iam::111122223333:role/y", "is not a manifest", "cmaw manifest new"),
    Mistake("kms lint @empty", "empty.yaml:1: not valid JSON", "cmaw kms", 2),
    Mistake("attest verify @junk --any-pcr-insecure", "is no attestation document", "COSE_Sign1"),
    Mistake("image describe @junk", "is not an enclave image", "cmaw-image build"),
    Mistake("list --store @junk", "is not a run store, or damaged", "--store"),
    # a bundle that was damaged on its way, or is another one
    Mistake("trust @junk", "does not verify", "get it again"),
    Mistake("trust @cut", "does not verify", "get it again"),
    Mistake("trust @flipped", "does not verify", "get it again"),
    Mistake(f"trust --root {ZEROS}", "another attestation root", "ask whoever"),
    Mistake(f"trust --manifest-hash {ZEROS}", "another manifest", "ask who made the deployment"),
    # what cannot be written
    Mistake("manifest show", "missing new MANIFEST.yaml", "cmaw manifest --help", 2),
    Mistake("run @claim @letter --output no-folder/out", "cannot create no-folder/out", "cmaw open"),
    Mistake("evidence last -o no-folder/out", "cannot create no-folder/out", "the folder that it goes into"),
    Mistake("verify last --evidence no-folder/out", "cannot create no-folder/out", "the folder that it goes into"),
    Mistake("up --dir /proc/nothing", "cannot make folder /proc/nothing", "the folder that it goes into"),
    # what there is not
    Mistake("wait ffffffff", "unknown run ffffffff", "cmaw list"),
    Mistake("open bogus", "unknown run bogus", "cmaw list"),
    Mistake("evidence last -o x --disclose bogus", "no edge of that name", "--help", 2),
    Mistake("status --dir @new", "there is no stack in", "cmaw up makes one"),
    Mistake("down --dir @new", "there is no stack in", "cmaw up makes one"),
]


@pytest.fixture(scope="module")
def files(stack, folder):
    place = folder / "mistakes"
    place.mkdir()
    bundle = (stack.dir / "bundle.bin").read_bytes()
    assert stack.run(LETTER).status == 0  # "last"
    contents = {"empty": ("empty.yaml", b""), "junk": ("junk", bytes(range(256))), "half": ("half.yaml", b"version: 1\nname: [\n"),
                "cut": ("cut.bundle", bundle[:1000]), "flipped": ("flipped.bundle", bundle[:3000] + bytes([bundle[3000] ^ 1]) + bundle[3001:])}
    paths = {"claim": CLAIM, "letter": LETTER, "folder": place, "new": place / "new"}
    for name, (file, content) in contents.items():
        paths[name] = place / file
        paths[name].write_bytes(content)
    return paths


def typed(stack, files, command):
    words = [re.sub(r"@(\w+)", lambda found: str(files[found[1]]), word) for word in command.split()]
    return stack.cmaw(*words, cwd=files["folder"])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.command or "nothing")
def test_one_line_and_a_hint(stack, files, mistake):
    result = typed(stack, files, mistake.command)
    assert result.status == mistake.status, (result.status, result.err)
    errors = [line for line in result.err.splitlines() if not line.startswith(("hint: ", "cmaw: step ", "cmaw: start "))]
    hints = [line for line in result.err.splitlines() if line.startswith("hint: ")]
    assert len(errors) == 1 and re.match(r"cmaw(-image)?: \S", errors[0]) and mistake.error in errors[0], result.err
    assert len(hints) == 1 and mistake.hint in hints[0], result.err


@pytest.mark.parametrize("program", ["cmaw-devd", "cmaw-image", "cmaw-launch", "cmaw-proxy", "cmaw-verify", "cmaw-worker"])
@pytest.mark.parametrize("words", [[], ["--bogus"]], ids=["nothing", "unknown-option"])
def test_every_program_knows_wrong_usage(program, words):
    result = subprocess.run([harness.program(program), *words], capture_output=True, text=True, timeout=180)
    lines = result.stderr.splitlines()
    assert result.returncode == 2 and len(lines) == 2 and lines[0].startswith(f"{program}: ") and f"{program} --help" in lines[1], result.stderr


def test_nothing_is_written_where_it_cannot_be(stack):
    """A full disk under standard output is an error, not a shorter answer."""
    with open("/dev/full", "w") as full:
        result = subprocess.run([harness.program("cmaw"), "status"], stdout=full, stderr=subprocess.PIPE, text=True, env=stack.env)
    assert result.returncode == 1 and "standard output" in result.stderr


def unreachable(stack):
    return stack.cmaw("submit", CLAIM, LETTER, "--temporal", f"127.0.0.1:{harness.free_port()}")


def unproven(stack):
    """Nobody who could be asked what KMS did."""
    nobody = {"CMAW_DIR": str(stack.folder / "no-stack"), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    return stack.cmaw("verify", "last", "--credentials", "environment", env=nobody)


CODES = {0: lambda stack: stack.cmaw("list"), 1: lambda stack: stack.cmaw("wait", "ffffffff"), 2: lambda stack: stack.cmaw("wait"), 3: unreachable, 4: unproven}


@pytest.mark.parametrize("code", CODES)
def test_every_exit_code(stack, files, code):
    result = CODES[code](stack)
    assert isinstance(result, Result) and result.status == code, (result.status, result.err, result.out)


def test_the_exit_codes_are_those_of_the_pages():
    """ARCHITECTURE.md and cmaw(1) list them; no other is used."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    listed = re.findall(r"^\| (\d) \| ", text[text.index("## Command lines"):], re.M)
    page = (ROOT / "man" / "cmaw.1.in").read_text()
    in_page = re.findall(r"^\.It (\d)$", page[page.index(".Sh EXIT STATUS"):], re.M)
    source = (ROOT / "lib" / "base" / "diag.c").read_text()
    used = re.findall(r"return (\d);", source[source.index("int cmaw_exit_code"):])
    assert sorted(map(int, listed)) == sorted(map(int, in_page)) == sorted(map(int, used)) == sorted(CODES), os.linesep.join([*listed, *in_page, *used])
