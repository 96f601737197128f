"""The commands that README.md shows work as they stand there, one after the other, in one shell."""
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def blocks():
    return re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


def test_the_two_commands_are_targets():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    shown = re.findall(r"^make (\w+)", blocks()[0], re.M)
    assert shown == ["demo", "test"] and set(shown) <= set(targets)


def test_the_demo_by_hand(tmp_path):
    (tmp_path / "passphrase").write_text("only for this test\n")
    environment = dict(os.environ, CMAW_DIR=str(tmp_path / "stack"), CMAW_STORE=str(tmp_path / "store.db"),
                       CMAW_PASSPHRASE_FILE=str(tmp_path / "passphrase"))
    script = blocks()[1].replace("claim.evidence", str(tmp_path / "claim.evidence"))
    try:
        result = subprocess.run(["bash", "-e", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
                                stdin=subprocess.DEVNULL)
        assert result.returncode == 0, result.stderr + result.stdout
        assert '"decision":' in result.stdout
        assert len(re.findall(r"^PASS (confidentiality|attestation|integrity):", result.stdout, re.M)) == 3
    finally:
        subprocess.run([ROOT / "build" / "client" / "cmaw", "down"], env=environment, capture_output=True)
