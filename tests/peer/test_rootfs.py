"""Root file systems that others have made, against an application of their layers in Python, and against umoci and skopeo."""
import itertools
import random
import shutil
import subprocess
import tarfile

import pytest

import oci
from oci import Builder, Layout, Tree, Wrong, archive, docker_save, file, folder, gone, link, opaque, same, spread, tar

BASE = [folder("./"), folder("usr/"), folder("usr/bin/"), folder("usr/lib/", 0o700), file("usr/bin/python3", b"py" * 3000, 0o4755), file("usr/lib/a.so", b"lib", 0o600),
        link("bin", "usr/bin"), link("lib", "/usr/lib"), file("etc/passwd", b"root:x:0:0\n"), file("etc/old", b"old"), folder("var/cache", 0o1777),
        file("var/cache/x", b"x"), file("empty"), file("opt/one/x", b"x"), link("opt/now", "one"), same("usr/bin/python", "usr/bin/python3")]
CHANGE = [gone("etc/old"), file("etc/new", b"new", 0o755), opaque("var/cache"), file("var/cache/y", b"y"), file("bin/tool", b"through a link", 0o755),
          same("usr/lib/b.so", "usr/lib/a.so"), file("lib/c.so", b"c"), folder("etc/", 0o711), link("empty", "etc/new"),
          opaque("opt/now"), file("opt/now/y", b"y")]
LAST = [gone("usr/lib/a.so"), file("usr/bin/python3", b"newer", 0o755), gone("var"), link("loop", "loop"), file("usr/lib/" + "n" * 200, b"long name"),
        file("usr/share/" + "/".join("dddddddddd" for _ in range(20)), b"long path"), file("usr/lib/é€", "é€".encode())]
LAYERS = [BASE, CHANGE, LAST]


@pytest.fixture
def builder(tmp_path):
    return Builder(tmp_path)


def expected(layers=LAYERS):
    tree = Tree()
    for layer in layers:
        tree.apply(layer)
    return tree.nodes


