"""Root file systems that are wrong or mean harm: each is refused in one line that says where, and nothing is left behind."""
import gzip
import json
import tarfile

import pytest

import oci
from oci import Builder, Layout, archive, digest, docker_save, file, folder, link, same, spread, tar

GOOD = [folder("a"), file("a/b", b"content")]
GOOD_TAR = tar(GOOD)


def pax(entries):
    return tar(entries, tarfile.PAX_FORMAT)


def raw_header(**fields):
    """One header with fields at their places set to any bytes, and its checksum made good."""
    places = {"name": 0, "size": 124, "typeflag": 156, "linkname": 157}
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    for name, value in fields.items():
        block[places[name]:places[name] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def chain(length):
    return [folder("end"), *(link(f"l{i}", f"l{i + 1}") for i in range(length)), link(f"l{length}", "end"), file("l0/x", b"x")]


TARS = {
    "out of the root": (tar([file("../x")]), "../x: not a plain path"),
    "out of the root, later": (tar([file("a/../../x")]), "a/../../x: not a plain path"),
    "absolute": (tar([file("/etc/passwd")]), "/etc/passwd: not a plain path"),
    "absolute folder": (tar([folder("/")]), "/: not a plain path"),
    "double slash": (tar([file("a//x")]), "a//x: not a plain path"),
    "dot inside": (tar([file("a/./x")]), "a/./x: not a plain path"),
    "dots only": (tar([folder("./..")]), "..: not a plain path"),
    "pax path out": (pax([file("x", pax_headers={"path": "a/../../../etc/x"})]), "not a plain path"),
    "pax path absolute": (pax([file("x", pax_headers={"path": "/x"})]), "/x: not a plain path"),
    "long name": (pax([file("n" * 256)]), "a name has more than 255 bytes"),
    "long path": (pax([file("/".join(["n" * 99] * 11))]), "the path has more than 1000 bytes"),
    "deep": (pax([file("/".join(["d"] * 66))]), "too many folders in each other"),
    "through a file": (tar([file("a"), file("a/b")]), "a/b: it lies behind a file"),
    "through a circle": (tar([link("a", "b"), link("b", "a"), file("a/x")]), "a/x: it lies behind a file or a circle"),
    "through itself": (tar([link("a", "a"), file("a/x")]), "a/x: it lies behind a file or a circle"),
    "through a link to nowhere": (tar([link("a", "nowhere"), file("a/x")]), "a/x: it lies behind a link that leads nowhere"),
    "through a link far out": (tar([link("a", "../../../../etc"), file("a/passwd")]), "a/passwd: it lies behind a link that leads nowhere"),
    "through too many links": (tar(chain(41)), "l0/x: it lies behind a file or a circle"),
    "same as nothing": (tar([same("a", "b")]), "a: it is said to be the same as b"),
    "same as what comes later": (tar([same("a", "b"), file("b")]), "a: it is said to be the same as b"),
    "same as a folder": (tar([folder("b"), same("a", "b")]), "a: it is said to be the same as b"),
    "same as outside": (tar([same("a", "../etc/passwd")]), "../etc/passwd: not a plain path"),
    "same as absolute": (tar([same("a", "/etc/passwd")]), "/etc/passwd: not a plain path"),
    "link to nothing": (raw_header(typeflag=b"2"), "x: a link has to point to"),
    "link to too much": (pax([link("a", "t" * 1001)]), "a: a link has to point to 1 to 1000 bytes"),
    "cut in content": (tar([file("a", b"x" * 5000)])[:2000], "a: Truncated"),
    "cut in a header": (GOOD_TAR[:700], "Truncated"),
    "checksum": (b"\xff" + GOOD_TAR[1:], "image.yaml:4"),
    "text": (b"this is no archive\n" * 200, "image.yaml:4"),
    "larger than may be": (raw_header(size=b"77777777777\0"), "x: 8589934591 bytes are too many"),
    "huge": (raw_header(size=b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7), "entry 1: Tar entry size overflow"),
    "negative": (raw_header(size=b"\xff" * 12), "entry 1: Tar entry has negative size"),
    "sparse and huge": (pax([file("x", b"0\n".ljust(512, b"\0"), pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s",
                                                          "GNU.sparse.realsize": str(1 << 40)})]), "s: 1099511627776 bytes are too many"),
    "pax length": (pax([file("x", pax_headers={"comment": "y" * 20})]).replace(b"32 comment", b"99 comment"), "image.yaml:4"),
    "too many entries": (gzip.compress(tar([file(f"{i}") for i in range(60001)], tarfile.USTAR_FORMAT), 1), "60000: there are too many entries"),
    "no name": (raw_header(name=bytes(1)) + bytes(1024), "the root itself is not a folder"),
    "gzip cut": (gzip.compress(GOOD_TAR)[:-20], "gzip: it ends in the middle"),
    "the root is a link": (tar([link("./", "etc")]), "the root itself is not a folder"),
    "gzip with another checksum": (gzip.compress(GOOD_TAR)[:-8] + bytes(4) + gzip.compress(GOOD_TAR)[-4:], "gzip: incorrect data check"),
    "gzip with another length": (gzip.compress(GOOD_TAR)[:-4] + bytes(4), "gzip: incorrect length check"),
    "gzip and something else": (gzip.compress(GOOD_TAR) + b"more", "gzip: incorrect header check"),
    "gzip in zstd": (oci.PACKED["zstd"](gzip.compress(GOOD_TAR)), "compressed more than once"),
    "bzip2 in gzip": (gzip.compress(oci.PACKED["bzip2"](GOOD_TAR)), "compressed more than once"),
    "zstd in gzip": (gzip.compress(oci.PACKED["zstd"](GOOD_TAR)), "compressed more than once"),
    "gzip twice": (gzip.compress(gzip.compress(GOOD_TAR)), "compressed more than once"),
    "zstd cut": (oci.PACKED["zstd"](GOOD_TAR)[:-10], "image.yaml:4"),
    "xz cut": (oci.PACKED["xz"](GOOD_TAR)[:-30], "image.yaml:4"),
}


