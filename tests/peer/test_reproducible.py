"""One input, one file: whoever builds it, where, when, and under what settings of the system."""
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import oci
from oci import ELF, file, folder, link, tar

FILES = {"bin/agent": ELF, "lib/data": b"data" * 1000, "lib/é": "é".encode(), "etc/a": b"a", "etc/B": b"B", "etc/_": b"_"}
ENTRIES = [folder("bin"), file("bin/agent", ELF, 0o755), file("lib/data", b"data" * 1000), file("lib/é", "é".encode()), file("etc/a", b"a"), file("etc/B", b"B"),
           file("etc/_", b"_"), link("sbin", "bin")]
# who, when, umask, settings
BUILDERS = [
    ([], [], 0o022, {"TZ": "UTC", "LC_ALL": "C"}),
    (["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"], ["faketime", "2001-02-03 04:05:06"], 0o077,
     {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "981173106", "HOME": "/nonexistent", "USER": "nobody"}),
    ([], ["faketime", "2037-12-31 23:59:59"], 0o000, {"TZ": "America/St_Johns", "LANG": "de_DE.UTF-8", "SOURCE_DATE_EPOCH": "0"}),
]


@pytest.fixture
def world():
    """A folder that everybody can read, with the program: a clone may lie in somebody's home."""
    where = pathlib.Path(tempfile.mkdtemp(prefix="cmaw-reproduce-"))
    where.chmod(0o755)
    shutil.copy(oci.IMAGE, where / "cmaw-image")
    yield where
    shutil.rmtree(where)


def make_input(where, form, turn):
    """The same input with other times, owners and order each turn; returns its name."""
    entries = list(itertools.islice(itertools.cycle(ENTRIES), turn, turn + len(ENTRIES)))
    for info, _ in entries:
        info.mtime, info.uid, info.gid, info.uname = 1000000000 + turn * 7777777, turn * 1000, turn, f"user{turn}"
    if form == "folder":
        for name, data in list(FILES.items())[::-1 if turn % 2 else 1]:
            (where / "root" / name).parent.mkdir(parents=True, exist_ok=True)
            (where / "root" / name).write_bytes(data)
            os.utime(where / "root" / name, (turn, 1000000000 + turn))
        (where / "root/bin/agent").chmod(0o555 if turn else 0o755)
        (where / "root/sbin").symlink_to("bin")
        return "root"
    layers = [tar(entries), tar([file("etc/more", b"more", mtime=1000 + turn), oci.gone("etc/a")])]
    made = {"tar": layers[0], "tar.gz": oci.PACKED["gzip"](layers[0]), "layout": oci.archive(oci.Layout().add(layers, packed="zstd" if turn else "gzip").files()),
            "docker": oci.archive(oci.docker_save(layers, old=bool(turn)))}
    (where / "input").write_bytes(made[form])
    return "input"


def build(world, turn, form):
    who, when, umask, settings = BUILDERS[turn]
    where = world / ("a" * (turn + 1)) / "b"
    where.mkdir(parents=True)
    before = os.umask(umask & 0o022)  # the input has to be readable to whoever builds
    try:
        builder = oci.Builder(where)
        name = make_input(where, form, turn)
    finally:
        os.umask(before)
    recipe = where / "image.yaml"
    recipe.write_text(f"version: 1\nname: x\nagent: {{rootfs: {name}, command: [agent], env: [PATH=/sbin], io: raw}}\nkernel: none\ninit: elf\n"
                      "kms: {roots: roots.pem}\nattestation: {root: root.der}\n")
    recipe.chmod(0o644)
    for path in where.iterdir():
        os.chmod(path, 0o755 if path.is_dir() else 0o644)
    out = world / f"out{turn}"
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    here, recipe = (where, "image.yaml") if turn == 1 else ("/", recipe)
    subprocess.run([*who, *when, world / "cmaw-image", "build", recipe, "-o", out / "x.eif"], cwd=here, umask=umask, check=True, capture_output=True,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **settings})
    if who and not when:
        assert (out / "x.eif").stat().st_uid == 65534
    assert builder.where == where
    return (out / "x.eif").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can build as two users")
@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz", "layout", "docker"])
def test_two_folders_two_users_two_dates_one_file(world, form):
    assert len({build(world, turn, form) for turn in range(len(BUILDERS))}) == 1


def test_what_differs_is_seen(world):
    """The comparison can fail: one byte of one file is another image."""
    builder = oci.Builder(world)
    images = set()
    for content in (b"x", b"y"):
        (world / "r.tar").write_bytes(tar([file("a", content)]))
        builder.build("r.tar")
        images.add(builder.bytes())
    assert len(images) == 2
