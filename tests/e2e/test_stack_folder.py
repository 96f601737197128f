"""The folder of a stack has its keys: what may lie around it, be named in its description, or be read from its processes."""
import os
import pathlib

import pytest

import harness
from stack import Stack

DEMO = (harness.ROOT / "demo" / "stack.yaml").read_text()


@pytest.mark.parametrize("was, becomes, said", [
    ("name: intake", "name: ../../../outside", "the name of role 1"),
    ("name: intake", "name: a/b", "the name of role 1"),
    ("name: intake", 'name: "in\\e[2Jtake"', "the name of role 1"),
    ("name: demo", 'name: "de\\e]0;title\\amo"', "name is not printable"),
    ("namespace: default", 'namespace: "de\\u009b2Jfault"', "namespace"),
    ("namespace: default", "namespace: --db-filename=x", "namespace")])
def test_no_name_leads_out_or_steers(tmp_path, was, becomes, said):
    yaml = tmp_path / "stack.yaml"
    assert was in DEMO
    yaml.write_text(DEMO.replace(was, becomes, 1))
    made = Stack(tmp_path / "local")
    result = made.cmaw("up", yaml)
    result.assert_one_line_error(said)
    assert "\x1b" not in result.err and not (made.dir / "stack.json").exists()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775])
def test_a_folder_that_others_can_change_gets_no_keys(tmp_path, mode):
    made = Stack(tmp_path / "local")
    made.dir.mkdir()
    made.dir.chmod(mode)
    made.cmaw("up").assert_one_line_error("others can change what is in")
    assert not list(made.dir.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_folder_of_somebody_else_gets_no_keys(tmp_path):
    made = Stack(tmp_path / "local")
    made.dir.mkdir(mode=0o700)
    os.chown(made.dir, 12345, 12345)
    made.cmaw("up").assert_one_line_error("others can change what is in")


def test_the_owner_s_variables_are_the_owner_s(stack):
    """What outlives the shell of the owner does not keep the owner's keys; two programs have what the stack gives them."""
    given = {"worker": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, "temporal": {"TEMPORAL_VERSION_CHECK_DISABLED"}}
    pids = {**stack.processes(), "supervisor": stack.state()["supervisor"]["pid"]}
    assert {"supervisor", "worker", "temporal", "proxy", "devd"} <= set(pids)
    for name, pid in pids.items():
        names = {entry.split(b"=")[0].decode() for entry in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
        assert "CMAW_DIR" in names, name  # it can be read
        assert {n for n in names if n.startswith(("AWS_", "CMAW_PASSPHRASE", "CMAW_STORE", "TEMPORAL_"))} == given.get(name, set()), name