def changed(layers=(GOOD_TAR,), config=None, **changes):
    """A layout with one thing changed: manifest=, config_json=, descriptor=, index= or files= is a function on what is there."""
    layout = Layout()
    body = json.loads(oci.configuration(layers, config))
    changes.get("config_json", lambda c: None)(body)
    manifest = {"schemaVersion": 2, "config": layout.blob(json.dumps(body).encode(), oci.CONFIG), "layers": [layout.blob(x, oci.LAYER) for x in layers]}
    changes.get("manifest", lambda m: None)(manifest)
    descriptor = layout.blob(json.dumps(manifest).encode(), oci.MANIFEST)
    changes.get("descriptor", lambda d: None)(descriptor)
    layout.index = [descriptor]
    files = layout.files()
    changes.get("files", lambda f: None)(files)
    return files


def first_layer(**fields):
    return lambda manifest: manifest["layers"][0].update(fields)


def without(what):
    """Takes away the blob of a name."""
    return lambda files: files.pop("blobs/sha256/" + digest(what)[7:])


def damage(what):
    def apply(files):
        files["blobs/sha256/" + digest(what)[7:]] = what[:-1] + b"?"
    return apply


def index_of(text):
    return lambda files: files.update({"index.json": text})


def repacked():
    """The blob unpacks to the same as the one that the manifest names."""
    files = Layout().add([GOOD_TAR], packed="gzip").files()
    name = next(name for name, data in files.items() if data[:2] == b"\x1f\x8b")
    other = bytearray(files[name])
    other[4:8] = b"\1\2\3\4"  # gzip's time
    return files | {name: bytes(other)}


def nested(depth):
    layout = Layout().add([GOOD_TAR])
    for _ in range(depth):
        layout.index = [layout.blob(json.dumps({"schemaVersion": 2, "manifests": layout.index}).encode(), oci.INDEX)]
    return layout.files()


def several(**more):
    return Layout().add([GOOD_TAR], name="one", **more).add([tar([file("x")])], name="two").files()


def hidden(name):
    return changed([tar([folder("a"), file(f"a/{name}")])])