def forms(tmp_path, layers=LAYERS):
    """(name, path) of one image in every form."""
    tars = [tar(layer, form) for layer, form in zip(layers, itertools.cycle([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))]
    for packed in ("", "gzip", "zstd"):
        yield f"folder {packed}", spread(Layout().add(tars, packed=packed).files(), tmp_path / f"layout-{packed}")
    mixed = Layout().add(tars, packed=list(itertools.islice(itertools.cycle(["zstd", "", "gzip"]), len(tars))))
    archives = {"layout": archive(mixed.files()), "docker": archive(docker_save(tars)), "docker25": archive(docker_save(tars, old=False)),
                "docker.gz": oci.PACKED["gzip"](archive(docker_save(tars)))}
    for name, data in archives.items():
        (tmp_path / name).write_bytes(data)
        yield name, tmp_path / name


def test_every_form_of_an_image_is_one_image(builder, tmp_path):
    built = {}
    for name, path in forms(tmp_path):
        found, _ = builder.build(path)
        assert found == expected(), name
        built[name] = builder.bytes()
    assert len(built) == 7 and len(set(built.values())) == 1
    assert expected()["usr/lib/b.so"] == ("f", 0o644, b"lib") and "usr/lib/a.so" not in expected()


def test_a_tar_is_its_files_packed_or_not(builder, tmp_path):
    plain = Tree().apply(BASE, as_layer=False).nodes
    for packed, form in itertools.product(oci.PACKED, (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)):
        (tmp_path / "r.tar").write_bytes(oci.PACKED[packed](tar(BASE, form)))
        assert builder.build("r.tar")[0] == plain


def test_gzip_in_members_with_zeros_behind(builder, tmp_path):
    """As pigz, eStargz and tapes have it."""
    data = tar([file("BZh9", b"begins as bzip2 does"), *BASE])
    cuts = [0, 1, 511, 512, 3000, len(data)]
    (tmp_path / "r.tar").write_bytes(b"".join(oci.PACKED["gzip"](data[a:b]) for a, b in zip(cuts, cuts[1:])) + oci.PACKED["gzip"](b"") + bytes(70000))
    assert builder.build("r.tar")[0] == {"BZh9": ("f", 0o644, b"begins as bzip2 does"), **Tree().apply(BASE, as_layer=False).nodes}


def test_order_times_and_owners_do_not_matter(builder, tmp_path):
    pick = random.Random(1)
    images = set()
    for _ in range(6):
        entries = [oci.entry(info.name, info.type, info.mode, content, info.linkname, mtime=pick.randrange(1 << 31), uid=pick.randrange(1 << 20),
                             gid=pick.randrange(9), uname=pick.choice(["root", "x"]), pax_headers={"mtime": str(pick.random() * 1e9), "SCHILY.xattr.user.x": "y"})
                   for info, content in BASE if not info.islnk()]
        pick.shuffle(entries)
        (tmp_path / "r.tar").write_bytes(tar(entries))
        builder.build("r.tar")
        images.add(builder.bytes())
    assert len(images) == 1


def test_a_folder_is_like_a_tar_of_it(builder, tmp_path):
    (tmp_path / "r.tar").write_bytes(tar(BASE))
    (tmp_path / "r").mkdir()
    subprocess.run(["tar", "-xf", "r.tar", "-C", "r"], cwd=tmp_path, check=True)
    assert builder.build("r")[0] == Tree().apply(BASE, as_layer=False).nodes


def random_layer(pick, tree):
    """Entries that make sense on top of a tree, in an order that does too; applies them."""
    entries = []
    hidden = [gone(path) for path in tree.nodes if pick.random() < 0.1] + [opaque(p) for p, n in tree.nodes.items() if n[0] == "d" and pick.random() < 0.1]
    entries += [e for e in hidden if not any(n.startswith(".wh.") for n in e[0].name.split("/")[:-1])]
    tree.hide(entries)
    for number in range(pick.randrange(1, 20)):
        path = "/".join(pick.choice("abcd") for _ in range(pick.randrange(1, 5)))
        made = pick.choice([lambda: folder(path, pick.choice([0o755, 0o700])), lambda: file(path, b"%d" % number, pick.choice([0o644, 0o711, 0o6755])),
                            lambda: link(path, pick.choice(["a", "../b", "/c/d", "..", "/", "a/b", "../../../a"])),
                            lambda: same(path, "/".join(pick.choice("abcd") for _ in range(pick.randrange(1, 3))))])()
        before = dict(tree.nodes)
        try:
            tree.add(*made)
            entries.append(made)
        except Wrong:
            tree.nodes = before
    return entries


@pytest.mark.parametrize("part", range(4))
def test_random_layers(builder, tmp_path, part, record_property):
    record_property("counted", "root file systems against the peer in Python")
    record_property("cases", 25)
    for seed in range(25 * part, 25 * part + 25):
        pick, tree = random.Random(seed), Tree()
        layers = [tar(random_layer(pick, tree)) for _ in range(pick.randrange(1, 6))]
        (tmp_path / "image").write_bytes(archive(Layout().add(layers, packed=pick.choice(["", "gzip"])).files()))
        assert builder.build("image")[0] == tree.nodes, seed


needs = {tool: pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed") for tool in ("umoci", "skopeo")}


def on_disk(root):
    """The same of a folder, with our modes."""
    found = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("l", 0o777, str(path.readlink()).encode())
        elif path.is_dir():
            found[name] = ("d", 0o755, b"")
        else:
            found[name] = ("f", 0o755 if path.stat().st_mode & 0o111 else 0o644, path.read_bytes())
    return found


@needs["umoci"]
def test_umoci_unpacks_to_the_same(builder, tmp_path, record_property):
    record_property("counted", "root file systems against umoci")
    record_property("cases", 12)
    for seed in range(200, 212):
        pick, tree = random.Random(seed), Tree()
        layers = [tar(random_layer(pick, tree)) for _ in range(pick.randrange(2, 5))]
        layout = spread(Layout().add(layers, name="latest", packed="gzip").files(), tmp_path / f"layout{seed}")
        subprocess.run(["umoci", "unpack", "--rootless", "--image", f"{layout}:latest", tmp_path / f"bundle{seed}"], check=True, capture_output=True)
        assert builder.build(layout)[0] == on_disk(tmp_path / f"bundle{seed}/rootfs"), seed


@needs["umoci"]
@needs["skopeo"]
def test_images_of_umoci_and_skopeo(builder, tmp_path):
    """umoci makes an image, skopeo makes docker save's archive of it: both are one EIF, and the settings are the image's."""
    def run(*words):
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "r/bin").mkdir(parents=True)
    (tmp_path / "r/bin/tool").write_bytes(oci.ELF)
    (tmp_path / "r/bin/tool").chmod(0o755)
    run("umoci", "init", "--layout", "made")
    run("umoci", "new", "--image", "made:latest")
    run("umoci", "insert", "--rootless", "--image", "made:latest", "r/bin", "/bin")
    run("umoci", "insert", "--rootless", "--image", "made:latest", "roots.pem", "/etc/roots.pem")
    run("umoci", "insert", "--rootless", "--whiteout", "--image", "made:latest", "/etc/roots.pem")
    run("umoci", "config", "--image", "made:latest", "--architecture", "amd64", "--os", "linux", "--config.entrypoint", "tool", "--config.cmd", "--fast",
        "--config.env", "PATH=/sbin:/bin", "--config.workingdir", "/work", "--config.user", "nobody")
    found, settings = builder.build("made", "", "")
    assert found == {"bin": ("d", 0o755, b""), "bin/tool": ("f", 0o755, oci.ELF), "etc": ("d", 0o755, b""), "work": ("d", 0o755, b"")}
    assert {key: settings[key] for key in ("agent.arg.0", "agent.arg.1", "agent.env.0", "agent.workdir")} == {
        "agent.arg.0": "/bin/tool", "agent.arg.1": "--fast", "agent.env.0": "PATH=/sbin:/bin", "agent.workdir": "/work"}
    image = builder.bytes()
    run("skopeo", "--insecure-policy", "copy", "oci:made:latest", "docker-archive:saved.tar:made:latest")
    run("skopeo", "--insecure-policy", "copy", "oci:made:latest", "oci-archive:layout.tar:made")
    run("skopeo", "--insecure-policy", "copy", "--dest-compress", "--dest-compress-format", "zstd", "oci:made:latest", "dir:ignored")
    for name in ("saved.tar", "layout.tar"):
        builder.build(name, "", "")
        assert builder.bytes() == image, name