CONFIG = oci.configuration([GOOD_TAR])
LAYOUTS = {
    "index is no JSON": (changed(files=index_of(b"{")), "index.json:1"),
    "index with a key twice": (changed(files=index_of(b'{"manifests": [], "manifests": []}')), "index.json:1: duplicate object key"),
    "index is a list": (changed(files=index_of(b"[]")), "an index has no list manifests"),
    "index is empty": (changed(files=index_of(b'{"manifests": []}')), "there is no image for linux/amd64"),
    "index of numbers": (changed(files=index_of(b'{"manifests": [7]}')), "a digest is missing"),
    "index too deep": (changed(files=index_of(b"[" * 5000)), "index.json:1"),
    "index too large": (changed(files=index_of(b" " * (5 << 20) + b"{}")), "index.json: 5242882 bytes are too many"),
    "indexes in each other": (nested(5), "more than 4 indexes in each other"),
    "for another machine": (changed(descriptor=lambda d: d.update(platform={"os": "linux", "architecture": "s390x"})), "there is no image for linux/amd64"),
    "configured for another machine": (changed(config_json=lambda c: c.update(architecture="arm64")), "the image is for linux/arm64"),
    "configured for no machine": (changed(config_json=lambda c: c.pop("os")), "no os and architecture"),
    "another algorithm": (changed(descriptor=lambda d: d.update(digest="sha512:" + "0" * 128)), "is not sha256:"),
    "digest in capitals": (changed(descriptor=lambda d: d.update(digest=d["digest"].upper().replace("SHA", "sha"))), "is not 64 hex digits"),
    "digest out of the layout": (changed(descriptor=lambda d: d.update(digest="sha256:../../../etc/passwd")), "is not 64 hex digits"),
    "not an image": (changed(descriptor=lambda d: d.update(mediaType="application/vnd.x")), "a application/vnd.x, not an image"),
    "manifest missing": (changed(files=lambda f: [f.pop(k) for k in list(f) if b"schemaVersion" in f[k] and k != "index.json"]), "is not in it"),
    "manifest changed": (changed(files=lambda f: [f.update({k: f[k] + b" "}) for k in list(f) if b"schemaVersion" in f[k] and k != "index.json"]), "another digest"),
    "layers missing": (changed(manifest=lambda m: m.pop("layers")), "no list layers"),
    "too many layers": (changed([GOOD_TAR] * 129), "no list layers of at most 128"),
    "layer of an unknown type": (changed(manifest=first_layer(mediaType="application/vnd.oci.image.layer.v1.tar+encrypted")), "a layer is of type"),
    "layer without size": (changed(manifest=first_layer(size=None)), "a layer has no size"),
    "layer of negative size": (changed(manifest=first_layer(size=-1)), "a layer has no size"),
    "layer of another size": (changed(manifest=first_layer(size=len(GOOD_TAR) + 1)), "and the manifest says"),
    "layer missing": (changed(files=without(GOOD_TAR)), "layer 1 of 1"),
    "layer changed": (changed(files=damage(GOOD_TAR)), "layer 1 of 1"),
    "layer packed otherwise": (repacked(), "its content has another digest"),
    "layer cut": (changed(files=lambda f: f.update({"blobs/sha256/" + digest(GOOD_TAR)[7:]: GOOD_TAR[:1500]})), "layer 1 of 1"),
    "configuration missing": (changed(files=without(CONFIG)), "is not in it"),
    "configuration changed": (changed(files=damage(CONFIG)), "another digest"),
    "diff_id of something else": (changed(config_json=lambda c: c["rootfs"].update(diff_ids=[digest(b"x")])), "another digest than the image's diff_ids"),
    "too few diff_ids": (changed(config_json=lambda c: c["rootfs"].update(diff_ids=[])), "0 diff_ids for 1 layers"),
    "no rootfs": (changed(config_json=lambda c: c.pop("rootfs")), "0 diff_ids for 1 layers"),
    "env without name": (changed(config={"Env": ["=x"]}), "word 1 of the image's Env"),
    "env without value": (changed(config={"Env": ["A=1", "B"]}), "word 2 of the image's Env"),
    "env of the runtime": (changed(config={"Env": ["CMAW_SEED=1"]}), "CMAW_SEED=1: names that start with CMAW_"),
    "env with a new line": (changed(config={"Env": ["A=1\nagent.io=proto"]}), "word 1 of the image's Env"),
    "env too long": (changed(config={"Env": [f"A{i}=1" for i in range(65)]}), "more than 64 words"),
    "entrypoint is a word": (changed(config={"Entrypoint": "/bin/sh"}), "the image's Entrypoint is not a list"),
    "entrypoint of numbers": (changed(config={"Entrypoint": [1]}), "word 1 of the image's Entrypoint"),
    "workdir relative": (changed(config={"WorkingDir": "app"}), "WorkingDir app is not a plain absolute path"),
    "workdir out": (changed(config={"WorkingDir": "/../etc"}), "is not a plain absolute path"),
    "workdir through a file": (changed(config={"WorkingDir": "/a/b/c"}), "a/b/c: it lies behind a file"),
    "hides the folder itself": (hidden(".wh.."), "a/.: not a plain path"),
    "hides the folder above": (hidden(".wh..."), "a/..: not a plain path"),
    "hides nothing": (hidden(".wh."), "a/: not a plain path"),
    "several": (several(), "there are several images in it: one, two"),
}


def docker(**changes):
    def apply(files):
        listed = json.loads(files["manifest.json"])
        listed[0].update({key: value(listed[0][key]) for key, value in changes.items()})
        return files | {"manifest.json": json.dumps(listed).encode()}
    return apply(docker_save([GOOD_TAR]))


def two_saved():
    one, two = docker_save([GOOD_TAR], tags=("a:1",)), docker_save([tar([file("x")])], tags=("b:2",))
    return {**{("f" + k[1:] if k.endswith("/layer.tar") else k): v for k, v in two.items()}, **one,
            "manifest.json": json.dumps([*json.loads(one["manifest.json"]), *json.loads(two["manifest.json"])]).encode()}


SAVED = {
    "config not by its digest": (docker(Config=lambda _: "config.json"), "Config config.json is not named by its digest"),
    "config missing": (docker(Config=lambda _: "0" * 64 + ".json"), "is not in it"),
    "config of another digest": ({**docker(Config=lambda _: "0" * 64 + ".json"), "0" * 64 + ".json": b"{}"}, "another digest"),
    "layer missing": (docker(Layers=lambda _: ["nothing.tar"]), "nothing.tar is not in it"),
    "layer out of the archive": (docker(Layers=lambda _: ["../../../etc/passwd"]), "../../../etc/passwd is not in it"),
    "layer without name": (docker(Layers=lambda _: [None]), "names layer 1 in no way"),
    "layer that is another file": (docker(Layers=lambda _: ["manifest.json"]), "layer 1 of 1"),
    "layers are none": (docker(Layers=lambda _: "x"), "no list Layers"),
    "too few layers": (docker(Layers=lambda _: []), "1 diff_ids for 0 layers"),
    "several": (two_saved(), "there are several images in it: a:1, b:2"),
}


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return Builder(tmp_path_factory.mktemp("malformed"))


def refuse(builder, rootfs, expected):
    (builder.where / "x.eif").unlink(missing_ok=True)
    result = builder.run(rootfs)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("hint: ") and "no kernel" not in line]
    assert result.returncode == 1, result.stderr
    assert len(lines) == 1 and lines[0].startswith(f"cmaw-image: {builder.where}/image.yaml:") and expected in lines[0], result.stderr
    assert not (builder.where / "x.eif").exists()


@pytest.mark.parametrize("name", TARS)
def test_a_tar(builder, name):
    (builder.where / "r.tar").write_bytes(TARS[name][0])
    refuse(builder, "r.tar", TARS[name][1])


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout(builder, name):
    files, expected = LAYOUTS[name]
    (builder.where / "layout.tar").write_bytes(archive(files))
    refuse(builder, "layout.tar", expected)


@pytest.mark.parametrize("name", SAVED)
def test_a_docker_archive(builder, name):
    (builder.where / "saved.tar").write_bytes(archive(SAVED[name][0]))
    refuse(builder, "saved.tar", SAVED[name][1])


def test_what_is_changed_was_good(builder):
    """Without the change each base is accepted, so it is the change that is refused."""
    for name, files in {"l.tar": changed(), "n.tar": nested(3), "s.tar": docker()}.items():
        (builder.where / name).write_bytes(archive(files))
        assert builder.build(name)[0] == {"a": ("d", 0o755, b""), "a/b": ("f", 0o644, b"content")}
        (builder.where / "x.eif").unlink()


def test_a_layout_in_a_folder_is_not_read_through_links(builder, tmp_path):
    secret = tmp_path / "secret"
    where = spread(changed(), tmp_path / "layout")
    blob = where / "blobs/sha256" / digest(GOOD_TAR)[7:]
    blob.rename(secret)
    blob.symlink_to(secret)
    refuse(builder, where, "it is or lies behind a symbolic link")


def test_devices_are_left_out_and_said(builder):
    entries = [*GOOD, oci.entry("a/null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3), oci.entry("a/p\x1b[31m", tarfile.FIFOTYPE, 0o600),
               folder("dev"), oci.entry("dev/sda", tarfile.BLKTYPE, 0o600), file("dev/x", b"x"), link("tmp", "etc"), folder("etc")]
    (builder.where / "r.tar").write_bytes(tar(entries))
    result = builder.run("r.tar")
    assert result.returncode == 0 and "cmaw-image: devices, pipes and sockets are left out: 3, a/null first\n" in result.stderr
    assert set(builder.read()[0]) == {"a", "a/b", "dev", "tmp", "etc"} and builder.read()[0]["tmp"][0] == "d"
    (builder.where / "x.eif").unlink()
